//! `Dataset`.

use crate::buffer::generic_getattr;
use crate::element::DataElement;
use crate::error::{Result, path_text, raise, raise_no_image};
use crate::frames::{FrameTable, Frames};
use crate::keyword::{Key, key_of, tag_from};
use crate::lookup;
use crate::object::{Slots, untracked};
use crate::pixels::{self, Wish};
use crate::place::Place;
use crate::root::{Part, Root};
use crate::sequence::Sequence;
use crate::types::{forward, function, python};
use crate::value::{Field, empty};
use crate::walk::{Walk, WalkKind};
use pyo3::exceptions::PyAttributeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PySlice, PyString, PyTuple};
use rapidicom_core::data_set::{DataSet, Inherited};
use rapidicom_core::read::leniency::Deviations;
use rapidicom_core::read::{ElementHeader, Item, Window, scan};
use rapidicom_core::transfer_syntax::{Encoding, TransferSyntax};
use rapidicom_core::value::charset::is_plain_ascii;
use rapidicom_core::{Error, ErrorKind, Tag, Vr, dictionary};
use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// A data set, or an item: its elements in tag order. Immutable, lazy, shareable between threads. PS3.5 §7
#[pyclass(frozen, weakref, module = "rapidicom", name = "Dataset")]
pub(crate) struct Dataset {
    pub(crate) root: Arc<Root>,
    pub(crate) set: DataSet,
    pub(crate) part: Part,
    pub(crate) place: Place,
    /// Made for the first value that is kept.
    values: OnceLock<Slots>,
    /// Which values were asked for: the bit of an element's place, counted modulo 64.
    asked: AtomicU64,
    frames: OnceLock<Arc<FrameTable>>,
    /// A part of a level: what `pickle` must cut out again.
    pub(crate) is_subset: bool,
    /// An item whose length is not known beforehand.
    is_undefined_length: bool,
    /// The Specific Character Set of a level above.
    inherited_character_set: Option<ElementHeader>,
}

/// Larger byte strings are made anew each time rather than held twice.
const KEPT_BYTES: u64 = 64 << 10;

/// A list that is kept is given out as a copy: the caller may change it.
#[inline]
fn handed_out(value: Bound<'_, PyAny>) -> Bound<'_, PyAny> {
    match value.cast_exact::<PyList>() {
        Ok(list) => list.get_slice(0, list.len()).into_any(),
        Err(_) => value,
    }
}

impl Dataset {
    /// The top level of a stream.
    pub(crate) fn top(root: Arc<Root>, headers: Vec<ElementHeader>) -> Dataset {
        let encoding = root.start.encoding;
        Dataset::new(
            root,
            headers.into(),
            encoding,
            Inherited::default(),
            Part::DataSet,
            Place::TOP,
        )
    }

    fn new(
        root: Arc<Root>,
        headers: Box<[ElementHeader]>,
        encoding: Encoding,
        inherited: Inherited,
        part: Part,
        place: Place,
    ) -> Dataset {
        let set = DataSet::new(headers, encoding, inherited, |h| root.value(part, h).ok());
        Dataset::with(root, set, part, place)
    }

    fn with(root: Arc<Root>, set: DataSet, part: Part, place: Place) -> Dataset {
        Dataset {
            root,
            set,
            part,
            place,
            values: OnceLock::new(),
            asked: AtomicU64::new(0),
            frames: OnceLock::new(),
            is_subset: false,
            is_undefined_length: false,
            inherited_character_set: None,
        }
    }

    /// An item of a sequence.
    pub(crate) fn item(
        root: &Arc<Root>,
        item: &Item,
        (inherited, character_set): (Inherited, Option<ElementHeader>),
        part: Part,
        place: Place,
    ) -> Result<Dataset> {
        let range = item.range();
        let headers = {
            let bytes = root.bytes(part, range.clone())?;
            let window = Window::new(&bytes, range.start);
            let mut unheard = Deviations::new(0);
            let limits = &root.options.limits;
            scan(&window, range, item.encoding, limits, &mut unheard)?
        };
        root.check(part)?;
        let root = Arc::clone(root);
        Ok(Dataset {
            is_undefined_length: item.undefined_length,
            inherited_character_set: character_set,
            ..Dataset::new(root, headers, item.encoding, inherited, part, place)
        })
    }

    /// The element of the Specific Character Set in force: of this level or one above.
    pub(crate) fn character_set(&self) -> Option<ElementHeader> {
        let own = self.set.get(Tag::SPECIFIC_CHARACTER_SET).copied();
        own.or(self.inherited_character_set)
    }

    /// The Value Field of an element of this level.
    #[inline]
    pub(crate) fn bytes(&self, header: &ElementHeader) -> Result<Cow<'_, [u8]>> {
        self.root.value(self.part, header)
    }

    pub(crate) fn vr(&self, header: &ElementHeader) -> Vr {
        self.set.vr(header, |h| self.bytes(h).ok())
    }

    pub(crate) fn header(&self, index: usize) -> Result<&ElementHeader> {
        self.set
            .headers
            .get(index)
            .ok_or_else(|| Error::new(ErrorKind::Internal, "an element that is not there"))
    }

    /// An error of this data set, with the path to it.
    #[cold]
    pub(crate) fn raise(&self, py: Python<'_>, mut error: Error) -> PyErr {
        if error.path.is_empty() {
            error.path = self.place.path();
        }
        raise(py, error, self.root.path())
    }

    /// The same where the error is that there is no image: what it needs is not in the data set.
    #[cold]
    fn raise_of_image(&self, py: Python<'_>, mut error: Error) -> PyErr {
        let absent = |tag| self.set.position(tag).is_none();
        if error.offset.is_some() || !error.tag.is_none_or(absent) {
            return self.raise(py, error);
        }
        error.path = self.place.path();
        raise_no_image(py, error, self.root.path())
    }

    /// The value of the element at `index`: kept from the second time on that it is asked for, so that whoever walks over
    /// a data set once does not hold all of it; a list handed out as a copy. A Sequence is the same object each time.
    #[inline]
    pub(crate) fn value_at<'py>(
        &self,
        py: Python<'py>,
        index: usize,
    ) -> PyResult<Bound<'py, PyAny>> {
        if let Some(value) = self
            .values
            .get()
            .and_then(|slots| slots.get(index)?.get(py))
        {
            return Ok(handed_out(value));
        }
        self.decode(py, index)
    }

    fn decode<'py>(&self, py: Python<'py>, index: usize) -> PyResult<Bound<'py, PyAny>> {
        let header = self.header(index).map_err(|e| self.raise(py, e))?;
        let vr = self.vr(header);
        let value = match self.make_value(py, header, vr)? {
            Ok(value) => value,
            Err(error) => return Err(self.raise(py, error)),
        };
        self.root.check(self.part).map_err(|e| self.raise(py, e))?;
        if vr != Vr::SQ {
            let bytes = header.value_length > KEPT_BYTES && value.cast_exact::<PyBytes>().is_ok();
            if bytes || !self.asked_before(index) {
                return Ok(value);
            }
        }
        let slots = self
            .values
            .get_or_init(|| Slots::new(self.set.headers.len()));
        Ok(match slots.get(index) {
            Some(slot) => handed_out(slot.keep(value)),
            None => value,
        })
    }

    /// Whether the element at `index`, or one whose bit is the same, was asked for before; from now on it was.
    fn asked_before(&self, index: usize) -> bool {
        let bit = 1 << (index % 64);
        self.asked.fetch_or(bit, Ordering::Relaxed) & bit != 0
    }

    fn make_value<'py>(
        &self,
        py: Python<'py>,
        header: &ElementHeader,
        vr: Vr,
    ) -> crate::value::Value<'py> {
        if vr == Vr::SQ {
            return match Sequence::of(self, header) {
                Ok(sequence) => Ok(Ok(untracked(py, sequence)?.into_any())),
                Err(error) => Ok(Err(error)),
            };
        }
        if header.value_length == 0 {
            return empty(py, vr).map(Ok);
        }
        let limits = &self.root.options.limits;
        if let Some(max) = limits
            .max_value_bytes
            .filter(|&max| header.value_length > max)
        {
            return Ok(Err(Error::limit(
                "max_value_bytes",
                max,
                header.value_length,
            )
            .of(header.tag)));
        }
        let bytes = match self.bytes(header) {
            Ok(bytes) => bytes,
            Err(error) => return Ok(Err(error.of(header.tag))),
        };
        let little = self.set.encoding.is_little_endian();
        let charset = &self.set.inherited.charset;
        let value = Field {
            header,
            vr,
            bytes: &bytes,
            little,
            charset,
        }
        .value(py)?;
        match value {
            Ok(name) if vr == Vr::PN && !is_plain_ascii(&bytes) => {
                self.with_bytes(name, &bytes).map(Ok)
            }
            value => Ok(value),
        }
    }

    /// The elements whose tags are chosen, as a data set of its own.
    pub(crate) fn subset(&self, keep: impl Fn(Tag) -> bool) -> Dataset {
        let headers = self.set.headers.iter().filter(|h| keep(h.tag));
        self.part_of(headers.copied().collect())
    }

    /// Which elements of the level these are, of a part of it.
    pub(crate) fn only(&self) -> Option<Vec<u32>> {
        let tags = || self.set.headers.iter().map(|header| header.tag.0).collect();
        self.is_subset.then(tags)
    }

    /// Some of the elements, in tag order, as a data set of its own.
    pub(crate) fn part_of(&self, headers: Box<[ElementHeader]>) -> Dataset {
        let set = DataSet {
            headers,
            encoding: self.set.encoding,
            inherited: self.set.inherited,
        };
        let root = Arc::clone(&self.root);
        Dataset {
            is_subset: true,
            is_undefined_length: self.is_undefined_length,
            inherited_character_set: self.inherited_character_set,
            ..Dataset::with(root, set, self.part, self.place.clone())
        }
    }

    /// The Transfer Syntax of the stream, which says nothing of the pixels of an item. PS3.5 §A.4
    pub(crate) fn syntax_of_pixels(&self) -> Option<TransferSyntax> {
        let syntax = self.root.start.transfer_syntax;
        syntax.filter(|_| self.place.is_top())
    }

    /// The frames of this level's image, found once.
    pub(crate) fn frame_table(&self) -> Result<Arc<FrameTable>> {
        if let Some(table) = self.frames.get() {
            return Ok(Arc::clone(table));
        }
        let table = Arc::new(FrameTable::of(self, &self.root.options.limits)?);
        Ok(Arc::clone(self.frames.get_or_init(|| table)))
    }

    fn is_keyword(name: &str) -> bool {
        name.as_bytes().first().is_some_and(u8::is_ascii_uppercase)
    }

    /// The complete list of what was forgiven, found once.
    pub(crate) fn deviations(&self) -> Result<Vec<rapidicom_core::read::leniency::Deviation>> {
        crate::verify::deviations(self)
    }
}

#[pymethods]
impl Dataset {
    fn __getattribute__<'py>(
        slf: &Bound<'py, Self>,
        name: &Bound<'py, PyString>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let text = name.to_str()?;
        if Dataset::is_keyword(text)
            && let Some(tag) = dictionary::by_keyword(text)
        {
            return match slf.get().set.position(tag) {
                Some(index) => slf.get().value_at(slf.py(), index),
                None => Err(PyAttributeError::new_err(())),
            };
        }
        generic_getattr(slf.as_any(), name.as_any())
    }

    /// What is asked last, when the name was not found: only words.
    fn __getattr__(&self, py: Python<'_>, name: &str) -> PyResult<Py<PyAny>> {
        if matches!(name, "frames" | "pixel_array") {
            self.frames(py)?; // says itself why there are none
        }
        Err(PyAttributeError::new_err(if Dataset::is_keyword(name) {
            lookup::no_attribute(self, name)
        } else {
            format!("'Dataset' object has no attribute '{name}'")
        }))
    }

    fn __getitem__<'py>(
        slf: &Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if let Ok(slice) = key.cast::<PySlice>() {
            return lookup::sliced(slf, slice);
        }
        match key_of(key)? {
            Key::Tag(tag) => Ok(lookup::element(slf, tag)?.into_any()),
            Key::Path(steps) => lookup::follow(slf, &steps),
        }
    }

    #[pyo3(signature = (key, default = None))]
    fn get<'py>(
        slf: &Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let found = match key.cast::<PyString>() {
            Ok(word) => lookup::by_word(slf, word)?,
            Err(_) => lookup::by_tag(slf, tag_from(key)?)?,
        };
        Ok(found
            .or(default)
            .unwrap_or_else(|| slf.py().None().into_bound(slf.py())))
    }

    #[pyo3(signature = (key, *, keep_deferred = false))]
    fn get_item<'py>(
        slf: &Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
        keep_deferred: bool,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let _ = keep_deferred; // every value is: nothing is read before it is asked for
        match key.cast::<PySlice>() {
            Ok(slice) => lookup::sliced(slf, slice).map(Some),
            Err(_) => lookup::by_tag(slf, tag_from(key)?),
        }
    }

    fn data_element<'py>(
        slf: &Bound<'py, Self>,
        name: &str,
    ) -> PyResult<Option<Bound<'py, DataElement>>> {
        let index = dictionary::by_keyword(name).and_then(|tag| slf.get().set.position(tag));
        index.map(|index| DataElement::of(slf, index)).transpose()
    }

    fn __contains__(slf: &Bound<'_, Self>, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        match key_of(key) {
            Ok(Key::Tag(tag)) => Ok(slf.get().set.position(tag).is_some()),
            Ok(Key::Path(steps)) => Ok(lookup::reached(slf, &steps)?.is_some()),
            Err(_) => Ok(false),
        }
    }

    fn __len__(&self) -> usize {
        self.set.headers.len()
    }

    fn __bool__(&self) -> bool {
        !self.set.headers.is_empty()
    }

    fn __iter__(slf: Bound<'_, Self>) -> Walk {
        Walk::new(slf, WalkKind::Level)
    }

    fn elements(slf: Bound<'_, Self>) -> Walk {
        Walk::new(slf, WalkKind::Level)
    }

    fn iterall(slf: Bound<'_, Self>) -> Walk {
        Walk::new(slf, WalkKind::All)
    }

    #[pyo3(signature = (callback = None, recursive = true))]
    fn walk<'py>(
        slf: Bound<'py, Self>,
        callback: Option<Bound<'py, PyAny>>,
        recursive: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        match callback {
            None => Ok(Bound::new(py, Walk::new(slf, WalkKind::Paths))?.into_any()),
            Some(f) => function(py, "rapidicom.visit", "visit")?.call1((slf, f, recursive)),
        }
    }

    /// Nothing: text is decoded when it is asked for.
    #[pyo3(name = "decode")]
    fn decode_text(&self) {}

    fn keys<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let none = slf.py().None().into_bound(slf.py());
        lookup::mapping(slf, |_| Ok(none.clone()))?.call_method0("keys")
    }

    fn values<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let element = |index| Ok(DataElement::of(slf, index)?.into_any());
        lookup::mapping(slf, element)?.call_method0("values")
    }

    fn items<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let element = |index| Ok(DataElement::of(slf, index)?.into_any());
        lookup::mapping(slf, element)?.call_method0("items")
    }

    #[pyo3(signature = (*filters))]
    fn dir(&self, filters: Vec<String>) -> Vec<&'static str> {
        let filters: Vec<String> = filters.iter().map(|f| f.to_lowercase()).collect();
        let mut words: Vec<&'static str> = self.keywords();
        words.retain(|k| {
            filters.is_empty()
                || filters
                    .iter()
                    .any(|f| k.to_lowercase().contains(f.as_str()))
        });
        words.sort_unstable();
        words
    }

    fn keywords(&self) -> Vec<&'static str> {
        let known = self
            .set
            .headers
            .iter()
            .filter_map(|h| dictionary::by_tag(h.tag));
        known
            .map(|e| e.keyword())
            .filter(|k| !k.is_empty())
            .collect()
    }

    fn __dir__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let builtin = slf.py().get_type::<Dataset>().dir()?;
        builtin.add(PyList::new(slf.py(), slf.get().keywords())?)
    }

    fn trait_names<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyList>> {
        slf.dir()
    }

    /// See the stub.
    #[getter]
    fn file_meta<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Dataset>> {
        let this = slf.get();
        let set = this.root.file_meta().map_err(|e| this.raise(slf.py(), e))?;
        let root = Arc::clone(&this.root);
        Bound::new(slf.py(), Dataset::with(root, set, Part::File, Place::TOP))
    }

    #[getter]
    fn preamble<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        use rapidicom_core::read::PreambleKind;
        if self.root.start.preamble == PreambleKind::None {
            return Ok(None);
        }
        let bytes = self
            .root
            .bytes(Part::File, 0..128)
            .map_err(|e| self.raise(py, e))?;
        Ok(Some(PyBytes::new(py, &bytes)))
    }

    #[getter]
    fn preamble_kind(&self) -> &'static str {
        use rapidicom_core::read::PreambleKind as P;
        match self.root.start.preamble {
            P::None => "none",
            P::Zero => "zero",
            P::Tiff => "tiff",
            P::Executable => "executable",
            P::Other => "other",
        }
    }

    #[getter]
    fn transfer_syntax<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let class = python(py)?.uid.bind(py);
        if let Some(syntax) = self.root.start.transfer_syntax {
            return class.call1((syntax.uid(),)).map(Some);
        }
        let Some(range) = self.root.start.transfer_syntax_uid.clone() else {
            return Ok(None);
        };
        let bytes = self
            .root
            .bytes(Part::File, range)
            .map_err(|e| self.raise(py, e))?;
        let text = rapidicom_core::value::text::latin_1(&bytes).into_owned();
        class.call1((text.trim_end_matches([' ', '\0']),)).map(Some)
    }

    #[getter(is_implicit_VR)]
    fn is_implicit_vr(&self) -> bool {
        !self.set.encoding.is_explicit()
    }

    #[getter]
    fn is_little_endian(&self) -> bool {
        self.set.encoding.is_little_endian()
    }

    #[getter]
    fn original_encoding(&self) -> (bool, bool) {
        (self.is_implicit_vr(), self.is_little_endian())
    }

    #[getter]
    fn read_implicit_vr(&self) -> bool {
        self.is_implicit_vr()
    }

    #[getter]
    fn read_little_endian(&self) -> bool {
        self.is_little_endian()
    }

    #[getter]
    fn original_character_set<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.codecs(py)
    }

    #[getter]
    fn read_encoding<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.codecs(py)
    }

    #[classattr]
    fn is_original_encoding() -> bool {
        true
    }

    #[classattr]
    fn is_decompressed() -> bool {
        false
    }

    #[getter]
    fn is_undefined_length_sequence_item(&self) -> bool {
        self.is_undefined_length
    }

    #[getter]
    fn timestamp(&self) -> Option<f64> {
        let identity = self.root.source(Part::File).identity()?;
        let (seconds, rest) = (
            identity.mtime_ns.div_euclid(1_000_000_000),
            identity.mtime_ns.rem_euclid(1_000_000_000),
        );
        self.root
            .path()
            .map(|_| seconds as f64 + rest as f64 * 1e-9)
    }

    #[getter]
    fn filename(&self) -> Option<&std::ffi::OsStr> {
        self.root.path().map(std::path::Path::as_os_str)
    }

    #[getter]
    fn access(&self) -> &'static str {
        match self.root.source(Part::File).kind() {
            rapidicom_source::Kind::Mapped => "mmap",
            rapidicom_source::Kind::Foreign => "buffer",
            rapidicom_source::Kind::Owned | rapidicom_source::Kind::Deferred => "read",
        }
    }

    #[getter]
    fn warnings<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let all = py
            .detach(|| self.deviations())
            .map_err(|e| self.raise(py, e))?;
        let make = function(py, "rapidicom.read_warning", "ReadWarning")?;
        let code = function(py, "rapidicom.read_warning", "WarningCode")?;
        let mut made = Vec::with_capacity(all.len());
        for d in &all {
            let path = path_text(&d.path, d.tag);
            made.push(make.call1((code.getattr(d.code.as_str())?, path, d.offset, &d.detail))?);
        }
        Ok(PyTuple::new(py, made)?.into_any())
    }

    #[pyo3(signature = (group, private_creator, create = false))]
    fn private_block<'py>(
        slf: &Bound<'py, Self>,
        group: u16,
        private_creator: &str,
        create: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let _ = create; // nothing can be
        lookup::private_block(slf, group, private_creator)
    }

    fn get_private_item<'py>(
        slf: &Bound<'py, Self>,
        group: u16,
        element_offset: u16,
        private_creator: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        lookup::private_block(slf, group, private_creator)?.get_item(element_offset)
    }

    fn private_creators(&self, group: u16) -> Vec<String> {
        let of = |element: u16| {
            self.set
                .private_creator(Tag::new(group, element << 8), |h| self.bytes(h).ok())
        };
        (0x10..=0xFFu16).filter_map(of).collect()
    }

    fn group_dataset(&self, group: u16) -> Dataset {
        self.subset(|tag| tag.group() == group)
    }

    fn copy(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __copy__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __deepcopy__<'py>(slf: Bound<'py, Self>, _memo: &Bound<'py, PyAny>) -> Bound<'py, Self> {
        slf
    }

    fn __eq__<'py>(
        slf: &Bound<'py, Self>,
        other: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        function(slf.py(), "rapidicom.compare", "data_sets_equal")?.call1((slf, other))
    }

    fn __hash__(&self) -> u64 {
        self.set
            .headers
            .iter()
            .fold(self.set.headers.len() as u64, |hash, h| {
                hash.rotate_left(5).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ u64::from(h.tag.0)
            })
    }

    fn __repr__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        function(slf.py(), "rapidicom.show", "data_set_text")?.call1((slf,))
    }

    #[pyo3(name = "top")]
    fn top_text<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        function(slf.py(), "rapidicom.show", "top_text")?.call1((slf,))
    }

    #[pyo3(signature = (*arguments, **named))]
    fn formatted_lines<'py>(
        slf: &Bound<'py, Self>,
        arguments: &Bound<'py, PyTuple>,
        named: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        forward(slf, ("rapidicom.show", "formatted_lines"), arguments, named)
    }

    #[pyo3(signature = (*arguments, **named))]
    fn to_json_dict<'py>(
        slf: &Bound<'py, Self>,
        arguments: &Bound<'py, PyTuple>,
        named: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        forward(
            slf,
            ("rapidicom.json_model", "data_set_model"),
            arguments,
            named,
        )
    }

    #[pyo3(signature = (*arguments, **named))]
    fn to_json<'py>(
        slf: &Bound<'py, Self>,
        arguments: &Bound<'py, PyTuple>,
        named: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        forward(
            slf,
            ("rapidicom.json_model", "data_set_text"),
            arguments,
            named,
        )
    }

    fn _repr_html_<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        function(slf.py(), "rapidicom.show", "data_set_html")?.call1((slf,))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
        crate::pickle::reduce(slf)
    }

    fn __enter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, _exception: &Bound<'_, PyTuple>) {}

    #[getter]
    fn frames(&self, py: Python<'_>) -> PyResult<Frames> {
        Frames::of(self).map_err(|e| self.raise_of_image(py, e))
    }

    #[getter]
    fn pixel_array<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        pixels::pixel_array(py, &self.frames(py)?, None, None, &Wish::default())
    }

    fn overlay_array<'py>(slf: &Bound<'py, Self>, group: i64) -> PyResult<Bound<'py, PyAny>> {
        function(slf.py(), "rapidicom.pixels", "overlay_array")?.call1((slf, group))
    }

    fn waveform_array<'py>(slf: &Bound<'py, Self>, index: isize) -> PyResult<Bound<'py, PyAny>> {
        function(slf.py(), "rapidicom.waveforms", "multiplex_array")?.call1((slf, index, false))
    }

    fn __setattr__(&self, name: &str, _value: &Bound<'_, PyAny>) -> PyResult<()> {
        Err(PyAttributeError::new_err(format!(
            "a Dataset is read-only: {name} can't be set"
        )))
    }

    fn __delattr__(&self, name: &str) -> PyResult<()> {
        Err(PyAttributeError::new_err(format!(
            "a Dataset is read-only: {name} can't be deleted"
        )))
    }
}
