"""Objects of a store as sources of an index: ``rd.index("s3://bucket/prefix")``.

Of each object only the header's bytes are fetched, by range requests, as many at once as there are threads (64 unless
said). The package ``obstore`` speaks to S3, GCS, Azure and HTTP (``pip install rapidicom[remote]``) and takes its
settings from the environment (``AWS_ENDPOINT_URL``, ``AWS_ACCESS_KEY_ID`` …) or from a store that it is given; other
schemes go through ``fsspec`` where that is installed.
"""

from __future__ import annotations

import errno
import fnmatch
import os
from collections.abc import Callable, Iterator
from typing import Any

from ._foreign import plainly

__all__ = ["RemoteObject", "objects"]

#: What obstore makes a store of by itself.
OBSTORE_SCHEMES = frozenset({"s3", "s3a", "gs", "az", "azure", "abfs", "abfss", "adl", "http", "https"})
MAGIC = "*?["


class RemoteObject:
    """One object: how large it is, when it was written, and how its bytes are had."""

    __slots__ = ("_read", "mtime_ns", "size")

    def __init__(self, size: int, mtime_ns: int, read: Callable[[int, int], bytes]) -> None:
        self.size, self.mtime_ns, self._read = size, mtime_ns, read

    def read(self, offset: int, length: int) -> bytes:
        """Return ``length`` bytes from ``offset``; ``OSError`` where the store refuses."""
        return self._read(offset, length)


def objects(url: str, *, store: Any = None) -> Iterator[tuple[str, RemoteObject]]:
    """Yield each object's URL and the object: all that lie under ``url``, that match it as a glob, or the one it names.

    Args:
        url: ``s3://bucket/prefix``, ``s3://bucket/*/CT*.dcm`` (``*`` matches ``/`` too), ``s3://bucket/one.dcm``, or a
            URL of another scheme.
        store: An obstore store at the URL's root (``s3://bucket``), if it needs more than the environment says.

    A chain of fsspec, ``zip://inner/*.dcm::/abs/archive.zip``, names members of an archive; the archive's own path does
    too, all of them, and faster.

    Raises:
        ImportError: Where neither obstore nor fsspec can read the scheme.
        FileNotFoundError: Where the store says that nothing is there.
        OSError: Where the store does not answer, or refuses.
    """
    first, chained, outer = url.partition("::")
    scheme, _, path = first.partition("://")
    if chained and "://" not in outer:
        outer = os.path.abspath(outer)  # noqa: PTH100 - resolve() would follow links
    if chained:
        base, behind = f"{scheme}://", f"::{outer}"
    else:
        root, _, path = path.partition("/")
        base, behind = f"{scheme}://{root}/", ""
    fixed = path
    if any(sign in path for sign in MAGIC):
        stop = min(path.index(sign) for sign in MAGIC if sign in path)
        fixed = path[:stop].rpartition("/")[0]
    with plainly(url, Exception):
        if store is not None or (not chained and scheme in OBSTORE_SCHEMES):
            found = _by_obstore(base.removesuffix("/"), fixed, store)
        else:
            found = _by_fsspec(base, fixed, behind)
        for name, remote in found:
            if fixed == path or fnmatch.fnmatchcase(name, path):
                yield f"{base}{name}{behind}", remote


def _by_obstore(base: str, path: str, store: Any) -> Iterator[tuple[str, RemoteObject]]:
    try:
        import obstore
        from obstore.store import from_url
    except ImportError:
        raise ImportError(f"{base}: object stores are read by obstore: pip install rapidicom[remote]") from None
    if store is None:
        local = os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://")
        store = from_url(base, client_options={"allow_http": True}) if local else from_url(base)

    def remote(meta: Any) -> tuple[str, RemoteObject]:
        name = meta["path"]

        def read(offset: int, length: int) -> bytes:
            with plainly(f"{base}/{name}", Exception):
                return bytes(obstore.get_range(store, name, start=offset, length=length))

        return name, RemoteObject(meta["size"], int(meta["last_modified"].timestamp() * 1e6) * 1000, read)

    if path and not path.endswith("/"):
        try:
            yield remote(obstore.head(store, path))
            return
        except FileNotFoundError:
            pass  # no object, perhaps a prefix
    for chunk in obstore.list(store, prefix=path or None):
        yield from map(remote, chunk)


def _by_fsspec(base: str, path: str, behind: str) -> Iterator[tuple[str, RemoteObject]]:
    try:
        import fsspec
    except ImportError:
        raise ImportError(f"{base}: this scheme is read by fsspec: pip install fsspec") from None
    url = f"{base}{path}{behind}"
    system, root = fsspec.core.url_to_fs(url)
    prefix = len(root) - len(path)
    found = system.find(root, withdirs=False, detail=True)
    if path and not found:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), url)
    archive = behind.removeprefix("::")
    of_archive = os.stat(archive).st_mtime_ns if os.path.isfile(archive) else None  # noqa: PTH113, PTH116 - any bytes

    for name, facts in found.items():

        def read(offset: int, length: int, name: str = name) -> bytes:
            with plainly(f"{base}{name[prefix:].lstrip('/')}{behind}", Exception):
                return bytes(system.cat_file(name, start=offset, end=offset + length))

        changed = facts.get("mtime") or facts.get("LastModified") or facts.get("created") or 0
        seconds = changed.timestamp() if hasattr(changed, "timestamp") else float(changed)
        time = int(seconds * 1e6) * 1000 if of_archive is None else of_archive  # a member has the time of its archive
        yield name[prefix:].lstrip("/"), RemoteObject(int(facts["size"]), time, read)
