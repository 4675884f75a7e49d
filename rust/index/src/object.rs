//! What is read like a file and is none: a member of an archive, an object of a store, bytes in memory.

use rapidicom_source::{Identity, RangedBytes, Result, Source};
use std::io::{Error, ErrorKind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// A stream of bytes with a name.
pub struct Object {
    /// What its row calls it.
    pub path: PathBuf,
    /// Size and time, by which it is known again; inode and device are of what it lies in.
    pub identity: Option<Identity>,
    /// Its bytes, or in words why there are none.
    pub content: std::result::Result<Arc<dyn RangedBytes>, String>,
}

/// Who refused bytes by an exception: its name and its words. What reading an object fails with may be one.
#[derive(Debug)]
pub struct Refusal {
    /// What the exception is called.
    pub name: String,
    /// What it says.
    pub words: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.name, self.words)
    }
}

impl std::error::Error for Refusal {}

/// Where paths come from: both kinds of thing, as they come.
pub enum Item {
    /// A file, or a folder that is walked.
    Path(PathBuf),
    /// A glob pattern.
    Pattern(PathBuf),
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

/// A stream, and what it refused last: a [`Source`] keeps no more of that than a number.
struct Remembering {
    stream: Arc<dyn RangedBytes>,
    refusal: Mutex<Option<Error>>,
}

impl RangedBytes for Remembering {
    fn len(&self) -> u64 {
        self.stream.len()
    }

    fn at_once(&self) -> usize {
        self.stream.at_once()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> std::io::Result<usize> {
        self.stream.read(offset, out).map_err(|error| {
            let number = error.raw_os_error();
            let mut refusal = self.refusal.lock().unwrap_or_else(PoisonError::into_inner);
            *refusal = Some(error);
            number.map_or(ErrorKind::Other.into(), Error::from_raw_os_error)
        })
    }
}

/// An object whose first bytes were read.
pub(crate) struct Opened {
    stream: Arc<Remembering>,
    bytes: Vec<u8>,
    ended: bool,
}

impl Opened {
    pub(crate) fn new(stream: Arc<dyn RangedBytes>, want: usize) -> std::io::Result<Opened> {
        let mut opened = Opened {
            stream: Arc::new(Remembering {
                stream,
                refusal: Mutex::default(),
            }),
            bytes: Vec::new(),
            ended: false,
        };
        let least = opened.stream.at_once();
        let filled = opened.fill(want.max(least));
        filled.map_err(|error| opened.refusal().unwrap_or(error))?;
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

    /// What it refused last, in its own words.
    pub(crate) fn refusal(&self) -> Option<Error> {
        let refusal = &self.stream.refusal;
        refusal
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    pub(crate) fn source(&self) -> Source {
        let stream: Arc<dyn RangedBytes> = Arc::<Remembering>::clone(&self.stream);
        Source::ranged(self.bytes.clone(), stream)
    }
}
