//! One file → one row: where the wanted elements lie, then their values, straight into the columns.

mod whole;

use crate::batch::Batch;
use crate::bytes::{ENDLESS, Failure, FileBytes, PAGE};
use crate::document;
use crate::engine::NotDicom;
use crate::frames;
use crate::hash::Hashes;
use crate::nested;
use crate::private;
use crate::schema::{Columns, Fact, Origin};
use crate::value::{self, Level, Value, Warnings};
use crate::walk::Reader;
use rapidicom_core::read::leniency::Deviations;
use rapidicom_core::read::{
    ElementHeader, Event, FileStart, Scanner, StartOptions, Window, inflate, start,
};
use rapidicom_core::transfer_syntax::Encoding;
use rapidicom_core::value::charset::{SpecificCharacterSet, TextDeviation};
use rapidicom_core::value::validate::leniency_of;
use rapidicom_core::{Error, ErrorKind, Limits, Tag};
use rapidicom_source::{Identity, SourceError};
use std::path::PathBuf;
use std::sync::Arc;

/// Files that all needed less than was read before less is read.
const PATIENCE: u32 = 16;

/// The longest prefix that is read at once.
const MOST_PAGES: usize = 16;

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Row,
    Failed,
    /// It is not DICOM and has no row.
    Skipped,
}

/// What was found in one file.
pub(crate) struct Found {
    pub(crate) start: Option<FileStart>,
    /// For each wanted tag its element, then for each private one.
    pub(crate) slots: Vec<Option<ElementHeader>>,
    /// Pixel Data, Float or Double Float Pixel Data.
    pub(crate) pixels: Option<ElementHeader>,
    /// Where the elements of the data set lie, inflated or not.
    data_set: document::Level,
    /// How far the file was looked at.
    reached: u64,
}

/// Reads one file after the other into rows. One per thread.
pub(crate) struct Extractor {
    columns: Arc<Columns>,
    limits: Limits,
    not_dicom: NotDicom,
    stop: Tag,
    charset_slot: Option<usize>,
    pixel_representation_slot: Option<usize>,
    found: Found,
    hashes: Hashes,
    /// The JSON of one file, or the path to an item.
    text: String,
    warnings: Warnings,
    pages: usize,
    most_needed: usize,
    since: u32,
    /// The character set of the last file: it seldom changes.
    charset: (Vec<u8>, SpecificCharacterSet, Option<TextDeviation>),
}

impl Extractor {
    pub(crate) fn new(columns: Arc<Columns>, limits: Limits, not_dicom: NotDicom) -> Extractor {
        let after_last = columns
            .wanted
            .last()
            .map_or(Tag(0), |tag| Tag(tag.0.saturating_add(1)));
        let stop = if columns.pixels {
            after_last.max(Tag::FLOAT_PIXEL_DATA)
        } else {
            after_last
        };
        let slot = |tag| columns.wanted.binary_search(&tag).ok();
        Extractor {
            stop,
            charset_slot: slot(Tag::SPECIFIC_CHARACTER_SET),
            pixel_representation_slot: slot(Tag::PIXEL_REPRESENTATION),
            found: Found {
                start: None,
                slots: vec![None; columns.wanted.len() + columns.private.len()],
                pixels: None,
                data_set: document::Level {
                    range: 0..0,
                    encoding: Encoding::ExplicitLittle,
                },
                reached: 0,
            },
            hashes: Hashes::default(),
            text: String::new(),
            warnings: Warnings::default(),
            pages: 1,
            most_needed: 0,
            since: 0,
            charset: (Vec::new(), SpecificCharacterSet::DEFAULT, None),
            columns,
            limits,
            not_dicom,
        }
    }

    /// Bytes to read of the next file at once.
    #[inline]
    pub(crate) fn prefix(&self) -> usize {
        self.pages * PAGE
    }

    /// A file whose prefix is in `reader`.
    pub(crate) fn row(
        &mut self,
        reader: &mut Reader,
        identity: Option<Identity>,
        shown: &str,
        path: &dyn Fn() -> PathBuf,
        batch: &mut Batch,
    ) -> Outcome {
        let mut file = FileBytes::new(reader, identity, path);
        let mut notes = Deviations::new(self.limits.max_warnings);
        self.warnings.codes.clear();
        let read = self.read(&mut file, &mut notes);
        if !self.columns.walks() {
            self.adapt(file.prefix_len());
        }
        let failure = match read {
            Err(Failure::Meaning(error))
                if error.kind == ErrorKind::InvalidDicom && self.found.start.is_none() =>
            {
                if self.not_dicom == NotDicom::Skip {
                    return Outcome::Skipped;
                }
                Some(Failure::Meaning(error))
            }
            Err(failure) => Some(failure),
            Ok(()) => None,
        };
        if self.columns.long {
            return self.long(&mut file, shown, failure, &mut notes, batch);
        }
        if !notes.is_empty() {
            notes
                .kept()
                .iter()
                .for_each(|deviation| self.warnings.note(deviation.code));
        }
        self.append(&mut file, identity, shown, path, failure, batch)
    }

    /// A file of which nothing could be read.
    pub(crate) fn failed_row(&mut self, shown: &str, error: SourceError, batch: &mut Batch) {
        self.error_row(shown, &Failure::Source(error), batch);
    }

    fn error_row(&mut self, shown: &str, failure: &Failure, batch: &mut Batch) {
        if let Some(rows) = &mut batch.long {
            rows.fail(shown, &words(failure));
            return batch.count(1);
        }
        for (builder, column) in batch.builders.iter_mut().zip(&self.columns.columns) {
            match column.origin {
                Origin::Fact(Fact::Path) => builder.append_text(shown),
                Origin::Fact(Fact::Status) => builder.append_text("error"),
                Origin::Fact(Fact::Error) => builder.append_text(&words(failure)),
                Origin::Fact(Fact::Warnings) => builder.append_texts(std::iter::empty()),
                _ => builder.append_null(),
            }
        }
        batch.end_row(shown.len());
    }

    /// Reads as many pages of the next files as the last ones needed: grows at once, shrinks slowly.
    fn adapt(&mut self, read: usize) {
        let needed = usize::try_from(self.found.reached)
            .unwrap_or(usize::MAX)
            .min(read.max(PAGE));
        self.most_needed = self.most_needed.max(needed);
        self.since += 1;
        let pages = self.most_needed.div_ceil(PAGE).clamp(1, MOST_PAGES);
        if pages >= self.pages || self.since >= PATIENCE {
            (self.pages, self.most_needed, self.since) = (pages, 0, 0);
        }
    }

    /// Finds the wanted elements. What was found before a failure stays.
    fn read(&mut self, file: &mut FileBytes<'_>, notes: &mut Deviations) -> Result<(), Failure> {
        loop {
            self.found.start = None;
            self.found.pixels = None;
            self.found.slots.fill(None);
            self.found.reached = 0;
            file.rewind();
            let result = self.attempt(file, notes);
            let again = match &result {
                Err(Failure::Again) => true,
                Err(Failure::Source(_)) => false,
                // What seems odd may be so only because the file was taken to be endless.
                Err(Failure::Meaning(_)) => file.learn_total()?,
                Ok(()) => !notes.is_empty() && file.learn_total()?,
            };
            if !again {
                return result;
            }
            *notes = Deviations::new(self.limits.max_warnings);
        }
    }

    fn attempt(&mut self, file: &mut FileBytes<'_>, notes: &mut Deviations) -> Result<(), Failure> {
        let begun = loop {
            match start(
                &file.window(),
                file.total(),
                &StartOptions::default(),
                notes,
            )? {
                Ok(begun) => break begun,
                Err(need) => file.ensure(need)?,
            }
        };
        let (encoding, data_set, deflated) = (begun.encoding, begun.data_set, begun.deflated);
        self.meta(file, &begun)?;
        self.found.reached = data_set;
        self.found.start = Some(begun);
        let (from, end) = if deflated {
            let limits = self.limits;
            let end = file.inflate(data_set, |bytes| {
                inflate(bytes, data_set, &limits, notes, |_| Ok(()))
            })?;
            (0, end)
        } else {
            (data_set, file.total())
        };
        self.found.data_set = document::Level {
            range: from..end,
            encoding,
        };
        let ascending = self.scan(file, from, end, encoding, notes, false)?;
        if !ascending {
            self.scan(file, from, end, encoding, &mut Deviations::new(0), true)?;
        }
        if !self.columns.private.is_empty() {
            let range = from..end;
            self.private(file, &private::Level { range, encoding }, notes)?;
        }
        for header in self.found.slots.iter().skip(self.columns.meta).flatten() {
            self.found.reached = self.found.reached.max(header.value_end());
            file.fetch(&(header.value_offset..header.value_end()))?;
        }
        Ok(())
    }

    /// The wanted elements of group 0002, which lies in the window.
    fn meta(&mut self, file: &FileBytes<'_>, begun: &FileStart) -> Result<(), Failure> {
        if self.columns.meta == 0 {
            return Ok(());
        }
        let mut scanner = Scanner::new(
            begun.file_meta.start,
            begun.file_meta.end,
            begun.file_meta_encoding,
            &self.limits,
        );
        let window = file.window();
        let mut unheard = Deviations::new(0);
        while let Event::Element(header) | Event::Amended(header) =
            scanner.next(&window, &mut unheard)?
        {
            if let Ok(slot) = self.columns.wanted.binary_search(&header.tag)
                && let Some(place) = self.found.slots.get_mut(slot)
            {
                *place = Some(header);
            }
        }
        Ok(())
    }

    /// Walks the outermost level beside the wanted tags. `unordered`: to the end, whatever the order of the tags.
    /// Returns whether they ascended.
    fn scan(
        &mut self,
        file: &mut FileBytes<'_>,
        from: u64,
        end: u64,
        encoding: Encoding,
        notes: &mut Deviations,
        unordered: bool,
    ) -> Result<bool, Failure> {
        let mut scanner = Scanner::new(from, end, encoding, &self.limits);
        if !unordered {
            scanner = scanner.stop_at(self.stop);
        }
        let mut wanted = Wanted::new(&self.columns, unordered);
        loop {
            let window = file.window();
            match wanted.follow(&mut scanner, &window, notes, &mut self.found)? {
                Event::Need(need) => file.ensure(need)?,
                Event::Stopped(header) if self.columns.pixels && is_pixel_data(header.tag) => {
                    self.found.pixels = Some(header);
                    break;
                }
                _ => break,
            }
        }
        self.found.reached = self.found.reached.max(scanner.position());
        if let Some(pixels) = &self.found.pixels {
            self.found.reached = self.found.reached.max(pixels.value_offset);
        }
        Ok(scanner.is_ascending())
    }

    #[cold]
    fn private(
        &mut self,
        file: &mut FileBytes<'_>,
        level: &private::Level,
        notes: &mut Deviations,
    ) -> Result<(), Failure> {
        let (wanted, limits) = (&self.columns.private, &self.limits);
        let places = self.found.slots.get_mut(self.columns.wanted.len()..);
        let places = places.unwrap_or_default();
        let reached = private::find(wanted, level, file, limits, notes, places)?;
        self.found.reached = self.found.reached.max(reached);
        Ok(())
    }

    /// What the elements of the outermost level are read by.
    fn level(&mut self, file: &FileBytes<'_>) -> Level {
        let encoding = self
            .found
            .start
            .as_ref()
            .map_or(Encoding::ExplicitLittle, |start| start.encoding);
        let little = encoding.is_little_endian();
        let slot = |slot: Option<usize>| self.found.slots.get(slot?).copied().flatten();
        let charset = match slot(self.charset_slot)
            .map(|header| file.value(header.value_offset..header.value_end()))
        {
            Some(Ok(bytes)) => {
                if self.charset.0 != *bytes {
                    let (charset, deviation) = SpecificCharacterSet::parse(&bytes);
                    self.charset = (bytes.into_owned(), charset, deviation);
                }
                if let Some(deviation) = self.charset.2 {
                    self.warnings.note(leniency_of(deviation));
                }
                self.charset.1
            }
            _ => SpecificCharacterSet::DEFAULT,
        };
        let number = |header: ElementHeader| {
            let bytes = file.value(header.value_offset..header.value_end()).ok()?;
            let pair = *bytes.first_chunk::<2>()?;
            Some(rapidicom_core::read::u16_of(pair, little))
        };
        Level {
            little,
            charset,
            pixel_representation: slot(self.pixel_representation_slot).and_then(number),
        }
    }

    fn append(
        &mut self,
        file: &mut FileBytes<'_>,
        identity: Option<Identity>,
        shown: &str,
        path: &dyn Fn() -> PathBuf,
        mut failure: Option<Failure>,
        batch: &mut Batch,
    ) -> Outcome {
        let level = self.level(file);
        let Extractor {
            columns,
            found,
            warnings,
            limits,
            ..
        } = self;
        let mut held = shown.len();
        for (builder, column) in batch.builders.iter_mut().zip(&columns.columns) {
            let Origin::Element(element) = &column.origin else {
                continue;
            };
            let Some(Some(header)) = found.slots.get(element.slot) else {
                builder.append_null();
                continue;
            };
            let range = header.value_offset..header.value_end();
            let bytes = if element.slot < columns.meta {
                file.raw(range)
            } else {
                file.value(range)
            };
            match bytes {
                Ok(bytes) if element.inside.is_empty() => {
                    held = held.saturating_add(bytes.len());
                    let level = if element.slot < columns.meta {
                        META
                    } else {
                        level
                    };
                    value::append(
                        builder,
                        &Value::new(&bytes, header, element.vr, &level),
                        &level,
                        warnings,
                    );
                }
                Ok(bytes) => {
                    let encoding = found
                        .start
                        .as_ref()
                        .map_or(Encoding::ExplicitLittle, |start| start.encoding);
                    let place = nested::Place {
                        header: *header,
                        encoding,
                        level,
                    };
                    let more = nested::append(builder, element, place, &bytes, limits, warnings);
                    held = held.saturating_add(more);
                }
                Err(error) => {
                    failure.get_or_insert(error);
                    builder.append_null();
                }
            }
        }
        if self.columns.frames {
            self.frames(file, &level, batch);
        }
        if self.columns.json
            && let Err(error) = self.json(file, failure.is_none(), batch)
        {
            failure.get_or_insert(error);
        }
        if self.columns.hashes
            && let Err(error) = self.hash(path, identity, failure.as_ref(), &level, batch)
        {
            failure.get_or_insert(error.into());
        }
        self.facts(file, identity, shown, failure.as_ref(), batch);
        if self.columns.json {
            held = held.saturating_add(self.text.len());
        }
        batch.end_row(held);
        if failure.is_some() {
            Outcome::Failed
        } else {
            Outcome::Row
        }
    }

    /// Where every frame lies. Of a deflated data set none lies anywhere.
    #[cold]
    fn frames(&mut self, file: &mut FileBytes<'_>, level: &Level, batch: &mut Batch) {
        let deflated = self
            .found
            .start
            .as_ref()
            .is_some_and(|start| start.deflated);
        let ranges = match self.found.pixels {
            Some(pixels) if !deflated => {
                let found = &self.found;
                frames::ranges(
                    file,
                    &pixels,
                    found,
                    &self.columns,
                    level,
                    &self.limits,
                    &mut self.warnings,
                )
            }
            _ => None,
        };
        for (builder, column) in batch.builders.iter_mut().zip(&self.columns.columns) {
            if matches!(column.origin, Origin::Fact(Fact::Frames)) {
                builder.append_frames(ranges.as_deref());
            }
        }
    }

    /// What is known of the file besides its elements.
    fn facts(
        &self,
        file: &FileBytes<'_>,
        identity: Option<Identity>,
        shown: &str,
        failure: Option<&Failure>,
        batch: &mut Batch,
    ) {
        let start = self.found.start.as_ref();
        // Offsets into what was inflated are no places in the file.
        let pixels = self
            .found
            .pixels
            .filter(|_| start.is_some_and(|start| !start.deflated));
        for (builder, column) in batch.builders.iter_mut().zip(&self.columns.columns) {
            let Origin::Fact(fact) = column.origin else {
                continue;
            };
            match fact {
                Fact::Path => builder.append_text(shown),
                Fact::Size => {
                    builder.append_int64(identity.and_then(|i| i64::try_from(i.size).ok()))
                }
                Fact::Mtime => builder.append_int64(identity.map(|i| i.mtime_ns.div_euclid(1000))),
                Fact::Status => builder.append_text(if failure.is_some() { "error" } else { "ok" }),
                Fact::Error => match failure {
                    Some(failure) => builder.append_text(&words(failure)),
                    None => builder.append_null(),
                },
                Fact::Warnings => {
                    builder.append_texts(self.warnings.codes.iter().map(|code| code.as_str()))
                }
                Fact::TransferSyntax => match start
                    .and_then(|s| s.transfer_syntax_uid.clone())
                    .map(|range| file.raw(range))
                {
                    Some(Ok(uid)) => builder
                        .append_text(String::from_utf8_lossy(&uid).trim_end_matches(['\0', ' '])),
                    _ => builder.append_null(),
                },
                Fact::PixelOffset => {
                    builder.append_int64(pixels.and_then(|p| i64::try_from(p.value_offset).ok()))
                }
                Fact::PixelLength => {
                    let defined = pixels.filter(|p| !p.is_undefined_length());
                    builder.append_int64(defined.and_then(|p| i64::try_from(p.value_length).ok()));
                }
                Fact::Inode => builder.append_int64(identity.map(|i| i.ino.cast_signed())),
                Fact::MtimeNs => builder.append_int64(identity.map(|i| i.mtime_ns)),
                // Appended where they are made.
                Fact::Frames | Fact::Hash(..) | Fact::Json => {}
                Fact::Tag | Fact::Vr | Fact::Value => builder.append_null(),
            }
        }
    }
}

/// File Meta Information is in Explicit VR Little Endian and the default repertoire. PS3.10 §7.1
const META: Level = Level {
    little: true,
    charset: SpecificCharacterSet::DEFAULT,
    pixel_representation: None,
};

/// The wanted tags, walked beside the elements: both ascend.
struct Wanted<'a> {
    tags: &'a [Tag],
    /// How many tags are of group 0002.
    meta: usize,
    at: usize,
    /// `tags[at]`, or beyond all tags.
    next: Tag,
    /// No more is looked for once all were found.
    ends: bool,
    unordered: bool,
    pixels: bool,
}

impl<'a> Wanted<'a> {
    fn new(columns: &'a Columns, unordered: bool) -> Wanted<'a> {
        let tags = columns.wanted.as_slice();
        let next = tags.get(columns.meta).copied().unwrap_or(Tag(u32::MAX));
        let ends = !columns.pixels && !unordered;
        Wanted {
            tags,
            meta: columns.meta,
            at: columns.meta,
            next,
            ends,
            unordered,
            pixels: columns.pixels,
        }
    }

    /// Takes elements into their slots until something else than an element comes, or nothing more is wanted.
    fn follow(
        &mut self,
        scanner: &mut Scanner,
        window: &Window<'_>,
        notes: &mut Deviations,
        found: &mut Found,
    ) -> Result<Event, Error> {
        if self.ends && self.at >= self.tags.len() {
            return Ok(Event::End);
        }
        loop {
            if !self.unordered {
                // The wanted ones are taken as they pass by: one comparison for each that is not.
                let before = if self.pixels {
                    Tag::FLOAT_PIXEL_DATA
                } else {
                    Tag(u32::MAX)
                };
                scanner.pass(before, window, |header| {
                    if header.tag >= self.next {
                        self.take(header, found);
                    }
                });
                if self.ends && self.at >= self.tags.len() {
                    return Ok(Event::End);
                }
            }
            let event = scanner.next(window, notes)?;
            let Event::Element(header) = event else {
                if let Event::Amended(header) = event {
                    self.put(header, found);
                    continue;
                }
                return Ok(event);
            };
            if self.unordered {
                self.put(header, found);
                continue;
            }
            self.take(header, found);
            if self.ends && self.at >= self.tags.len() {
                return Ok(Event::End);
            }
            if self.pixels && is_pixel_data(header.tag) {
                found.pixels = Some(header);
            }
        }
    }

    /// Takes a header into its slot if it is wanted; wanted tags before it are not there.
    #[inline]
    fn take(&mut self, header: ElementHeader, found: &mut Found) {
        while self.next < header.tag {
            self.advance();
        }
        if self.next == header.tag {
            if let Some(slot) = found.slots.get_mut(self.at) {
                *slot = Some(header);
            }
            self.advance();
        }
    }

    #[inline]
    fn advance(&mut self) {
        self.at += 1;
        self.next = self.tags.get(self.at).copied().unwrap_or(Tag(u32::MAX));
    }

    #[cold]
    fn put(&mut self, header: ElementHeader, found: &mut Found) {
        if let Ok(slot) = self.tags.binary_search(&header.tag)
            && slot >= self.meta
            && let Some(place) = found.slots.get_mut(slot)
        {
            *place = Some(header);
        }
        if self.pixels && is_pixel_data(header.tag) {
            found.pixels = Some(header);
        }
    }
}

fn is_pixel_data(tag: Tag) -> bool {
    matches!(
        tag,
        Tag::PIXEL_DATA | Tag::FLOAT_PIXEL_DATA | Tag::DOUBLE_FLOAT_PIXEL_DATA
    )
}

/// Code and words of the column `error`: the exception that opening the file would raise.
fn words(failure: &Failure) -> String {
    match failure {
        Failure::Source(SourceError::Os { errno }) => {
            let said = std::io::Error::from_raw_os_error(*errno).to_string();
            format!(
                "OSError: [Errno {errno}] {}",
                said.split(" (os error").next().unwrap_or_default()
            )
        }
        Failure::Source(error) => format!("FileChangedError: {error}"),
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

const _: () = assert!(ENDLESS < i64::MAX as u64);
