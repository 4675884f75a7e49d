//! Members of ZIP and TAR files as objects: nothing is unpacked to disk, and of each member no more is inflated than its
//! header needs. A member's row is called by fsspec's chained form, `zip://inner/name.dcm::/abs/archive.zip`; that name is
//! never used as a path. Members are listed by a thread that lives as long as who listens.

mod tar;
mod zip;

use crate::object::Object;
use rapidicom_core::Limits;
use rapidicom_source::{File, Identity, room};
use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Members that are handed over at once.
const SOME: usize = 64;

#[derive(Clone, Copy)]
enum Format {
    Zip,
    Tar,
    CompressedTar,
}

impl Format {
    fn of(path: &Path) -> Option<Format> {
        // Asked of each path that is named: nothing is copied.
        let name = path.file_name()?.to_str()?.as_bytes();
        let ends = |suffix: &str| {
            let from = name.len().checked_sub(suffix.len());
            from.and_then(|from| name.get(from..))
                .is_some_and(|end| end.eq_ignore_ascii_case(suffix.as_bytes()))
        };
        match () {
            () if ends(".zip") => Some(Format::Zip),
            () if ends(".tar") => Some(Format::Tar),
            () if ends(".tar.gz") || ends(".tgz") => Some(Format::CompressedTar),
            () => None,
        }
    }
}

/// The members of an archive, some at a time.
pub(crate) struct Members {
    listed: Receiver<Vec<Object>>,
}

impl Members {
    /// Waits for the next ones; none at the end.
    pub(crate) fn take_some(&mut self) -> Option<Vec<Object>> {
        self.listed.recv().ok()
    }
}

/// Whether a path is called like an archive.
pub(crate) fn is_archive(path: &Path) -> bool {
    Format::of(path).is_some()
}

/// The members of a file that is called like an archive; none of what is no file.
pub(crate) fn members(path: &Path, limits: &Limits) -> Option<Members> {
    let format = Format::of(path)?;
    let file = File::open(path).ok()?;
    let (sender, listed) = sync_channel(2);
    let listing = Listing {
        path: path.to_path_buf(),
        identity: file.identity(),
        file: Arc::new(file),
        most: limits.max_inflated_bytes,
        some: Vec::new(),
        sender,
    };
    let thread = std::thread::Builder::new().name("rapidicom-archive".to_owned());
    thread.spawn(move || listing.run(format)).ok()?;
    Some(Members { listed })
}

/// No one listens any more.
struct Gone;

/// What the thread that lists has in hand.
struct Listing {
    path: PathBuf,
    file: Arc<File>,
    identity: Identity,
    /// Bytes that one member may inflate to.
    most: u64,
    some: Vec<Object>,
    sender: SyncSender<Vec<Object>>,
}

impl Listing {
    fn run(mut self, format: Format) {
        let listed = match format {
            Format::Zip => zip::list(&mut self),
            Format::Tar => tar::list(&mut self),
            Format::CompressedTar => tar::list_compressed(&mut self),
        };
        // An archive that is damaged is a row of its own; what was listed before stays.
        if let Err(Some(words)) = listed {
            self.some.push(Object {
                path: self.path.clone(),
                identity: None,
                content: Err(words),
            });
        }
        let _ = self.sender.send(std::mem::take(&mut self.some));
    }

    fn push(&mut self, object: Object) -> Result<(), Gone> {
        self.some.push(object);
        if self.some.len() < SOME {
            return Ok(());
        }
        self.sender
            .send(std::mem::take(&mut self.some))
            .map_err(|_| Gone)
    }

    /// What a member is known again by: its size, and the archive's time and inode.
    fn member(&self, scheme: &str, name: &[u8], size: u64) -> (PathBuf, Option<Identity>) {
        let mut path = OsString::from(scheme);
        path.push(os_string(name));
        path.push("::");
        path.push(&self.path);
        let identity = Identity {
            size,
            ..self.identity
        };
        (PathBuf::from(path), Some(identity))
    }
}

#[cfg(unix)]
fn os_string(name: &[u8]) -> OsString {
    use std::os::unix::ffi::OsStringExt;
    OsString::from_vec(name.to_vec())
}

#[cfg(not(unix))]
fn os_string(name: &[u8]) -> OsString {
    String::from_utf8_lossy(name).into_owned().into()
}

/// A stretch of the archive, read from its start.
struct Section {
    file: Arc<File>,
    at: u64,
    end: u64,
}

impl Read for Section {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let read = self
            .file
            .read_at_most(room(out, self.at, self.end), self.at)
            .map_err(std::io::Error::other)?;
        self.at = self.at.saturating_add(read as u64);
        Ok(read)
    }
}
