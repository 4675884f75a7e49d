//! What is read like a file and is none: a member of an archive, an object of a store, bytes in memory.

use rapidicom_source::{Identity, RangedBytes, Result, Source};
use std::path::PathBuf;
use std::sync::Arc;

/// A stream of bytes with a name.
pub struct Object {
    /// What its row calls it.
    pub path: PathBuf,
    /// Size and time, by which it is known again; inode and device are of what it lies in.
    pub identity: Option<Identity>,
    /// Its bytes, or in words why there are none.
    pub content: std::result::Result<Arc<dyn RangedBytes>, String>,
}

/// Where paths come from: both kinds of thing, as they come.
pub enum Item {
    /// A file, or a folder that is walked.
    Path(PathBuf),
    /// An object.
    Object(Object),
}

/// Bytes that are all there.
pub struct InMemory(pub Vec<u8>);

impl RangedBytes for InMemory {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> std::io::Result<usize> {
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let bytes = self.0.get(from..).unwrap_or_default();
        let len = bytes.len().min(out.len());
        for (to, from) in out.iter_mut().zip(bytes) {
            *to = *from;
        }
        Ok(len)
    }
}

/// An object whose first bytes were read.
pub(crate) struct Opened {
    stream: Arc<dyn RangedBytes>,
    bytes: Vec<u8>,
    ended: bool,
}

impl Opened {
    pub(crate) fn new(stream: Arc<dyn RangedBytes>, want: usize) -> std::io::Result<Opened> {
        let mut opened = Opened {
            stream,
            bytes: Vec::new(),
            ended: false,
        };
        let least = opened.stream.at_once();
        opened.fill(want.max(least))?;
        Ok(opened)
    }

    pub(crate) fn more(&mut self, upto: usize) -> Result<()> {
        Ok(self.fill(upto)?)
    }

    fn fill(&mut self, upto: usize) -> std::io::Result<()> {
        let len = usize::try_from(self.stream.len()).unwrap_or(usize::MAX);
        let (from, upto) = (self.bytes.len(), upto.min(len));
        if from < upto {
            self.bytes.resize(upto, 0);
            let room = self.bytes.get_mut(from..).unwrap_or_default();
            let read = self.stream.read(from as u64, room);
            self.bytes.truncate(from + *read.as_ref().unwrap_or(&0));
            read?;
        }
        self.ended = self.bytes.len() >= len || self.bytes.len() < upto;
        Ok(())
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    pub(crate) fn len(&self) -> u64 {
        self.stream.len()
    }

    pub(crate) fn stream(&self) -> &dyn RangedBytes {
        self.stream.as_ref()
    }

    pub(crate) fn source(&self) -> Source {
        Source::ranged(self.bytes.clone(), Arc::clone(&self.stream))
    }
}
