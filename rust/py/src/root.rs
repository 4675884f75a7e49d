//! One opened stream: its bytes, where its parts lie, what was forgiven.

use crate::error::{Result, from_source};
use rapidicom_core::data_set::{DataSet, Inherited};
use rapidicom_core::read::leniency::{Deviation, Deviations};
use rapidicom_core::read::{
    ElementHeader, Event, FileStart, Flags, Need, Scanner, StartOptions, Window, inflate, scan,
    sorted, start,
};
use rapidicom_core::transfer_syntax::TransferSyntax;
use rapidicom_core::{Error, ErrorKind, Limits, Tag};
use rapidicom_source::Source;
use std::borrow::Cow;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Instant;

/// How a stream is to be read.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReadOptions {
    pub(crate) stop_before_pixels: bool,
    /// Sorted; reading stops after the last.
    pub(crate) specific_tags: Option<Vec<Tag>>,
    /// Nothing behind Pixel Data is wanted: where its fragments end is not looked for.
    pub(crate) frames_only: bool,
    pub(crate) force: bool,
    pub(crate) transfer_syntax: Option<TransferSyntax>,
    pub(crate) strict: bool,
    pub(crate) limits: Limits,
}

impl ReadOptions {
    /// Elements with this tag or a greater one are not wanted.
    fn after_last(&self) -> Option<Tag> {
        let last = self.specific_tags.as_ref()?.last()?;
        let after = Tag(last.0.saturating_add(1));
        Some(after.max(Tag(Tag::SPECIFIC_CHARACTER_SET.0 + 1)))
    }
}

/// One opened stream.
pub(crate) struct Root {
    file: Source,
    /// The inflated data set, where it was deflated.
    inflated: Option<Source>,
    pub(crate) start: FileStart,
    pub(crate) options: ReadOptions,
    pub(crate) path: Option<PathBuf>,
    /// What was forgiven while the top level was read.
    pub(crate) noted: Deviations,
    /// What was forgiven anywhere, once it has been asked for.
    pub(crate) all: OnceLock<Vec<Deviation>>,
}

/// Which of the two streams an offset counts in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    /// The file as it lies: File Meta Information.
    File,
    /// The data set, inflated where it was deflated.
    DataSet,
}

impl Root {
    /// Reads the beginning and the top level of `file`.
    pub(crate) fn open(
        file: Source,
        path: Option<PathBuf>,
        options: ReadOptions,
    ) -> Result<(Root, Vec<ElementHeader>)> {
        let begun = Instant::now();
        let mut noted = Deviations::new(options.limits.max_warnings);
        let start = begin(&file, &options, &mut noted)?;
        let mut root = Root {
            file,
            inflated: None,
            start,
            options,
            path,
            noted,
            all: OnceLock::new(),
        };
        if root.start.deflated {
            root.inflate()?;
        }
        let headers = root.top_level()?;
        if !root.options.frames_only {
            root.file.let_go().map_err(from_source)?;
        }
        root.check(Part::DataSet)?;
        root.options.limits.within_deadline(begun.elapsed())?;
        if root.options.strict
            && let Some(first) = root.noted.kept().first()
        {
            return Err(strict(first));
        }
        Ok((root, headers))
    }

    pub(crate) fn source(&self, part: Part) -> &Source {
        match (part, &self.inflated) {
            (Part::DataSet, Some(inflated)) => inflated,
            _ => &self.file,
        }
    }

    /// The bytes of a range; to be trusted once [`Root::check`] has passed.
    #[inline]
    pub(crate) fn bytes(&self, part: Part, range: Range<u64>) -> Result<Cow<'_, [u8]>> {
        self.source(part).bytes(range).map_err(from_source)
    }

    /// The Value Field of an element.
    #[inline]
    pub(crate) fn value(&self, part: Part, header: &ElementHeader) -> Result<Cow<'_, [u8]>> {
        self.bytes(part, header.value_offset..header.value_end())
    }

    /// That the bytes read so far were the file's.
    #[inline]
    pub(crate) fn check(&self, part: Part) -> Result<()> {
        self.source(part).check().map_err(from_source)
    }

    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    fn inflate(&mut self) -> Result<()> {
        let from = self.start.data_set;
        let bytes = self
            .file
            .bytes(from..self.file.len())
            .map_err(from_source)?;
        let limits = self.options.limits;
        let encoding = self.start.encoding;
        let at_once = |first: &[u8], zlib: bool| {
            let declared = declared_length(first, encoding, &limits)?;
            let most = declared.saturating_add(TRAILING);
            let all = rapidicom_codecs::inflate_at_once(&bytes, zlib, most);
            Ok(all.filter(|all| all.len() as u64 <= limits.max_inflated_bytes))
        };
        let inflated = inflate(&bytes, from, &limits, &mut self.noted, at_once)?;
        self.inflated = Some(Source::owned(inflated));
        self.start.data_set = 0;
        Ok(())
    }

    /// The headers of the top level, in tag order.
    fn top_level(&mut self) -> Result<Vec<ElementHeader>> {
        let source = self.inflated.as_ref().unwrap_or(&self.file);
        let mut scanner = Scanner::new(
            self.start.data_set,
            source.len(),
            self.start.encoding,
            &self.options.limits,
        );
        let after_last = self.options.after_last();
        let pixels = match &self.options {
            options if options.stop_before_pixels => Some(Tag::FLOAT_PIXEL_DATA),
            options if options.frames_only => Some(Tag::PIXEL_DATA),
            _ => None,
        };
        scanner = scanner.stop_at(after_last.into_iter().chain(pixels).min());
        let mut headers = Vec::with_capacity(USUAL_ELEMENTS);
        let mut window = window(source, self.start.data_set, 0)?;
        let mut glances = 0..GLANCES;
        loop {
            let view = Window::new(&window.bytes, window.base);
            scanner.pass(Tag(u32::MAX), &view, |header| headers.push(header));
            match scanner.next(&view, &mut self.noted)? {
                Event::Element(header) => headers.push(header),
                Event::Amended(header) => {
                    headers.pop();
                    headers.push(header);
                }
                Event::Need(need) => {
                    window = next_window(source, &window, need, glances.next().is_some())?;
                }
                Event::Stopped(header)
                    if self.options.stop_before_pixels
                        && !header.tag.is_pixel_data()
                        && after_last.is_none_or(|after| header.tag < after) =>
                {
                    // There are none; what has a greater tag is read all the same.
                    scanner = scanner.stop_at(after_last);
                }
                Event::Stopped(mut header) => {
                    if self.options.frames_only && header.tag == Tag::PIXEL_DATA {
                        if header.is_undefined_length() {
                            header.flags = header.flags.with(Flags::FRAGMENTS);
                        }
                        headers.push(header);
                    }
                    break;
                }
                Event::End => break,
            }
        }
        if !scanner.is_ascending() {
            headers = sorted(headers);
        }
        if let Some(wanted) = &self.options.specific_tags {
            headers.retain(|h| {
                h.tag == Tag::SPECIFIC_CHARACTER_SET || wanted.binary_search(&h.tag).is_ok()
            });
        }
        headers.shrink_to_fit();
        Ok(headers)
    }

    /// The elements of group 0002.
    pub(crate) fn file_meta(&self) -> Result<DataSet> {
        let range = self.start.file_meta.clone();
        let encoding = self.start.file_meta_encoding;
        let bytes = self.bytes(Part::File, range.clone())?;
        let window = Window::new(&bytes, range.start);
        let mut unheard = Deviations::new(0);
        let headers = scan(&window, range, encoding, &self.options.limits, &mut unheard)?;
        Ok(DataSet::new(
            headers,
            encoding,
            Inherited::default(),
            |_| None,
        ))
    }
}

/// Places that the top level is looked for at by reading a little; who has more to look at touches the map.
const GLANCES: u32 = 8;

/// Room for the top level of most data sets.
const USUAL_ELEMENTS: usize = 192;

fn begin(file: &Source, options: &ReadOptions, noted: &mut Deviations) -> Result<FileStart> {
    let wanted = StartOptions {
        force: options.force,
        transfer_syntax: options.transfer_syntax,
    };
    let mut at_least = 0;
    loop {
        let first = window(file, 0, at_least)?;
        match start(&Window::new(&first.bytes, 0), file.len(), &wanted, noted)? {
            Ok(start) => return Ok(start),
            Err(need) => {
                // Nothing read so far counts twice.
                *noted = Deviations::new(options.limits.max_warnings);
                at_least = need
                    .length
                    .max(at_least.saturating_mul(2))
                    .max(1024)
                    .min(file.len());
            }
        }
    }
}

fn window(source: &Source, offset: u64, at_least: u64) -> Result<rapidicom_source::Window<'_>> {
    source
        .window(offset.min(source.len()), at_least)
        .map_err(from_source)
}

/// The window that has what is needed; larger than the last one where that began at the same place, so that asking ends.
fn next_window<'a>(
    source: &'a Source,
    last: &rapidicom_source::Window<'_>,
    need: Need,
    glance: bool,
) -> Result<rapidicom_source::Window<'a>> {
    let had = if last.base == need.offset {
        (last.bytes.len() as u64).saturating_mul(2)
    } else {
        0
    };
    let (offset, at_least) = (need.offset.min(source.len()), need.length.max(had));
    let next = if glance {
        source.glance(offset, at_least)
    } else {
        source.window(offset, at_least)
    };
    let next = next.map_err(from_source)?;
    if next.base > need.offset || (next.bytes.len() as u64) < need.length {
        let error = Error::new(
            ErrorKind::Truncated,
            format!("{} bytes expected, the stream ends", need.length),
        );
        return Err(error.at(need.offset));
    }
    Ok(next)
}

/// Bytes after the last element that the first stretch tells of: padding, a signature.
const TRAILING: u64 = 4096;

/// Where what the first inflated stretch declares ends, which must be within what may be inflated.
fn declared_length(
    first: &[u8],
    encoding: rapidicom_core::transfer_syntax::Encoding,
    limits: &Limits,
) -> Result<u64> {
    let mut scanner = Scanner::new(0, u64::MAX, encoding, limits);
    let window = Window::new(first, 0);
    let mut unheard = Deviations::new(1);
    let mut end = first.len() as u64;
    loop {
        match scanner.next(&window, &mut unheard)? {
            Event::Element(h) if h.value_end() > limits.max_inflated_bytes => {
                return Err(Error::limit(
                    "max_inflated_bytes",
                    limits.max_inflated_bytes,
                    h.value_end(),
                )
                .of(h.tag));
            }
            Event::Element(h) | Event::Amended(h) => end = end.max(h.value_end()),
            Event::Need(_) | Event::Stopped(_) | Event::End => return Ok(end),
        }
    }
}

/// The first deviation as strict reading's error.
pub(crate) fn strict(deviation: &Deviation) -> Error {
    let mut error = Error::new(
        ErrorKind::InvalidDicom,
        format!(
            "{}: {}; expected what the standard says, as strict=True asks",
            deviation.code.as_str(),
            deviation.detail
        ),
    );
    error.path.clone_from(&deviation.path);
    error.at(deviation.offset).of(deviation.tag)
}
