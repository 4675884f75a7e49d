//! The bytes of one stream, however they are held.

use crate::{CowMap, File, Identity, Map, Result, SourceError, map};
use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file of up to this many bytes is read whole. Reading is faster than mapping up to here even for those who look at
/// the first page alone; for those who touch every page it still is at four times the size.
pub const SMALL_BYTES: u64 = 64 << 10;
/// Of a larger one so many bytes are read at once and kept: most headers end within them, and touch no page of the map.
pub const PREFIX_BYTES: usize = 8 << 10;
/// Bytes that a window of a deferred source reads at once.
pub const WINDOW_BYTES: u64 = 64 << 10;
/// Bytes that a glance reads at once: a header far into a file, and some that follow it.
const GLANCE_BYTES: u64 = 2 << 10;

/// How the bytes of a file are to be had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// A small file is read, a larger one mapped; where mapping is unsafe or impossible it is read on demand.
    #[default]
    Auto,
    /// Mapped, whatever its size and wherever it lies; read on demand only when the process has no maps left.
    Mmap,
    /// Never mapped: a small file is read whole, a larger one on demand, and each read checks that the file is the same.
    Read,
}

/// How the bytes of a source are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Read whole.
    Owned,
    /// Mapped.
    Mapped,
    /// Read again by its path whenever bytes are asked for.
    Deferred,
    /// Lent by someone else.
    Foreign,
}

/// Bytes that someone else owns and lends as long as this lives: Python's buffer protocol.
pub trait ForeignBytes: Send + Sync {
    /// The bytes; the same ones at every call.
    fn bytes(&self) -> &[u8];
}

/// A stream whose bytes are fetched range by range: a member of an archive, an object of a store.
pub trait RangedBytes: Send + Sync {
    /// Bytes of the stream.
    fn len(&self) -> u64;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fewer bytes than these cost as much.
    fn at_once(&self) -> usize {
        0
    }

    /// Fills `out` from `offset`; fewer bytes only where the stream ends.
    fn read(&self, offset: u64, out: &mut [u8]) -> std::io::Result<usize>;
}

/// What of `out` a stream that ends at `end` can fill from `offset` on.
pub fn room(out: &mut [u8], offset: u64, end: u64) -> &mut [u8] {
    let left = usize::try_from(end.saturating_sub(offset)).unwrap_or(usize::MAX);
    let len = out.len().min(left);
    out.get_mut(..len).unwrap_or_default()
}

/// The bytes of one stream. Cheap to keep: no file descriptor stays open, unless [`Source::hold`] was asked to.
pub struct Source {
    store: Store,
}

enum Store {
    Owned {
        bytes: Vec<u8>,
        origin: Option<Origin>,
    },
    Mapped {
        prefix: Vec<u8>,
        map: Map,
        origin: Origin,
        /// The descriptor, where it was asked to be held.
        held: Option<File>,
    },
    Deferred {
        prefix: Vec<u8>,
        origin: Origin,
        /// The descriptor, where it was asked to be held.
        held: Option<File>,
    },
    Foreign(Box<dyn ForeignBytes>),
    Ranged {
        prefix: Vec<u8>,
        stream: Arc<dyn RangedBytes>,
    },
}

/// The file that a source was read from.
struct Origin {
    path: PathBuf,
    identity: Identity,
}

/// A contiguous stretch of a source.
#[derive(Debug)]
pub struct Window<'a> {
    /// Where `bytes` begins: the offset that was asked for.
    pub base: u64,
    /// The bytes from there on.
    pub bytes: Cow<'a, [u8]>,
}

impl Source {
    /// Opens a regular file. A directory is `EISDIR`; a FIFO or device is `ENOTSUP`, a socket `ENXIO`, at once.
    pub fn open(path: &Path, access: Access) -> Result<Source> {
        Source::of_file(File::open(path)?, path, access, false)
    }

    /// [`Source::open`], with the descriptor held until [`Source::let_go`] or as long as the source lives: who reads on
    /// at once has the path resolved once, and [`Source::glance`].
    pub fn hold(path: &Path, access: Access) -> Result<Source> {
        Source::of_file(File::open(path)?, path, access, true)
    }

    /// Closes the descriptor that was held. What was read through it is checked to be of the file as it was opened.
    pub fn let_go(&mut self) -> Result<()> {
        match &mut self.store {
            Store::Mapped { held, .. } => *held = None,
            Store::Deferred { held, origin, .. } => {
                if let Some(file) = held.take() {
                    origin.identity.expect(&file.identity_now()?)?;
                }
            }
            Store::Owned { .. } | Store::Foreign(_) | Store::Ranged { .. } => {}
        }
        Ok(())
    }

    fn of_file(file: File, path: &Path, access: Access, hold: bool) -> Result<Source> {
        let identity = file.identity();
        let origin = Origin {
            path: absolute(path),
            identity,
        };
        let small = identity.size <= SMALL_BYTES;
        if identity.size == 0 || (small && access != Access::Mmap) {
            let bytes = file.read_vec(0, identity.size as usize)?;
            if access == Access::Read {
                identity.expect(&file.identity_now()?)?;
            }
            return Ok(Source {
                store: Store::Owned {
                    bytes,
                    origin: Some(origin),
                },
            });
        }
        let prefix = file.read_vec(0, identity.size.min(PREFIX_BYTES as u64) as usize)?;
        let mapped = match access {
            Access::Auto if map::is_safe_on(&file) => Map::whole(&file).ok(),
            Access::Mmap => match Map::whole(&file) {
                Err(SourceError::NO_MEMORY) => None,
                mapped => Some(mapped?),
            },
            Access::Auto | Access::Read => None,
        };
        let held = hold.then_some(file);
        let store = match mapped {
            Some(map) => Store::Mapped {
                prefix,
                map,
                origin,
                held,
            },
            None => Store::Deferred {
                prefix,
                origin,
                held,
            },
        };
        Ok(Source { store })
    }

    /// Bytes that are ours.
    pub fn owned(bytes: Vec<u8>) -> Source {
        Source {
            store: Store::Owned {
                bytes,
                origin: None,
            },
        }
    }

    /// Bytes that are lent.
    pub fn foreign(bytes: Box<dyn ForeignBytes>) -> Source {
        Source {
            store: Store::Foreign(bytes),
        }
    }

    /// Bytes that are fetched range by range; the first ones are at hand.
    pub fn ranged(prefix: Vec<u8>, stream: Arc<dyn RangedBytes>) -> Source {
        Source {
            store: Store::Ranged { prefix, stream },
        }
    }

    /// How the bytes are held.
    pub fn kind(&self) -> Kind {
        match &self.store {
            Store::Owned { .. } => Kind::Owned,
            Store::Mapped { .. } => Kind::Mapped,
            Store::Deferred { .. } | Store::Ranged { .. } => Kind::Deferred,
            Store::Foreign(_) => Kind::Foreign,
        }
    }

    /// Bytes of the stream.
    pub fn len(&self) -> u64 {
        if let Store::Ranged { stream, .. } = &self.store {
            return stream.len();
        }
        self.all().map_or_else(
            || self.identity().map_or(0, |identity| identity.size),
            |bytes| bytes.len() as u64,
        )
    }

    /// Whether the stream has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where the file lies, if it is one: absolute, so that it holds when the working directory changes.
    pub fn path(&self) -> Option<&Path> {
        self.origin().map(|origin| origin.path.as_path())
    }

    /// Which file this was when it was opened, if it is one.
    pub fn identity(&self) -> Option<Identity> {
        self.origin().map(|origin| origin.identity)
    }

    /// The bytes of a range: borrowed where they lie in memory, else read and checked to be of the same file.
    /// What was borrowed of a map is to be trusted once it was used and [`Source::check`] has passed.
    pub fn bytes(&self, range: Range<u64>) -> Result<Cow<'_, [u8]>> {
        let len = self.checked_len(&range)?;
        if let Some(bytes) = stretch(self.prefix(), range.start, len)
            .or_else(|| stretch(self.all()?, range.start, len))
        {
            return Ok(Cow::Borrowed(bytes));
        }
        if let Store::Ranged { stream, .. } = &self.store {
            let mut bytes = Vec::new();
            bytes
                .try_reserve_exact(len)
                .map_err(|_| SourceError::NO_MEMORY)?;
            bytes.resize(len, 0);
            fetch(stream.as_ref(), range.start, &mut bytes)?;
            return Ok(Cow::Owned(bytes));
        }
        self.read_again(|file| file.read_vec(range.start, len))
            .map(Cow::Owned)
    }

    /// Copies the bytes from `offset` into `out`, all of it, and checks them.
    pub fn read_into(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        let len = self.checked_len(&(offset..offset.saturating_add(out.len() as u64)))?;
        if let Some(bytes) =
            stretch(self.prefix(), offset, len).or_else(|| stretch(self.all()?, offset, len))
        {
            out.copy_from_slice(bytes);
            return self.check();
        }
        if let Store::Ranged { stream, .. } = &self.store {
            return fetch(stream.as_ref(), offset, out);
        }
        self.read_again(|file| match file.pread(out, offset)? {
            read if read < len => Err(SourceError::Changed("its size")),
            _ => Ok(()),
        })
    }

    /// The largest stretch from `offset` on that is cheap to have, with `at_least` so many bytes, or all to the end where
    /// there are fewer. Of a map that is what is left of the prefix, if that is enough, else all to the end.
    pub fn window(&self, offset: u64, at_least: u64) -> Result<Window<'_>> {
        let len = self.len();
        let left = len.checked_sub(offset).ok_or(SourceError::OutOfRange {
            start: offset,
            end: offset,
            len,
        })?;
        let at_least = at_least.min(left);
        let tail = |bytes| {
            usize::try_from(offset)
                .ok()
                .and_then(|offset| <[u8]>::get(bytes, offset..))
        };
        let near =
            tail(self.prefix()).filter(|bytes| bytes.len() as u64 >= at_least && !bytes.is_empty());
        if let Some(bytes) = near.or_else(|| tail(self.all()?)) {
            return Ok(Window {
                base: offset,
                bytes: Cow::Borrowed(bytes),
            });
        }
        let end = offset + at_least.max(WINDOW_BYTES).min(left); // at most `len`
        Ok(Window {
            base: offset,
            bytes: self.bytes(offset..end)?,
        })
    }

    /// A window for whoever wants a few bytes here and there: while the descriptor of a map is held they are read, for a
    /// fifth of what the page fault, and what undoes it, would cost. Else [`Source::window`].
    pub fn glance(&self, offset: u64, at_least: u64) -> Result<Window<'_>> {
        let left = self.len().saturating_sub(offset);
        match &self.store {
            Store::Mapped {
                held: Some(file),
                prefix,
                ..
            } if at_least <= GLANCE_BYTES && offset >= prefix.len() as u64 && left > 0 => {
                Ok(Window {
                    base: offset,
                    bytes: Cow::Owned(file.read_vec(offset, GLANCE_BYTES.min(left) as usize)?),
                })
            }
            _ => self.window(offset, at_least),
        }
    }

    /// That what was read so far was the file's: no fault was caught in its map. One atomic load; a source that reads
    /// checks at each read. A file cut short within a page shows zeros on the rest of that page and no fault, and one
    /// that is written in place shows what is written: [`Source::verify`] notices both.
    pub fn check(&self) -> Result<()> {
        match &self.store {
            Store::Mapped { map, .. } => map.check(),
            _ => Ok(()),
        }
    }

    /// [`Source::check`], and that the file at the path still is the one that was opened, in the state it was in: one
    /// system call. What is no file never changes.
    pub fn verify(&self) -> Result<()> {
        self.check()?;
        match self.origin() {
            Some(origin) => origin.identity.expect(&File::identity_at(&origin.path)?),
            None => Ok(()),
        }
    }

    /// A private copy-on-write mapping of a range: bytes that may be written and that outlive this source. `None` where
    /// there is no map to be had of it, and the bytes are to be copied; so too where the file was deleted, which lives on
    /// in the map of the source. Another file at the path, or a changed one, is an error; so the range lies within it.
    pub fn copy_on_write(&self, range: Range<u64>) -> Result<Option<CowMap>> {
        let len = self.checked_len(&range)?;
        if len == 0 {
            return Ok(None);
        }
        let mapped = match &self.store {
            Store::Mapped { origin, .. } => {
                origin.reopen().and_then(|file| CowMap::of(&file, range))
            }
            Store::Deferred {
                held: Some(file), ..
            } if map::is_safe_on(file) => CowMap::of(file, range),
            _ => return Ok(None),
        };
        match mapped {
            Err(SourceError::NO_MEMORY | SourceError::ABSENT) => Ok(None),
            mapped => mapped.map(Some),
        }
    }

    /// All bytes, where they lie in memory already: nothing is read to find out.
    pub fn in_memory(&self) -> Option<&[u8]> {
        let prefix = || Some(self.prefix()).filter(|bytes| bytes.len() as u64 == self.len());
        self.all().or_else(prefix)
    }

    /// All bytes, where they lie in memory, but for those of a prefix.
    fn all(&self) -> Option<&[u8]> {
        match &self.store {
            Store::Owned { bytes, .. } => Some(bytes),
            Store::Mapped { map, .. } => Some(map.bytes()),
            Store::Foreign(foreign) => Some(foreign.bytes()),
            Store::Deferred { .. } | Store::Ranged { .. } => None,
        }
    }

    fn prefix(&self) -> &[u8] {
        match &self.store {
            Store::Mapped { prefix, .. }
            | Store::Deferred { prefix, .. }
            | Store::Ranged { prefix, .. } => prefix,
            Store::Owned { .. } | Store::Foreign(_) => &[],
        }
    }

    fn origin(&self) -> Option<&Origin> {
        match &self.store {
            Store::Owned { origin, .. } => origin.as_ref(),
            Store::Mapped { origin, .. } | Store::Deferred { origin, .. } => Some(origin),
            Store::Foreign(_) | Store::Ranged { .. } => None,
        }
    }

    /// Bytes of a range that lies within the stream.
    fn checked_len(&self, range: &Range<u64>) -> Result<usize> {
        let len = self.len();
        let outside = SourceError::OutOfRange {
            start: range.start,
            end: range.end,
            len,
        };
        let wanted = range
            .end
            .checked_sub(range.start)
            .filter(|_| range.end <= len)
            .ok_or(outside)?;
        usize::try_from(wanted).map_err(|_| SourceError::NO_MEMORY)
    }

    /// Reads from the file at the path. Looking at the file after reading covers the time before and during it.
    fn read_again<T>(&self, read: impl FnOnce(&File) -> Result<T>) -> Result<T> {
        let origin = self.origin().ok_or(SourceError::os(libc::EBADF))?;
        if let Store::Deferred {
            held: Some(file), ..
        } = &self.store
        {
            return read(file);
        }
        let file = origin.reopen()?;
        let bytes = read(&file)?;
        origin.identity.expect(&file.identity_now()?)?;
        Ok(bytes)
    }
}

impl Origin {
    fn reopen(&self) -> Result<File> {
        let file = File::open(&self.path)?;
        self.identity.expect(&file.identity())?;
        Ok(file)
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("kind", &self.kind())
            .field("len", &self.len())
            .field("path", &self.path())
            .finish()
    }
}

/// All of `out`, or the stream is not what it said.
fn fetch(stream: &dyn RangedBytes, offset: u64, out: &mut [u8]) -> Result<()> {
    match stream.read(offset, out)? {
        read if read < out.len() => Err(SourceError::Changed("its size")),
        _ => Ok(()),
    }
}

fn stretch(bytes: &[u8], start: u64, len: usize) -> Option<&[u8]> {
    let start = usize::try_from(start).ok()?;
    bytes.get(start..start.checked_add(len)?)
}

/// The path from the root: one system call, and only for a path that is not.
fn absolute(path: &Path) -> PathBuf {
    if path.is_absolute() {
        path.to_path_buf()
    } else {
        std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
    }
}
