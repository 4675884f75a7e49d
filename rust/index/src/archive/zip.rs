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
    inflating: Option<(DeflateDecoder<BufReader<Section>>, u64)>,
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
        if reading
            .inflating
            .as_ref()
            .is_none_or(|(_, at)| *at > offset)
        {
            let section = Section {
                file: Arc::clone(&self.file),
                at: data,
                end: data.saturating_add(self.compressed),
            };
            let buffered = BufReader::with_capacity(AT_ONCE, section);
            reading.inflating = Some((DeflateDecoder::new(buffered), 0));
        }
        let Some((decoder, at)) = &mut reading.inflating else {
            return Ok(0);
        };
        let skip = offset - *at;
        let skipped = std::io::copy(&mut decoder.take(skip), &mut std::io::sink())?;
        *at += skipped;
        if skipped < skip {
            return Ok(0);
        }
        let mut filled = 0;
        while let Some(room) = out.get_mut(filled..).filter(|room| !room.is_empty()) {
            match decoder.read(room) {
                Ok(0) => break,
                Ok(read) => filled += read,
                // What came out before damage is kept.
                Err(_) if filled > 0 => break,
                Err(error) => return Err(error),
            }
        }
        *at += filled as u64;
        Ok(filled)
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
