//! Where in the tree of items a level lies.

use rapidicom_core::Tag;
use rapidicom_core::error::PathStep;
use std::sync::Arc;

/// The steps from the top down to an item, the top itself without any. The last ones lie here, so that an item costs no allocation; those
/// above them in blocks that all items below share, so that the depth costs what it is.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    above: Option<Arc<Place>>,
    steps: [PathStep; BLOCK],
    /// How many items lie around the elements.
    depth: u32,
}

const BLOCK: usize = 3;

impl Place {
    pub(crate) const TOP: Place = Place {
        above: None,
        steps: [PathStep {
            tag: Tag(0),
            item: 0,
        }; BLOCK],
        depth: 0,
    };

    /// How many of the steps lie here.
    fn here(&self) -> usize {
        let above = self.above.as_ref().map_or(0, |above| above.depth);
        self.depth.saturating_sub(above) as usize
    }

    /// An item of a sequence at this place.
    #[inline]
    pub(crate) fn within(&self, step: PathStep) -> Place {
        let depth = self.depth.saturating_add(1);
        let here = self.here();
        let mut place = if here < BLOCK {
            self.clone()
        } else {
            Place {
                above: Some(Arc::new(self.clone())),
                ..Place::TOP
            }
        };
        if let Some(free) = place.steps.get_mut(here % BLOCK) {
            *free = step;
        }
        Place { depth, ..place }
    }

    pub(crate) fn is_top(&self) -> bool {
        self.depth == 0
    }

    pub(crate) fn depth(&self) -> u32 {
        self.depth
    }

    /// The steps from the top down.
    pub(crate) fn path(&self) -> Vec<PathStep> {
        let mut blocks = vec![self];
        while let Some(above) = blocks.last().and_then(|block| block.above.as_ref()) {
            blocks.push(above);
        }
        let steps = |block: &&Place| block.steps.into_iter().take(block.here());
        blocks.iter().rev().flat_map(steps).collect()
    }
}
