//! The bytes of one file: a prefix in a reused buffer, and where that is not enough the file itself, mapped or read on
//! demand, so that what is stepped over is never read.
//!
//! How long the file is costs a system call. It is asked only when something seems odd: until then the file is taken to
//! be endless, and what would lie beyond its end is noticed when it is read.

use crate::object::Refusal;
use crate::reader::Reader;
use rapidicom_core::read::{Bytes, HereAndThere, Need, Window};
use rapidicom_core::{Error, ErrorKind};
use rapidicom_source::{Identity, RangedBytes, Source, SourceError};
use std::borrow::Cow;
use std::ops::Range;
use std::path::PathBuf;

/// The length of a file whose length was not asked.
pub(crate) const ENDLESS: u64 = 1 << 62;

/// A page. More of a file is read by pages.
pub(crate) const PAGE: usize = 4096;

/// The prefix grows up to here; what lies further is not read through, but looked at where it is.
const LONGEST_PREFIX: u64 = 64 << 10;

/// Why a file's bytes or their meaning could not be had.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The operating system, or the file under our hands.
    Source(SourceError),
    /// What a store or an archive said, behind the name of the exception.
    Words(String),
    /// What the bytes mean.
    Meaning(Error),
    /// The file's length is known now: all that was believed before is to be read again.
    Again,
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Failure {
        Failure::Source(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        if let Some(errno) = error.raw_os_error() {
            return Failure::Source(SourceError::Os { errno });
        }
        match error.downcast::<Error>() {
            Ok(meaning) => Failure::Meaning(meaning),
            Err(error) => match error.downcast::<Refusal>() {
                Ok(refusal) => Failure::Words(refusal.to_string()),
                Err(error) => Failure::Words(format!("OSError: {error}")),
            },
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Meaning(error)
    }
}

impl Failure {
    /// Code and words of the column `error`: the exception that opening the file would raise.
    pub(crate) fn words(&self) -> String {
        match self {
            Failure::Source(SourceError::Os { errno }) => {
                let said = std::io::Error::from_raw_os_error(*errno);
                let name = exception_of(said.kind());
                let said = said.to_string();
                format!(
                    "{name}: [Errno {errno}] {}",
                    said.split(" (os error").next().unwrap_or_default()
                )
            }
            Failure::Source(error) => format!("FileChangedError: {error}"),
            Failure::Words(said) => said.clone(),
            Failure::Again => "InternalError: the file was not read to its end".to_owned(),
            Failure::Meaning(error) => {
                let kind = match error.kind {
                    ErrorKind::InvalidDicom => "InvalidDicomError",
                    ErrorKind::Truncated => "TruncatedError",
                    ErrorKind::ValueDecode => "ValueDecodeError",
                    ErrorKind::Limit { .. } => "LimitError",
                    ErrorKind::UnsupportedTransferSyntax => "UnsupportedTransferSyntaxError",
                    ErrorKind::PixelDecode => "PixelDecodeError",
                    ErrorKind::FileChanged => "FileChangedError",
                    ErrorKind::Os(_) => "OSError",
                    ErrorKind::Internal => "InternalError",
                };
                let place = error
                    .offset
                    .map_or(String::new(), |offset| format!(" (byte {offset})"));
                let tag = error.tag.map_or(String::new(), |tag| format!(" {tag}"));
                format!("{kind}: {error}{tag}{place}")
            }
        }
    }
}

/// What Python calls the refusal of an operating system: one of the subclasses of `OSError`, where there is one.
fn exception_of(kind: std::io::ErrorKind) -> &'static str {
    use std::io::ErrorKind as Kind;
    match kind {
        Kind::NotFound => "FileNotFoundError",
        Kind::PermissionDenied => "PermissionError",
        Kind::IsADirectory => "IsADirectoryError",
        Kind::NotADirectory => "NotADirectoryError",
        Kind::AlreadyExists => "FileExistsError",
        Kind::TimedOut => "TimeoutError",
        Kind::Interrupted => "InterruptedError",
        Kind::WouldBlock => "BlockingIOError",
        Kind::BrokenPipe => "BrokenPipeError",
        Kind::ConnectionAborted => "ConnectionAbortedError",
        Kind::ConnectionRefused => "ConnectionRefusedError",
        Kind::ConnectionReset => "ConnectionResetError",
        Kind::OutOfMemory => "MemoryError",
        _ => "OSError",
    }
}

pub(crate) struct FileBytes<'a> {
    reader: &'a mut Reader,
    path: &'a dyn Fn() -> PathBuf,
    /// Bytes of the file, or [`ENDLESS`].
    total: u64,
    source: Option<Source>,
    /// The part of a source that does not lie in memory that was asked for last.
    stretch: Option<(u64, Vec<u8>)>,
    inflated: Option<Vec<u8>>,
    /// More was read of the file than its prefix.
    again: bool,
}

impl<'a> FileBytes<'a> {
    pub(crate) fn new(
        reader: &'a mut Reader,
        identity: Option<Identity>,
        path: &'a dyn Fn() -> PathBuf,
    ) -> FileBytes<'a> {
        let total = identity.map_or(ENDLESS, |identity| identity.size);
        FileBytes {
            reader,
            path,
            total,
            source: None,
            stretch: None,
            inflated: None,
            again: false,
        }
    }

    /// That the file is what it was when its prefix was read. Where that one read was all, nothing can have come between, and it
    /// only must have given what was asked of it.
    pub(crate) fn confirm(&self, before: Option<Identity>) -> Result<(), Failure> {
        let Some(before) = before else {
            return Ok(());
        };
        if let Some(source) = &self.source {
            if let Some(opened) = source.identity() {
                before.expect(&opened)?;
            }
            return Ok(source.verify()?);
        }
        if self.again {
            if let Some(now) = self.reader.identity_now()? {
                before.expect(&now)?;
            }
        } else if (self.reader.bytes().len() as u64) < before.size.min(self.reader.asked() as u64) {
            return Err(SourceError::Changed("its size").into());
        }
        Ok(())
    }

    /// Bytes of the file, or [`ENDLESS`].
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// What it is, if no file.
    pub(crate) fn object(&self) -> Option<&dyn RangedBytes> {
        self.reader.object()
    }

    /// Why it failed: where an object refused its bytes, in its own words.
    pub(crate) fn in_its_words(&self, failure: Failure) -> Failure {
        match failure {
            Failure::Source(_) => self.reader.refusal().map_or(failure, Failure::from),
            failure => failure,
        }
    }

    /// How many bytes were read through the prefix.
    pub(crate) fn prefix_len(&self) -> usize {
        self.reader.bytes().len()
    }

    /// Asks how long the file is; true if that was not known.
    pub(crate) fn learn_total(&mut self) -> Result<bool, Failure> {
        if self.total != ENDLESS {
            return Ok(false);
        }
        self.total = match &self.source {
            Some(source) => source.len(),
            None if self.reader.ended() => self.reader.bytes().len() as u64,
            None => self.reader.size(self.path)?,
        };
        Ok(true)
    }

    /// The bytes that were read from the start, where the elements lie in them and nothing else was opened.
    pub(crate) fn prefix(&self) -> Option<Window<'_>> {
        let only = self.source.is_none() && self.inflated.is_none();
        only.then(|| Window::new(self.reader.bytes(), 0))
    }

    /// What is at hand of the stream that the elements lie in.
    #[inline]
    pub(crate) fn window(&self) -> Window<'_> {
        match &self.source {
            None => Window::new(self.reader.bytes(), 0),
            Some(_) => self.window_of_source(),
        }
    }

    #[cold]
    fn window_of_source(&self) -> Window<'_> {
        if let Some(inflated) = &self.inflated {
            return Window::new(inflated, 0);
        }
        if let Some((base, bytes)) = &self.stretch {
            return Window::new(bytes, *base);
        }
        let source = self.source.as_ref();
        let all = source.and_then(Source::in_memory);
        Window::new(all.unwrap_or_else(|| self.reader.bytes()), 0)
    }

    /// Brings these bytes into the window.
    #[cold]
    pub(crate) fn ensure(&mut self, need: Need) -> Result<(), Failure> {
        let end = need.offset.saturating_add(need.length);
        if self.inflated.is_some() {
            return Err(
                Error::new(ErrorKind::Internal, "inflated bytes are all there")
                    .at(need.offset)
                    .into(),
            );
        }
        if self.source.is_none() && end <= LONGEST_PREFIX {
            let upto = usize::try_from(end)
                .unwrap_or(usize::MAX)
                .next_multiple_of(PAGE);
            self.again = true;
            self.reader.more(upto)?;
            let there = self.reader.bytes().len() as u64;
            if there >= end {
                return Ok(());
            }
            if self.total == ENDLESS {
                self.total = there;
                return Err(Failure::Again);
            }
            return Err(SourceError::Changed("its size").into());
        }
        self.open()?;
        if self.learn_total()? {
            return Err(Failure::Again);
        }
        self.stretch_to(need)
    }

    /// The file itself.
    fn open(&mut self) -> Result<(), Failure> {
        if self.source.is_none() {
            let source = self.reader.open(self.path)?;
            if self.total != ENDLESS && self.total != source.len() {
                return Err(SourceError::Changed("its size").into());
            }
            self.source = Some(source);
        }
        Ok(())
    }

    fn stretch_to(&mut self, need: Need) -> Result<(), Failure> {
        let Some(source) = &self.source else {
            return Ok(());
        };
        if need.offset.saturating_add(need.length) > source.len() {
            return Err(SourceError::Changed("its size").into());
        }
        if source.in_memory().is_some() {
            return Ok(source.check()?);
        }
        let window = source.window(need.offset, need.length)?;
        self.stretch = Some((need.offset, window.bytes.into_owned()));
        Ok(())
    }

    /// From here on the elements lie in what the deflated data set inflates to. PS3.5 §A.5
    pub(crate) fn inflate(
        &mut self,
        data_set: u64,
        inflate: impl FnOnce(&[u8]) -> Result<Vec<u8>, Error>,
    ) -> Result<u64, Failure> {
        self.open()?;
        if self.learn_total()? {
            return Err(Failure::Again);
        }
        let Some(source) = &self.source else {
            return Ok(0);
        };
        let inflated = inflate(&source.bytes(data_set..self.total)?)?;
        let len = inflated.len() as u64;
        self.inflated = Some(inflated);
        Ok(len)
    }

    /// Forget what was inflated: read again from the start.
    pub(crate) fn rewind(&mut self) {
        self.inflated = None;
        self.stretch = None;
    }

    /// That these bytes can be had by [`FileBytes::value`].
    #[inline]
    pub(crate) fn fetch(&mut self, range: &Range<u64>) -> Result<(), Failure> {
        if self.source.is_none() && range.end > self.reader.bytes().len() as u64 {
            return self.ensure(Need {
                offset: range.start,
                length: range.end.saturating_sub(range.start),
            });
        }
        Ok(())
    }

    /// The bytes of a value in the stream that the elements lie in.
    #[inline]
    pub(crate) fn value(&self, range: Range<u64>) -> Result<Cow<'_, [u8]>, Failure> {
        if self.inflated.is_some() || self.source.is_none() {
            let bytes = self
                .window()
                .get(range.start, range.end.saturating_sub(range.start));
            return bytes
                .map(Cow::Borrowed)
                .ok_or(Failure::Source(SourceError::Changed("its size")));
        }
        self.raw(range)
    }

    /// The bytes of a value of the file itself.
    pub(crate) fn raw(&self, range: Range<u64>) -> Result<Cow<'_, [u8]>, Failure> {
        match &self.source {
            Some(source) => {
                let bytes = source.bytes(range)?;
                source.check()?;
                Ok(bytes)
            }
            None => {
                let bytes = usize::try_from(range.start)
                    .ok()
                    .zip(usize::try_from(range.end).ok());
                let bytes = bytes.and_then(|(start, end)| self.reader.bytes().get(start..end));
                bytes
                    .map(Cow::Borrowed)
                    .ok_or(Failure::Source(SourceError::Changed("its size")))
            }
        }
    }

    /// A few bytes here and there; a file that changes meanwhile is noticed when all is read.
    pub(crate) fn here_and_there(&mut self) -> impl Bytes {
        self.again = true;
        let reader = &*self.reader;
        HereAndThere::new(move |offset, out: &mut [u8]| reader.read_at_offset(offset, out).ok())
    }
}

#[cfg(test)]
mod tests {
    use crate::batch::Batch;
    use crate::extract::{Extractor, Outcome};
    use crate::reader::Reader;
    use crate::schema::Columns;
    use crate::shared::NotDicom;
    use crate::shown::Shown;
    use arrow_array::Array;
    use arrow_array::cast::AsArray;
    use rapidicom_core::Limits;
    use std::path::Path;
    use std::sync::Arc;

    /// A data set without preamble: five pages of an element, then a Patient ID beyond the first prefix.
    fn file() -> Vec<u8> {
        let mut bytes = vec![0; 128];
        bytes.extend(b"DICM\x02\0\0\0UL\x04\0\x1A\0\0\0");
        bytes.extend(b"\x02\0\x10\0UI\x12\x001.2.840.10008.1.2\0"); // Implicit VR Little Endian
        bytes.extend(b"\x08\0\x81\0\0\x50\0\0");
        bytes.resize(bytes.len() + 0x5000, b' ');
        bytes.extend(b"\x10\0\x20\0\x04\0\0\0P-1 ");
        bytes
    }

    /// The row of a file to which something happens between the first read and the next.
    fn row(path: &Path, meanwhile: impl FnOnce()) -> (Outcome, Option<String>, Option<String>) {
        let columns = Arc::new(Columns::new(&["size", "PatientID"], false).unwrap());
        let mut reader = Reader::new(true);
        let mut extractor =
            Extractor::new(Arc::clone(&columns), Limits::DEFAULT, NotDicom::default());
        let mut batch = Batch::new(&columns, 1);
        let identity = reader.read_at(path, extractor.prefix()).unwrap();
        meanwhile();
        let path = || path.to_path_buf();
        let shown = Shown::default();
        let outcome = extractor.row(&mut reader, identity, &shown, &path, &mut batch);
        let row = batch.take(true).unwrap().unwrap();
        let text = |name: &str| {
            let column = row.column_by_name(name).unwrap().as_string::<i32>();
            column.is_valid(0).then(|| column.value(0).to_owned())
        };
        (outcome, text("PatientID"), text("error"))
    }

    #[test]
    fn a_file_that_changes_while_it_is_read_is_marked_so() {
        let folder = std::env::temp_dir().join(format!("rapidicom-changes-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("a.dcm");
        let write = |bytes: &[u8]| std::fs::write(&path, bytes).unwrap();

        write(&file());
        let unchanged = row(&path, || {});
        assert_eq!(unchanged, (Outcome::Row, Some("P-1".into()), None));

        let meanwhile: [&dyn Fn(); 3] = [
            &|| write(&file()[..4096]),
            &|| write(&[file(), vec![0; 2]].concat()),
            &|| {
                let other = String::from_utf8_lossy(&file()).replace("P-1", "Q-9");
                write(other.as_bytes());
            },
        ];
        for change in meanwhile {
            write(&file());
            std::thread::sleep(std::time::Duration::from_millis(20)); // a file system's clock may be coarse
            let (outcome, _, error) = row(&path, change);
            assert_eq!(outcome, Outcome::Failed);
            let error = error.unwrap();
            assert!(error.starts_with("FileChangedError"), "{error}");
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
