//! ZIP: the central directory says where members are; stored ones are read where they lie, deflated ones as far as asked.

use super::{Gone, Listing, Section};
use crate::object::Object;
use flate2::bufread::DeflateDecoder;
use rapidicom_source::{File, RangedBytes, room};
use rawzip::{CompressionMethod, RECOMMENDED_BUFFER_SIZE, ZipArchive};
use std::io::{BufReader, Error, Read, Result};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of a local file header before the name. APPNOTE 4.3.7
const LOCAL_HEADER: usize = 30;
/// Compressed bytes that are read at once.
const AT_ONCE: usize = 8 << 10;
/// General purpose bit 0: encrypted. APPNOTE 4.4.4
const ENCRYPTED: u16 = 1;

pub(super) fn list(listing: &mut Listing) -> std::result::Result<(), Option<String>> {
    let words = |error: rawzip::Error| Some(format!("not a ZIP archive to its end: {error}"));
    let file = std::fs::File::open(&listing.path).map_err(|error| Some(error.to_string()))?;
    let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
    let archive = ZipArchive::from_file(file, &mut buffer).map_err(words)?;
    let mut entries = archive.entries(&mut buffer);
    while let Some(entry) = entries.next_entry().map_err(words)? {
        if entry.is_dir() {
            continue;
        }
        let size = entry.uncompressed_size_hint();
        let (path, identity) = listing.member("zip://", entry.file_path().as_bytes(), size);
        let method = entry.compression_method();
        let content = if entry.flags().bits() & ENCRYPTED != 0 {
            Err("the member is encrypted".to_owned())
        } else if method != CompressionMethod::STORE && method != CompressionMethod::DEFLATE {
            Err(format!(
                "the member is compressed by {method:?}, which is not read"
            ))
        } else {
            Ok(Arc::new(Member {
                file: Arc::clone(&listing.file),
                header: entry.local_header_offset(),
                compressed: entry.compressed_size_hint(),
                size,
                most: listing.most,
                deflated: method == CompressionMethod::DEFLATE,
                reading: Mutex::new(Reading::default()),
            }) as Arc<dyn RangedBytes>)
        };
        let object = Object {
            path,
            identity,
            content,
        };
        listing.push(object).map_err(|Gone| None)?;
    }
    Ok(())
}

struct Member {
    file: Arc<File>,
    /// Where its local file header is.
    header: u64,
    compressed: u64,
    size: u64,
    /// Bytes that may be inflated.
    most: u64,
    deflated: bool,
    reading: Mutex<Reading>,
}

/// How far a member was read.
#[derive(Default)]
struct Reading {
    /// Where its data begin.
    data: Option<u64>,
    inflating: Option<Inflating>,
}

/// Bytes that are inflated at once at most. As many before them are kept: headers are read with small steps back, and a larger one begins anew.
const STRETCH: usize = 64 << 10;

/// A deflated member, and what came out of it last.
struct Inflating {
    decoder: DeflateDecoder<BufReader<Section>>,
    /// Where `recent` begins.
    from: u64,
    recent: Vec<u8>,
}

impl Inflating {
    fn new(section: Section) -> Inflating {
        let buffered = BufReader::with_capacity(AT_ONCE, section);
        Inflating {
            decoder: DeflateDecoder::new(buffered),
            from: 0,
            recent: Vec::new(),
        }
    }

    /// So many bytes more, or a stretch; false at the end. What came out before damage is kept.
    fn inflate(&mut self, wanted: usize) -> Result<bool> {
        if self.recent.len() >= 2 * STRETCH {
            self.recent.drain(..STRETCH);
            self.from += STRETCH as u64;
        }
        let before = self.recent.len();
        let mut stretch = (&mut self.decoder).take(wanted.min(STRETCH) as u64);
        match stretch.read_to_end(&mut self.recent) {
            Err(error) if self.recent.len() == before => Err(error),
            _ => Ok(self.recent.len() > before),
        }
    }

    /// From `offset`, which is not before `from`, as much as there is.
    fn read(&mut self, offset: u64, out: &mut [u8]) -> Result<usize> {
        let mut filled = 0;
        while let Some(room) = out.get_mut(filled..).filter(|room| !room.is_empty()) {
            let at = offset.saturating_add(filled as u64) - self.from;
            let at = usize::try_from(at).unwrap_or(usize::MAX);
            let mut there = self.recent.get(at..).unwrap_or_default();
            if there.is_empty() {
                let wanted = at.saturating_add(room.len()) - self.recent.len();
                match self.inflate(wanted) {
                    Ok(true) => continue,
                    Err(error) if filled == 0 => return Err(error),
                    _ => break,
                }
            }
            filled += there.read(room)?;
        }
        Ok(filled)
    }
}

impl Member {
    /// Where the data begin: the local header's name and extra field may differ from the directory's.
    fn data(&self, reading: &mut Reading) -> Result<u64> {
        if let Some(data) = reading.data {
            return Ok(data);
        }
        let mut header = [0; LOCAL_HEADER];
        self.file
            .pread(&mut header, self.header)
            .map_err(Error::other)?;
        let [b'P', b'K', 3, 4, .., n0, n1, e0, e1] = header else {
            return Err(Error::other(
                "no local file header where the directory says",
            ));
        };
        let lengths = [[n0, n1], [e0, e1]].map(|pair| u64::from(u16::from_le_bytes(pair)));
        let data = lengths
            .iter()
            .fold(self.header, |at, length| at.saturating_add(*length))
            .saturating_add(LOCAL_HEADER as u64);
        reading.data = Some(data);
        Ok(data)
    }

    fn inflate(&self, reading: &mut Reading, offset: u64, out: &mut [u8]) -> Result<usize> {
        let needed = offset.saturating_add(out.len() as u64);
        if needed > self.most {
            let limit = rapidicom_core::Error::limit("max_inflated_bytes", self.most, needed);
            return Err(Error::other(limit));
        }
        let data = self.data(reading)?;
        let begun = reading.inflating.take();
        let begun = begun.filter(|inflating| inflating.from <= offset);
        let inflating = reading.inflating.insert(begun.unwrap_or_else(|| {
            Inflating::new(Section {
                file: Arc::clone(&self.file),
                at: data,
                end: data.saturating_add(self.compressed),
            })
        }));
        inflating.read(offset, out)
    }
}

impl RangedBytes for Member {
    fn len(&self) -> u64 {
        self.size
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<usize> {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        if self.deflated {
            return self.inflate(&mut reading, offset, out);
        }
        let at = self.data(&mut reading)?.saturating_add(offset);
        self.file
            .pread(room(out, offset, self.size), at)
            .map_err(Error::other)
    }
}
