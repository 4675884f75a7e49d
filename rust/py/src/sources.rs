//! What is given as sources, understood in one place: a word is a folder, a glob pattern, a file, an archive, a URL or a
//! file of paths, whether it is given alone or in a list. A DICOMDIR that is given alone stands for the files it names; among
//! others it is one of them. What an iterator or a file of paths names bit by
//! bit are paths and URLs: there may be very many, and none is looked at before its turn.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyIterator, PyString};
use rapidicom_index::{Feed, Given, Item, Sources, is_pattern, normal};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// Paths that are taken from a Python iterable at once.
const CHUNK: usize = 512;
/// Bytes of a file that say whether it is a list of paths.
const HEAD: u64 = 4096;
/// In a list, which may be long, files of these names alone are opened to see whether they are lists of paths.
const TEXTS: [&str; 3] = ["txt", "lst", "list"];

/// What was understood of the sources.
pub(crate) struct Understood {
    pub(crate) sources: Sources,
    /// Whether they are far away: waiting for one costs no processor.
    pub(crate) far: bool,
}

/// `whole`: paths are made absolute, as those of a table are.
pub(crate) fn understand(
    sources: &Bound<'_, PyAny>,
    archives: bool,
    whole: bool,
) -> PyResult<Understood> {
    let mut words = Words {
        given: None,
        listed: false,
        within: Vec::new(),
        met: Given::new(archives),
        whole,
    };
    if let Some(path) = word(sources)? {
        let path = local(&path).unwrap_or(path);
        let far = is_url(&path);
        match meaning(sources.py(), path, true)? {
            Meaning::One(Item::Path(path) | Item::Pattern(path)) => {
                let path = if whole { normal(&path) } else { path };
                return Ok(Understood {
                    sources: Sources::Path(path),
                    far,
                });
            }
            Meaning::One(Item::Object(_)) => {} // no word means one
            Meaning::Many(many) => words.within.push(many),
        }
        return Ok(Understood {
            sources: Sources::Feed(feed(words)),
            far,
        });
    }
    words.listed = sources.hasattr("__len__")?;
    let mut far = false;
    let given = sources.try_iter().map_err(|_| {
        PyTypeError::new_err(
            "sources is a folder, a glob pattern, a file, a file of paths, a URL, or an iterable of these",
        )
    })?;
    words.given = Some(given.unbind());
    if words.listed {
        for source in sources.try_iter()? {
            far |= words.note(&source?)?;
        }
    }
    Ok(Understood {
        sources: Sources::Feed(feed(words)),
        far,
    })
}

/// The text of a source that is one.
fn word(source: &Bound<'_, PyAny>) -> PyResult<Option<PathBuf>> {
    if source.is_instance_of::<PyString>() || source.hasattr("__fspath__")? {
        return source.extract().map(Some);
    }
    Ok(None)
}

/// What a word means.
enum Meaning {
    One(Item),
    Many(Many),
}

/// Sources that one word names.
enum Many {
    /// What Python lists: the objects under a URL, the files of a DICOMDIR.
    Listed(Py<PyIterator>),
    /// The lines of a file of paths.
    Lines(BufReader<File>),
}

impl Many {
    fn next(&mut self, py: Python<'_>) -> PyResult<Option<Item>> {
        match self {
            Many::Listed(items) => {
                let next = items.bind(py).clone().next();
                next.map(|item| crate::object_source::item(&item?))
                    .transpose()
            }
            Many::Lines(reader) => Ok(line(reader)?.map(Item::Path)),
        }
    }
}

/// What a word means. `alone`: a text that is the only source is a list of paths, whatever it says, and so is a DICOMDIR.
fn meaning(py: Python<'_>, path: PathBuf, alone: bool) -> PyResult<Meaning> {
    if is_url(&path) {
        return objects(py, &path).map(Meaning::Many);
    }
    let named = path.file_name();
    let is_dicomdir = named.is_some_and(|name| name.eq_ignore_ascii_case("DICOMDIR"));
    if alone && is_dicomdir && path.is_file() {
        let dicomdir = py.import("rapidicom.dicomdir")?;
        let files = dicomdir.call_method1("files", (path.as_os_str(),))?;
        return Ok(Meaning::Many(Many::Listed(files.try_iter()?.unbind())));
    }
    if let Some(lines) = file_of_paths(&path, alone) {
        return Ok(Meaning::Many(Many::Lines(lines)));
    }
    Ok(Meaning::One(if is_pattern(&path) {
        Item::Pattern(path)
    } else {
        Item::Path(path)
    }))
}

fn objects(py: Python<'_>, url: &Path) -> PyResult<Many> {
    let remote = py.import("rapidicom.remote")?;
    let objects = remote.call_method1("objects", (url.as_os_str(),))?;
    Ok(Many::Listed(objects.try_iter()?.unbind()))
}

/// `scheme://…`, which no path begins with.
fn is_url(path: &Path) -> bool {
    let scheme = path.to_str().and_then(|path| path.split_once("://"));
    scheme.is_some_and(|(scheme, _)| {
        !scheme.is_empty()
            && scheme
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
    })
}

/// The path of a URL of the file system at hand.
fn local(url: &Path) -> Option<PathBuf> {
    let url = url.to_str()?;
    let path = url
        .strip_prefix("file://")
        .or_else(|| url.strip_prefix("local://"))?;
    Some(PathBuf::from(path))
}

/// A regular file that is no DICOM but text is a list of paths, one a line: if one of its first lines names something.
fn file_of_paths(path: &Path, alone: bool) -> Option<BufReader<File>> {
    let named = |text: &&str| {
        path.extension()
            .is_some_and(|named| named.eq_ignore_ascii_case(text))
    };
    if !(alone || TEXTS.iter().any(named)) || !std::fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut head = Vec::new();
    let file = File::open(path).ok()?;
    file.take(HEAD).read_to_end(&mut head).ok()?;
    if head.is_empty() || head.contains(&0) || head.starts_with(b"DICM") {
        return None;
    }
    let mut first = head.as_slice();
    let mut names = false;
    while let Ok(Some(path)) = line(&mut first) {
        names |= path.is_absolute() || is_url(&path) || path.symlink_metadata().is_ok();
    }
    let list = names || (alone && head.contains(&b'\n'));
    list.then(|| File::open(path).ok().map(BufReader::new))
        .flatten()
}

/// The next line that is not empty, without its end and without a mark of byte order.
fn line(reader: &mut impl BufRead) -> std::io::Result<Option<PathBuf>> {
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        while let [head @ .., b'\n' | b'\r'] = line.as_slice() {
            line.truncate(head.len());
        }
        let path = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&line);
        if !path.is_empty() {
            return Ok(Some(path_of_bytes(path)));
        }
        line.clear();
    }
    Ok(None)
}

#[cfg(unix)]
fn path_of_bytes(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}

#[cfg(not(unix))]
fn path_of_bytes(bytes: &[u8]) -> PathBuf {
    PathBuf::from(String::from_utf8_lossy(bytes).into_owned())
}

/// Sources one by one.
struct Words {
    given: Option<Py<PyIterator>>,
    /// Whether what is given is a list, so that all of it was noted before the first is taken.
    listed: bool,
    /// What the last word named, and in that the last line, as long as there is more of it.
    within: Vec<Many>,
    met: Given,
    whole: bool,
}

impl Words {
    /// Notes a word of a list; true if it is far away.
    fn note(&mut self, source: &Bound<'_, PyAny>) -> PyResult<bool> {
        let Some(path) = word(source)? else {
            return Ok(false);
        };
        let path = local(&path).unwrap_or(path);
        if is_pattern(&path) {
            self.met.add_pattern(&path);
        } else {
            self.met.add(&path);
        }
        Ok(is_url(&path))
    }

    /// The next source; none at the end.
    fn next(&mut self, py: Python<'_>) -> PyResult<Option<Item>> {
        loop {
            if let Some(many) = self.within.last_mut() {
                match many.next(py)? {
                    Some(Item::Path(path)) => {
                        let path = local(&path).unwrap_or(path);
                        if is_url(&path) {
                            self.within.push(objects(py, &path)?);
                        } else if !self.met.is_met_elsewhere(&path) {
                            return Ok(Some(Item::Path(path)));
                        }
                    }
                    Some(item) => return Ok(Some(item)),
                    None => drop(self.within.pop()),
                }
                continue;
            }
            let given = self.given.as_ref();
            let next = given.and_then(|given| given.bind(py).clone().next());
            let Some(source) = next.transpose()? else {
                return Ok(None);
            };
            let Some(path) = word(&source)? else {
                return crate::object_source::item(&source).map(Some);
            };
            let path = local(&path).unwrap_or(path);
            if !self.listed && !is_url(&path) {
                return Ok(Some(Item::Path(path)));
            }
            if !self.met.is_repeated(&path)
                && let Some(item) = self.of_list(py, path)?
            {
                return Ok(Some(item));
            }
        }
    }

    /// What a word of a list means, unless that is more than one, or comes with another word.
    fn of_list(&mut self, py: Python<'_>, path: PathBuf) -> PyResult<Option<Item>> {
        match meaning(py, path, false)? {
            Meaning::Many(many) => self.within.push(many),
            Meaning::One(Item::Path(path)) if self.met.is_within(&path) => {}
            Meaning::One(Item::Pattern(path)) if self.met.is_pattern_within(&path) => {}
            Meaning::One(item) => return Ok(Some(item)),
        }
        Ok(None)
    }

    fn chunk(&mut self, py: Python<'_>) -> PyResult<Vec<Item>> {
        let mut items = Vec::new();
        while items.len() < CHUNK {
            match self.next(py)? {
                Some(Item::Path(path)) if self.whole => items.push(Item::Path(normal(&path))),
                Some(Item::Pattern(path)) if self.whole => items.push(Item::Pattern(normal(&path))),
                Some(item) => items.push(item),
                None => break,
            }
        }
        Ok(items)
    }
}

fn feed(mut words: Words) -> Feed {
    Box::new(move || {
        let chunk = Python::attach(|py| words.chunk(py));
        chunk.map_err(|error| Box::new(error) as Box<dyn std::error::Error + Send + Sync>)
    })
}
