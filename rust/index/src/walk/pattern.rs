//! Glob patterns, as Python's `glob` takes them: `*`, `?`, `[a-z]`, `[!a-z]` within a name, and `**` for any number of
//! folders. A name that begins with a point is matched only by a pattern that does.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

/// The components of a pattern after the folder in which it begins.
#[derive(Debug)]
pub(crate) struct Pattern {
    components: Vec<String>,
}

/// Which components may come next: a bit each. Of a folder that was matched wholly, [`ALL`].
pub(crate) type Expected = u64;

/// Everything below is wanted.
pub(crate) const ALL: Expected = u64::MAX;

/// What a name is in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Match {
    /// Nothing of it is wanted.
    No,
    /// It is wanted itself; of a folder, all of it.
    Whole,
    /// What is inside may be wanted.
    Inside(Expected),
}

impl Pattern {
    /// The folder in which a pattern begins and what comes after; none where it has no wildcard, or more components
    /// than can be counted in [`Expected`].
    pub(crate) fn split(pattern: &str) -> Option<(PathBuf, Pattern)> {
        let mut folder = PathBuf::new();
        let mut components: Vec<String> = Vec::new();
        for component in Path::new(pattern).components() {
            let text = component.as_os_str().to_str()?;
            let wild = matches!(component, Component::Normal(_)) && text.contains(['*', '?', '[']);
            if components.is_empty() && !wild {
                folder.push(component);
            } else if text != "**" || components.last().is_none_or(|last| last != "**") {
                components.push(text.to_owned());
            }
        }
        if components.is_empty() || components.len() > 62 {
            return None;
        }
        if folder.as_os_str().is_empty() {
            folder.push(".");
        }
        Some((folder, Pattern { components }))
    }

    /// What is expected in the folder in which the pattern begins.
    pub(crate) fn begin(&self) -> Expected {
        self.skip(1)
    }

    /// `**` stands for no folder at all, too.
    fn skip(&self, mut expected: Expected) -> Expected {
        for (at, component) in self.components.iter().enumerate() {
            if component == "**" && expected >> at & 1 == 1 {
                expected |= 1 << (at + 1);
            }
        }
        expected
    }

    /// Whether it matches a path from the folder on in which it begins.
    pub(crate) fn has(&self, path: &Path) -> bool {
        let mut expected = self.begin();
        let mut components = path.components().peekable();
        while let Some(component) = components.next() {
            match self.matches(component.as_os_str(), expected) {
                Match::No => return false,
                Match::Whole => return true,
                Match::Inside(inside) => expected = inside,
            }
        }
        false
    }

    /// What this name is where `expected` may come.
    pub(crate) fn matches(&self, name: &OsStr, expected: Expected) -> Match {
        if expected == ALL {
            return Match::Whole;
        }
        let name = name.to_string_lossy();
        let mut inside = 0;
        for (at, component) in self
            .components
            .iter()
            .enumerate()
            .filter(|(at, _)| expected >> at & 1 == 1)
        {
            let last = at + 1 == self.components.len();
            if component == "**" {
                if !name.starts_with('.') {
                    inside |= 1 << at;
                    if last {
                        return Match::Whole;
                    }
                }
            } else if matches_name(component.as_bytes(), name.as_bytes()) {
                if last {
                    return Match::Whole;
                }
                inside |= 1 << (at + 1);
            }
        }
        if inside == 0 {
            Match::No
        } else {
            Match::Inside(self.skip(inside))
        }
    }
}

/// One name against one component, without going back further than the last `*`.
fn matches_name(pattern: &[u8], name: &[u8]) -> bool {
    if name.first() == Some(&b'.') && pattern.first() != Some(&b'.') {
        return false;
    }
    let (mut p, mut n) = (pattern, name);
    let mut star: Option<(&[u8], &[u8])> = None;
    loop {
        match p {
            [b'*', rest @ ..] => {
                star = Some((rest, n));
                p = rest;
                continue;
            }
            [] if n.is_empty() => return true,
            _ => {}
        }
        if let (Some(rest), [_, tail @ ..]) = (matches_one(p, n), n) {
            (p, n) = (rest, tail);
            continue;
        }
        let Some((after, [_, tail @ ..])) = star else {
            return false;
        };
        star = Some((after, tail));
        (p, n) = (after, tail);
    }
}

/// The rest of the pattern, if its first element matches the first byte of the name.
fn matches_one<'a>(pattern: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let byte = *name.first()?;
    match pattern {
        [b'?', rest @ ..] => Some(rest),
        [b'[', set @ ..] => match class(set, byte) {
            Some((true, rest)) => Some(rest),
            Some((false, _)) => None,
            None => (byte == b'[').then_some(set),
        },
        [letter, rest @ ..] => (*letter == byte).then_some(rest),
        [] => None,
    }
}

/// Whether a byte is in the set that ends with `]`, and what follows it; none where it does not end.
fn class(set: &[u8], byte: u8) -> Option<(bool, &[u8])> {
    let (negated, set) = match set {
        [b'!', rest @ ..] => (true, rest),
        set => (false, set),
    };
    // A bracket that comes first is one of the set.
    let end = set.iter().skip(1).position(|&b| b == b']')? + 1;
    let (mut members, rest) = (set.get(..end)?, set.get(end + 1..)?);
    let mut found = false;
    loop {
        match members {
            [low, b'-', high, tail @ ..] => {
                found |= (*low..=*high).contains(&byte);
                members = tail;
            }
            [one, tail @ ..] => {
                found |= *one == byte;
                members = tail;
            }
            [] => return Some((found != negated, rest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (pattern, name, expected) in [
            ("*.dcm", "a.dcm", true),
            ("*.dcm", ".dcm", false),
            (".*", ".dcm", true),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b", "xaxbx", false),
            ("?", "a", true),
            ("?", "ab", false),
            ("[a-c]1", "b1", true),
            ("[!a-c]1", "b1", false),
            ("[]]", "]", true),
            ("[", "[", true),
            ("**", "ab", true),
            ("", "", true),
            ("*", "", true),
            ("a", "", false),
        ] {
            assert_eq!(
                matches_name(pattern.as_bytes(), name.as_bytes()),
                expected,
                "{pattern} {name}"
            );
        }
    }

    #[test]
    fn many_stars_take_no_longer() {
        let name = "a".repeat(250);
        assert!(!matches_name(
            "*a".repeat(100).replace("aa", "a").as_bytes(),
            format!("{name}b").as_bytes()
        ));
    }

    #[test]
    fn folders() {
        let (folder, pattern) = Pattern::split("/data/20*/**/CT[0-9]").unwrap();
        assert_eq!(folder, Path::new("/data"));
        let Match::Inside(year) = pattern.matches("2024".as_ref(), pattern.begin()) else {
            panic!()
        };
        assert_eq!(pattern.matches("1999".as_ref(), pattern.begin()), Match::No);
        assert_eq!(pattern.matches("CT1".as_ref(), year), Match::Whole);
        let Match::Inside(deeper) = pattern.matches("x".as_ref(), year) else {
            panic!()
        };
        assert_eq!(pattern.matches("CT2".as_ref(), deeper), Match::Whole);
        assert!(matches!(
            pattern.matches("y".as_ref(), deeper),
            Match::Inside(_)
        ));
        assert!(pattern.has(Path::new("2024/CT1")) && pattern.has(Path::new("2024/x/CT1/below")));
        assert!(!pattern.has(Path::new("2024/x")) && !pattern.has(Path::new("1999/CT1")));
        assert!(Pattern::split("/no/wildcard").is_none());
        assert_eq!(Pattern::split("*.dcm").unwrap().0, Path::new("."));
    }
}
