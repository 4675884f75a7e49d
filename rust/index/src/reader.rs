//! Reads the first bytes of one thing after the other, file or object, and more where these are not enough.

use crate::object::Opened;
use crate::walk::{Directory, FileReader, Name};
use rapidicom_source::{Access, File, Identity, RangedBytes, Result, Source};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One per thread.
pub(crate) struct Reader {
    file: FileReader,
    object: Option<Opened>,
    asked: usize,
}

impl Reader {
    pub(crate) fn new(identity: bool) -> Reader {
        Reader {
            file: FileReader::new(identity),
            object: None,
            asked: 0,
        }
    }

    /// Opens a file in a directory: which file it is, if that was asked for.
    #[inline]
    pub(crate) fn open_in(
        &mut self,
        directory: &Directory,
        name: &Name,
    ) -> Result<Option<Identity>> {
        self.object = None;
        self.file.open_in(directory, name)
    }

    /// Reads the first `want` bytes of the opened file.
    #[inline]
    pub(crate) fn fill(&mut self, want: usize) -> Result<()> {
        self.asked = want;
        self.file.fill(want)
    }

    /// The first `want` bytes of the file at a path, and which it is if that was asked for.
    pub(crate) fn read_at(&mut self, path: &Path, want: usize) -> Result<Option<Identity>> {
        self.object = None;
        let identity = self.file.open_at(path)?;
        self.fill(want)?;
        Ok(identity)
    }

    /// Closes what was opened and forgets its bytes.
    #[inline]
    pub(crate) fn close(&mut self) {
        self.object = None;
        self.file.close();
    }

    /// The first bytes of an object.
    pub(crate) fn read_object(
        &mut self,
        stream: Arc<dyn RangedBytes>,
        want: usize,
    ) -> std::io::Result<()> {
        (self.object, self.asked) = (Some(Opened::new(stream, want)?), want);
        Ok(())
    }

    /// How many bytes the first read was to give.
    #[inline]
    pub(crate) fn asked(&self) -> usize {
        self.asked
    }

    /// Reads on until there are `upto` bytes from the start, or all there are.
    pub(crate) fn more(&mut self, upto: usize) -> Result<()> {
        match &mut self.object {
            Some(object) => object.more(upto),
            None => self.file.more(upto),
        }
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        match &self.object {
            Some(object) => object.bytes(),
            None => self.file.bytes(),
        }
    }

    /// The end was seen: these are all bytes.
    pub(crate) fn ended(&self) -> bool {
        match &self.object {
            Some(object) => object.ended(),
            None => self.file.ended(),
        }
    }

    /// The object that was read, if one was.
    pub(crate) fn object(&self) -> Option<&dyn RangedBytes> {
        self.object.as_ref().map(Opened::stream)
    }

    /// What an object refused last, in its own words.
    pub(crate) fn refusal(&self) -> Option<std::io::Error> {
        self.object.as_ref().and_then(Opened::refusal)
    }

    /// Bytes from anywhere in it; fewer where it ends.
    pub(crate) fn read_at_offset(&self, offset: u64, out: &mut [u8]) -> Result<usize> {
        match &self.object {
            Some(object) => Ok(object.stream().read(offset, out)?),
            None => self.file.read_at_offset(offset, out),
        }
    }

    /// How long it is: a system call for a file.
    pub(crate) fn size(&self, path: &dyn Fn() -> PathBuf) -> Result<u64> {
        match &self.object {
            Some(object) => Ok(object.len()),
            None => Ok(File::identity_at(&path())?.size),
        }
    }

    /// All of it, to look into here and there.
    pub(crate) fn open(&self, path: &dyn Fn() -> PathBuf) -> Result<Source> {
        match &self.object {
            Some(object) => Ok(object.source()),
            None => Source::open(&path(), Access::Auto),
        }
    }

    /// Which file the one that was read is now; an object stays what it was.
    pub(crate) fn identity_now(&self) -> Result<Option<Identity>> {
        match &self.object {
            Some(_) => Ok(None),
            None => self.file.identity_now(),
        }
    }
}
