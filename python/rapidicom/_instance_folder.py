"""A folder of Part 10 files that are whole or not there: written aside, made durable, then given their names."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import secrets
import stat
import threading
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ._instance_layout import InstanceLayout

RECEIVING = ".receiving"
"""Where files are written: on the file system of the folder, as a name can't be given across two."""

# PS3.10 §7.1: preamble, prefix, and the element (0002,0000), whose value is the length of all that follows of group 2.
_GROUP_LENGTH = b"DICM\x02\x00\x00\x00UL\x04\x00"
_FILE_META_START = 128 + len(_GROUP_LENGTH) + 4
_NO_HARD_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
_PIECE = 1 << 20
_MANY_FOLDERS = 100_000


class DuplicateError(Exception):
    """Another instance of the same SOP Instance UID is there, and is kept."""


def data_set_offset(file: int) -> int:
    """Where the data set begins in an open Part 10 file that has (0002,0000), else 0. PS3.10 §7.1"""
    head = os.pread(file, _FILE_META_START, 0)
    if len(head) < _FILE_META_START or head[128:-4] != _GROUP_LENGTH:
        return 0
    return _FILE_META_START + int.from_bytes(head[-4:], "little")


class InstanceFolder:
    """Writes instances so that each is whole, durable and under its name, or not there at all.

    A file is written in the folder ``.receiving``, fsynced, and linked to its name, which fails where the name is
    taken: two writers never mix, in one process or in several. A lock says which unfinished files belong to a process
    that lives; those of the others are removed when a folder is opened.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        layout: InstanceLayout,
        duplicate: Literal["both", "replace", "keep"],
        *,
        sync: bool = True,
    ) -> None:
        self.path = os.path.abspath(folder)
        self._layout, self._duplicate, self._sync = layout, duplicate, sync
        self._receiving = os.path.join(self.path, RECEIVING)
        os.makedirs(self._receiving, exist_ok=True)
        if sync:
            _make_durable(self.path)
        self._durable: set[str] = set()  # folders whose own names are known to be on disk
        self._naming = threading.Lock()
        self._remove_leftovers()
        self._token, self._lock = self._take_lock()
        self._numbers = count()

    def close(self) -> None:
        """Gives up the lock."""
        with suppress(FileNotFoundError):
            os.unlink(self._lock_path(self._token))
        os.close(self._lock)

    def _lock_path(self, token: str) -> str:
        return f"{self._receiving}/{token}.lock"

    def _take_lock(self) -> tuple[str, int]:
        while True:
            token = f"{os.getpid()}-{secrets.token_hex(4)}"
            lock = os.open(self._lock_path(token), os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:  # a process that starts at this moment takes it for a leftover
                os.close(lock)
                continue
            if os.fstat(lock).st_nlink:  # else that process has removed it already
                return token, lock
            os.close(lock)

    def _remove_leftovers(self) -> None:
        """Removes the unfinished files of processes that are gone. None of them was acknowledged."""
        names = os.listdir(self._receiving)
        for token in {name.partition(".")[0] for name in names}:
            try:
                lock = os.open(self._lock_path(token), os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            except FileNotFoundError:  # given up since; a lock is older than what is written under it
                lock = -1
            try:
                if lock >= 0:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                for name in (*names, f"{token}.lock"):
                    if name.startswith(f"{token}."):
                        with suppress(OSError):
                            os.unlink(f"{self._receiving}/{name}")
            except BlockingIOError:
                continue  # its process lives
            finally:
                if lock >= 0:
                    os.close(lock)

    def add(self, header: bytes, data_set: memoryview | tuple[int, int], uids: Mapping[str, str]) -> tuple[str, bool]:
        """Writes one file -> its path, and whether it is new: False where the same data set was there already.

        ``header``: preamble, prefix and File Meta Information. ``data_set``: its bytes, or an open file and the offset
        from which on it is read. ``OSError`` where it can't be written, ``DuplicateError`` as ``duplicate`` asks.
        """
        *folders, name = self._layout.parts(uids)
        temporary = f"{self._receiving}/{self._token}.{next(self._numbers)}"
        try:
            file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
            try:
                _write(file, header, data_set)
                if self._sync:
                    os.fsync(file)
            finally:
                os.close(file)  # which may be where NFS says that the disk is full
            name, is_new = self._give_name(temporary, folders, name)
        finally:
            with suppress(FileNotFoundError):  # where it was renamed
                os.unlink(temporary)
        return "/".join((self.path, *folders, name)), is_new

    def _give_name(self, temporary: str, folders: Sequence[str], name: str) -> tuple[str, bool]:
        for last in (False, True):
            folder = self._open(folders)
            try:
                name, is_new = self._link(temporary, name, folder)
                if self._sync:
                    os.fsync(folder)
                return name, is_new
            except FileNotFoundError:  # someone removed the folder, empty as it was, after it was opened
                if last:
                    raise
                self._durable.clear()
            finally:
                os.close(folder)
        raise AssertionError

    def _open(self, folders: Sequence[str]) -> int:
        """Opens a folder below this one, which is made where it is missing; no symbolic link is followed."""
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        folder, path = os.open(self.path, flags), ""
        try:
            for name in folders:
                path = f"{path}/{name}"
                try:
                    inner = os.open(name, flags | os.O_NOFOLLOW, dir_fd=folder)
                except FileNotFoundError:
                    with suppress(FileExistsError):
                        os.mkdir(name, 0o755, dir_fd=folder)
                    self._durable.discard(path)
                    inner = os.open(name, flags | os.O_NOFOLLOW, dir_fd=folder)
                outer, folder = folder, inner
                try:
                    if self._sync and path not in self._durable:  # once a folder, not once a file
                        os.fsync(outer)
                        if len(self._durable) >= _MANY_FOLDERS:
                            self._durable.clear()
                        self._durable.add(path)
                finally:
                    os.close(outer)
        except BaseException:
            os.close(folder)
            raise
        return folder

    def _link(self, temporary: str, name: str, folder: int) -> tuple[str, bool]:
        """Gives the file its name, in a step that fails where the name is taken."""
        try:
            os.link(temporary, name, dst_dir_fd=folder, follow_symlinks=False)
            return name, True
        except FileExistsError:
            return self._beside(temporary, name, folder)
        except OSError as error:
            if error.errno not in _NO_HARD_LINKS:
                raise
        with self._naming:  # a file system without hard links, where only this process keeps its threads apart
            try:
                os.stat(name, dir_fd=folder, follow_symlinks=False)
            except FileNotFoundError:
                os.rename(temporary, name, dst_dir_fd=folder)
                return name, True
        return self._beside(temporary, name, folder)

    def _beside(self, temporary: str, name: str, folder: int) -> tuple[str, bool]:
        """What becomes of a file whose name is taken."""
        file = os.open(temporary, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if self._is_there(file, name, folder):
                return name, False
            if self._duplicate == "keep":
                raise DuplicateError(name)
            if self._duplicate == "both":  # by content: the same data set, received again, comes to the same name
                stem, dot, suffix = name.rpartition(".")
                name = f"{stem}-{_digest(file)}{dot}{suffix}" if suffix == "dcm" else f"{name}-{_digest(file)}"
                if self._is_there(file, name, folder):
                    return name, False
        finally:
            os.close(file)
        os.rename(temporary, name, dst_dir_fd=folder)
        return name, True

    def _is_there(self, file: int, name: str, folder: int) -> bool:
        """Whether what has this name is the same data set."""
        try:
            other = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        except FileNotFoundError:
            return False
        try:
            if not _is_same(file, other):
                return False
            if self._sync:  # whoever wrote it may not have come so far
                os.fsync(other)
            return True
        finally:
            os.close(other)


def _make_durable(path: str) -> None:
    """Has the names of a new folder, and of those it lies in, on disk."""
    parent = path
    while parent != (parent := os.path.dirname(parent)):
        with suppress(OSError):  # one that may not be read was there before
            folder = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


def _write(file: int, header: bytes, data_set: memoryview | tuple[int, int]) -> None:
    if isinstance(data_set, memoryview):
        written = os.writev(file, [header, data_set]) - len(header)
        while written < 0:
            written += os.write(file, header[written:])
        while written < len(data_set):
            written += os.write(file, data_set[written:])
        return
    source, offset = data_set
    left = header
    while left:
        left = left[os.write(file, left) :]
    while sent := os.sendfile(file, source, offset, 1 << 30):
        offset += sent


def _is_same(file: int, other: int) -> bool:
    """Whether two Part 10 files are the same data set in the same Transfer Syntax; the rest of group 2 may differ."""
    if not stat.S_ISREG(os.fstat(other).st_mode):
        return False
    begins, other_begins = data_set_offset(file), data_set_offset(other)
    if not other_begins or os.fstat(file).st_size - begins != os.fstat(other).st_size - other_begins:
        return False
    if _transfer_syntax(file, begins) != _transfer_syntax(other, other_begins):
        return False
    return all(a == b for a, b in zip(_pieces(file, begins), _pieces(other, other_begins), strict=True))


def _transfer_syntax(file: int, begins: int) -> bytes:
    """The element (0002,0010) of File Meta Information, without its padding."""
    file_meta = os.pread(file, min(begins, _PIECE), 0)[_FILE_META_START:]
    _, _, rest = file_meta.partition(b"\x02\x00\x10\x00UI")
    return rest[2 : 2 + int.from_bytes(rest[:2], "little")].rstrip(b"\0")


def _pieces(file: int, offset: int) -> Iterator[bytes]:
    while piece := os.pread(file, _PIECE, offset):
        yield piece
        offset += len(piece)


def _digest(file: int) -> str:
    """128 bits of the SHA-256 of Transfer Syntax and data set."""
    begins = data_set_offset(file)
    digest = hashlib.sha256(_transfer_syntax(file, begins))
    for piece in _pieces(file, begins):
        digest.update(piece)
    return digest.hexdigest()[:32]
