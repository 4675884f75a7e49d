//! One file → one row: where the wanted elements lie, then their values, straight into the columns.

use crate::batch::Batch;
use crate::bytes::{ENDLESS, Failure, FileBytes, PAGE};
use crate::column::{Fact, Origin};
use crate::document;
use crate::frames;
use crate::hash::{Algorithm, Hashes, Part, Parts};
use crate::json::Json;
use crate::known::SCHEMA_VERSION;
use crate::long::Long;
use crate::nested;
use crate::private;
use crate::reader::Reader;
use crate::schema::Columns;
use crate::shared::NotDicom;
use crate::shown::Shown;
use crate::value::{self, Level, Value};
use crate::wanted::{Found, Wanted};
use rapidicom_core::read::leniency::{Deviation, Deviations, Leniency};
use rapidicom_core::read::{
    ElementHeader, Event, FileStart, Scanner, StartOptions, inflate, start,
};
use rapidicom_core::transfer_syntax::Encoding;
use rapidicom_core::value::charset::{SpecificCharacterSet, TextDeviation};
use rapidicom_core::value::validate::leniency_of;
use rapidicom_core::{ErrorKind, Limits, Tag};
use rapidicom_source::{Identity, SourceError};
use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

/// Files that all needed less than was read before less is read.
const PATIENCE: u32 = 16;

/// Prefixes are multiples of this: what is read and not needed is copied for nothing, a tenth of a microsecond a KiB.
const STEP: usize = 512;

/// The longest prefix that is read at once.
const LONGEST: usize = 16 * PAGE;

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Row,
    Failed,
    /// It is not DICOM and has no row.
    Skipped,
}

/// Which file a row is of.
struct Row<'a> {
    identity: Option<Identity>,
    shown: &'a Shown,
    path: &'a dyn Fn() -> PathBuf,
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
    /// Bytes to read of the next file at once.
    prefix: usize,
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
            prefix: PAGE,
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
        self.prefix
    }

    /// A file whose prefix is in `reader`.
    pub(crate) fn row(
        &mut self,
        reader: &mut Reader,
        identity: Option<Identity>,
        shown: &Shown,
        path: &dyn Fn() -> PathBuf,
        batch: &mut Batch,
    ) -> Outcome {
        let mut file = FileBytes::new(reader, identity, path);
        let mut notes = Deviations::new(self.limits.max_warnings);
        let begun = self.limits.deadline_s.map(|_| Instant::now());
        let mut read = self.read(&mut file, &mut notes);
        if !self.columns.walks() {
            self.adapt(file.prefix_len());
        }
        if let Err(changed) = file.confirm(identity) {
            read = Err(changed);
        }
        if let Some(begun) = begun
            && read.is_ok()
        {
            let in_time = self.limits.within_deadline(begun.elapsed());
            read = in_time.map_err(Failure::from);
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
        let row = Row {
            identity,
            shown,
            path,
        };
        self.append(&mut file, &row, failure, &mut notes, batch)
    }

    /// A file of which nothing could be read.
    pub(crate) fn failed_row(&mut self, shown: &Shown, failure: &Failure, batch: &mut Batch) {
        if let Some(rows) = &mut batch.long {
            rows.fail(shown.text(), &failure.words());
            return batch.count(1);
        }
        for (builder, column) in batch.builders.iter_mut().zip(&self.columns.columns) {
            match column.origin {
                Origin::Fact(Fact::Path) => builder.append_text(shown.text()),
                Origin::Fact(Fact::PathBytes) => builder.append_bytes(shown.bytes()),
                Origin::Fact(Fact::SchemaVersion) => builder.append_int32(SCHEMA_VERSION),
                Origin::Fact(Fact::Status) => builder.append_text("error"),
                Origin::Fact(Fact::Error) => builder.append_text(&failure.words()),
                Origin::Fact(Fact::Warnings) => builder.append_warnings(&[]),
                _ => builder.append_null(),
            }
        }
        batch.end_row(shown.text().len());
    }

    /// A row an element, and at the end one that says what failed.
    fn long(
        &mut self,
        file: &mut FileBytes<'_>,
        shown: &Shown,
        failure: Option<Failure>,
        notes: &mut Deviations,
        batch: &mut Batch,
    ) -> Outcome {
        let Some(rows) = &mut batch.long else {
            return Outcome::Failed;
        };
        let mut rows = Long::begin(rows, shown.text(), &mut self.text);
        let (found, limits) = (&mut self.found, &self.limits);
        let failure = failure.or_else(|| {
            let meta = found.start.as_ref().map(|start| document::Level {
                range: start.file_meta.clone(),
                encoding: start.file_meta_encoding,
            });
            if let Some(meta) = meta
                && let Ok(bytes) = file.raw(meta.range.clone())
            {
                document::flat(&meta, &bytes, limits, &mut rows).ok();
            }
            match document::walk(&found.data_set, file, limits, notes, &mut rows) {
                Ok(reached) => {
                    found.reached = found.reached.max(reached);
                    None
                }
                Err(failure) => Some(failure),
            }
        });
        let count = rows.end();
        batch.count(count);
        self.adapt(file.prefix_len());
        match failure {
            Some(failure) => {
                self.failed_row(shown, &file.in_its_words(failure), batch);
                Outcome::Failed
            }
            None => Outcome::Row,
        }
    }

    /// Reads as much of the next files as the last ones needed: grows at once, shrinks slowly.
    fn adapt(&mut self, read: usize) {
        let needed = usize::try_from(self.found.reached)
            .unwrap_or(usize::MAX)
            .min(read.max(PAGE));
        self.most_needed = self.most_needed.max(needed);
        self.since += 1;
        let prefix = self.most_needed.next_multiple_of(STEP).clamp(STEP, LONGEST);
        if prefix >= self.prefix || self.since >= PATIENCE {
            (self.prefix, self.most_needed, self.since) = (prefix, 0, 0);
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
                Err(Failure::Source(_) | Failure::Words(_)) => false,
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
                inflate(bytes, data_set, &limits, notes, |_, _| Ok(None))
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
                Event::Stopped(header) if self.columns.pixels && header.tag.is_pixel_data() => {
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
    fn level(&mut self, file: &FileBytes<'_>, notes: &mut Deviations) -> Level {
        let encoding = self
            .found
            .start
            .as_ref()
            .map_or(Encoding::ExplicitLittle, |start| start.encoding);
        let little = encoding.is_little_endian();
        let slot = |slot: Option<usize>| self.found.slots.get(slot?).copied().flatten();
        let charset = match slot(self.charset_slot).map(|header| {
            let bytes = file.value(header.value_offset..header.value_end());
            (header, bytes)
        }) {
            Some((header, Ok(bytes))) => {
                if self.charset.0 != *bytes {
                    let (charset, deviation) = SpecificCharacterSet::parse(&bytes);
                    self.charset = (bytes.into_owned(), charset, deviation);
                }
                if let Some(deviation) = self.charset.2 {
                    let code = leniency_of(deviation);
                    notes.note(code, header.tag, header.offset(), String::new);
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
        row: &Row<'_>,
        mut failure: Option<Failure>,
        notes: &mut Deviations,
        batch: &mut Batch,
    ) -> Outcome {
        let level = self.level(file, notes);
        let Extractor {
            columns,
            found,
            limits,
            ..
        } = self;
        let mut held = row.shown.text().len();
        let prefix = file.prefix();
        for (builder, column) in batch.builders.iter_mut().zip(&columns.columns) {
            let Origin::Element(element) = &column.origin else {
                continue;
            };
            let Some(Some(header)) = found.slots.get(element.slot) else {
                builder.append_null();
                continue;
            };
            let is_meta = element.slot < columns.meta;
            let range = || header.value_offset..header.value_end();
            let at_hand =
                prefix.and_then(|prefix| prefix.get(header.value_offset, header.value_length));
            let bytes = match at_hand {
                Some(bytes) => Ok(Cow::Borrowed(bytes)),
                None if is_meta => file.raw(range()),
                None => file.value(range()),
            };
            match bytes {
                Ok(bytes) if element.inside.is_empty() => {
                    held = held.saturating_add(bytes.len());
                    let level = if is_meta { &META } else { &level };
                    let value = Value::new(&bytes, header, element.vr, level);
                    value::append(builder, &value, level, notes);
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
                    let more = nested::append(builder, element, place, &bytes, limits, notes);
                    held = held.saturating_add(more);
                }
                Err(error) => {
                    failure.get_or_insert(error);
                    builder.append_null();
                }
            }
        }
        if self.columns.frames {
            self.frames(file, &level, notes, batch);
            if let Err(changed) = file.confirm(row.identity) {
                failure.get_or_insert(changed);
            }
        }
        if self.columns.json
            && let Err(error) = self.json(file, failure.is_none(), notes, batch)
        {
            failure.get_or_insert(error);
        }
        if self.columns.hashes
            && let Err(error) = self.hash(file, row, failure.as_ref(), &level, batch)
        {
            failure.get_or_insert(error.into());
        }
        let failure = failure.map(|failure| file.in_its_words(failure));
        self.facts(file, row, failure.as_ref(), notes.kept(), batch);
        held = held.saturating_add(notes.kept().len().saturating_mul(64));
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
    fn frames(
        &mut self,
        file: &mut FileBytes<'_>,
        level: &Level,
        notes: &mut Deviations,
        batch: &mut Batch,
    ) {
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
                    notes,
                )
            }
            _ => None,
        };
        for (fact, builder) in batch.facts() {
            if fact == Fact::Frames {
                builder.append_frames(ranges.as_deref());
            }
        }
    }

    /// The header as JSON; null where it could not be read to its end.
    #[cold]
    fn json(
        &mut self,
        file: &mut FileBytes<'_>,
        readable: bool,
        notes: &mut Deviations,
        batch: &mut Batch,
    ) -> Result<(), Failure> {
        let mut json = Json::begin(&mut self.text);
        let (found, limits) = (&mut self.found, &self.limits);
        let walked = if readable {
            document::walk(&found.data_set, file, limits, notes, &mut json).map(Some)
        } else {
            Ok(None)
        };
        let text = json.end().filter(|_| matches!(walked, Ok(Some(_))));
        if let Ok(Some(reached)) = walked {
            found.reached = found.reached.max(reached);
        }
        for (fact, builder) in batch.facts() {
            if fact == Fact::Json {
                match text {
                    Some(text) => builder.append_text(text),
                    None => builder.append_null(),
                }
            }
        }
        if text.is_none() && matches!(walked, Ok(Some(_))) {
            notes.note(Leniency::ValueTooLong, Tag(0), 0, String::new);
        }
        self.adapt(file.prefix_len());
        walked.map(drop)
    }

    /// The hashes that are asked for; null of a file that could not be read.
    #[cold]
    fn hash(
        &mut self,
        file: &FileBytes<'_>,
        row: &Row<'_>,
        failure: Option<&Failure>,
        level: &Level,
        batch: &mut Batch,
    ) -> Result<(), SourceError> {
        let hash = |fact| match fact {
            Fact::Hash(part, algorithm) => Some((part, algorithm)),
            _ => None,
        };
        let asked: Vec<(Part, Algorithm)> =
            batch.facts().filter_map(|(fact, _)| hash(fact)).collect();
        let start = self.found.start.as_ref();
        let parts = Parts {
            data_set: start.map(|start| start.data_set),
            pixels: self
                .found
                .pixels
                .filter(|_| start.is_some_and(|start| !start.deflated)),
            little: level.little,
        };
        let made = match failure {
            Some(Failure::Source(_)) => Ok(Vec::new()),
            _ => match file.object() {
                Some(stream) => self.hashes.of_object(stream, &asked, &parts),
                None => self
                    .hashes
                    .of_file(&(row.path)(), row.identity, &asked, &parts),
            },
        };
        let mut made_ones = made.as_ref().map_or(&[][..], Vec::as_slice).iter();
        for (fact, builder) in batch.facts() {
            if hash(fact).is_some() {
                match made_ones.next() {
                    Some(Some(digits)) => builder.append_text(digits),
                    _ => builder.append_null(),
                }
            }
        }
        made.map(drop)
    }

    /// What is known of the file besides its elements.
    fn facts(
        &self,
        file: &FileBytes<'_>,
        row: &Row<'_>,
        failure: Option<&Failure>,
        warnings: &[Deviation],
        batch: &mut Batch,
    ) {
        let &Row {
            identity, shown, ..
        } = row;
        let start = self.found.start.as_ref();
        // Offsets into what was inflated are no places in the file.
        let pixels = self
            .found
            .pixels
            .filter(|_| start.is_some_and(|start| !start.deflated));
        for &(at, fact) in &self.columns.facts {
            let Some(builder) = batch.builders.get_mut(at) else {
                continue;
            };
            match fact {
                Fact::Path => builder.append_text(shown.text()),
                Fact::Size => {
                    builder.append_int64(identity.and_then(|i| i64::try_from(i.size).ok()))
                }
                Fact::Mtime => builder.append_int64(time(identity).map(|ns| ns.div_euclid(1000))),
                Fact::Status => builder.append_text(if failure.is_some() { "error" } else { "ok" }),
                Fact::Error => match failure {
                    Some(failure) => builder.append_text(&failure.words()),
                    None => builder.append_null(),
                },
                Fact::Warnings => builder.append_warnings(warnings),
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
                Fact::MtimeNs => builder.append_int64(time(identity)),
                Fact::Inode => builder.append_int64(identity.map(|i| i.ino.cast_signed())),
                Fact::PathBytes => builder.append_bytes(shown.bytes()),
                Fact::SchemaVersion => builder.append_int32(SCHEMA_VERSION),
                // Appended where they are made.
                Fact::Frames | Fact::Hash(..) | Fact::Json => {}
                Fact::Tag | Fact::Vr | Fact::Value => builder.append_null(),
            }
        }
    }
}

/// Bytes in memory have no time.
fn time(identity: Option<Identity>) -> Option<i64> {
    let identity = identity.filter(|i| i.ino != 0 || i.mtime_ns != 0)?;
    Some(identity.mtime_ns)
}

/// File Meta Information is in Explicit VR Little Endian and the default repertoire. PS3.10 §7.1
const META: Level = Level {
    little: true,
    charset: SpecificCharacterSet::DEFAULT,
    pixel_representation: None,
};

const _: () = assert!(ENDLESS < i64::MAX as u64);
