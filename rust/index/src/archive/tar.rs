//! TAR: members lie one after the other. Of a plain one each is read where it lies; a compressed one is read through once,
//! and of each member the first bytes are kept.

use super::{Gone, Listing};
use crate::object::Object;
use flate2::read::MultiGzDecoder;
use rapidicom_source::{File, RangedBytes, room};
use std::io::{BufReader, Error, Read, Result, Seek};
use std::sync::Arc;
use tar::{Archive, Entries, Entry};

/// Of a member of a compressed TAR so many bytes are kept.
const KEPT: u64 = 256 << 10;

type Listed = std::result::Result<(), Option<String>>;

pub(super) fn list(listing: &mut Listing) -> Listed {
    let file = std::fs::File::open(&listing.path).map_err(|error| Some(error.to_string()))?;
    // Unbuffered: between two headers of 512 bytes lies a member, which is stepped over.
    seek_through(listing, &mut Archive::new(file))
}

fn seek_through<R: Read + Seek>(listing: &mut Listing, archive: &mut Archive<R>) -> Listed {
    let entries = archive.entries_with_seek().map_err(|error| words(&error))?;
    each(listing, entries, |listing, entry, size| {
        let (start, there) = (entry.raw_file_position(), listing.identity.size);
        // Stepping over a member does not notice that the archive ends within it.
        if start.saturating_add(size) > there {
            return Err(ends_within(entry));
        }
        Ok(Arc::new(Member {
            file: Arc::clone(&listing.file),
            start,
            size,
        }))
    })
}

pub(super) fn list_compressed(listing: &mut Listing) -> Listed {
    let file = std::fs::File::open(&listing.path).map_err(|error| Some(error.to_string()))?;
    let mut archive = Archive::new(MultiGzDecoder::new(BufReader::new(file)));
    let entries = archive.entries().map_err(|error| words(&error))?;
    each(listing, entries, |_, entry, size| {
        let mut first = Vec::new();
        entry.take(KEPT).read_to_end(&mut first)?;
        if (first.len() as u64) < size.min(KEPT) {
            return Err(ends_within(entry));
        }
        Ok(Arc::new(Beginning { first, size }))
    })
}

fn ends_within<R: Read>(entry: &Entry<'_, R>) -> Error {
    let name = entry.path_bytes();
    let name = String::from_utf8_lossy(&name);
    Error::other(format!("it ends within the member {name}"))
}

fn words(error: &Error) -> Option<String> {
    Some(format!("not a TAR archive to its end: {error}"))
}

fn each<'a, R: Read + 'a>(
    listing: &mut Listing,
    entries: Entries<'a, R>,
    content: impl Fn(&Listing, &mut Entry<'a, R>, u64) -> Result<Arc<dyn RangedBytes>>,
) -> Listed {
    for entry in entries {
        let mut entry = entry.map_err(|error| words(&error))?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let size = entry.size();
        let (path, identity) = listing.member("tar://", &entry.path_bytes(), size);
        let content = content(listing, &mut entry, size).map_err(|error| words(&error))?;
        let object = Object {
            path,
            identity,
            content: Ok(content),
        };
        listing.push(object).map_err(|Gone| None)?;
    }
    Ok(())
}

/// A member where it lies.
struct Member {
    file: Arc<File>,
    start: u64,
    size: u64,
}

impl RangedBytes for Member {
    fn len(&self) -> u64 {
        self.size
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<usize> {
        self.file
            .pread(
                room(out, offset, self.size),
                self.start.saturating_add(offset),
            )
            .map_err(Error::other)
    }
}

/// What was kept of a member.
struct Beginning {
    first: Vec<u8>,
    size: u64,
}

impl RangedBytes for Beginning {
    fn len(&self) -> u64 {
        self.size
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<usize> {
        let end = offset.saturating_add(out.len() as u64).min(self.size);
        let kept = usize::try_from(offset)
            .ok()
            .zip(usize::try_from(end).ok())
            .and_then(|(from, to)| self.first.get(from..to.max(from)));
        let Some(bytes) = kept else {
            return Err(Error::other(format!(
                "of a member of a compressed TAR only the first {} KiB are read, and what was asked for lies behind them; \
                 unpack the archive",
                KEPT >> 10
            )));
        };
        out.get_mut(..bytes.len())
            .unwrap_or_default()
            .copy_from_slice(bytes);
        Ok(bytes.len())
    }
}
