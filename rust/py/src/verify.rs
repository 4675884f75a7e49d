//! The complete list of what was forgiven, over a root's bytes.

use crate::dataset::Dataset;
use crate::error::Result;
use crate::root::{Part, Root};
use rapidicom_core::read::ElementHeader;
use rapidicom_core::read::leniency::{Deviation, Deviations};
use rapidicom_iod::image::Values;
use rapidicom_iod::verify::{Bytes, verify};
use std::borrow::Cow;
use std::ops::Range;

/// One part of a root's bytes.
pub(crate) struct Level<'a> {
    pub(crate) root: &'a Root,
    pub(crate) part: Part,
}

impl Values for Level<'_> {
    fn value(&self, header: &ElementHeader) -> Option<Cow<'_, [u8]>> {
        self.root.value(self.part, header).ok()
    }
}

impl Bytes for Level<'_> {
    fn bytes(&self, range: Range<u64>) -> Result<Cow<'_, [u8]>> {
        self.root.bytes(self.part, range)
    }
}

/// What was forgiven in a data set and below: of a top level, what reading it forgave too.
pub(crate) fn deviations(data_set: &Dataset) -> Result<Vec<Deviation>> {
    let root = &data_set.root;
    let top = data_set.place.is_top() && data_set.part == Part::DataSet && !data_set.is_subset;
    if top && let Some(all) = root.all.get() {
        return Ok(all.clone());
    }
    let mut notes = if top {
        root.noted.clone()
    } else {
        Deviations::new(root.options.limits.max_warnings)
    };
    let begun = std::time::Instant::now();
    let path = data_set.place.path();
    let syntax = data_set.syntax_of_pixels();
    let level = Level {
        root,
        part: data_set.part,
    };
    verify(
        &data_set.set,
        &path,
        &level,
        syntax,
        &root.options.limits,
        &mut notes,
    )?;
    root.check(data_set.part)?;
    root.options.limits.within_deadline(begun.elapsed())?;
    let found = notes.kept().to_vec();
    Ok(if top {
        root.all.get_or_init(|| found).clone()
    } else {
        found
    })
}
