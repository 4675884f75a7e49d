//! One RLE segment, a block at a time: PS3.5 §G.3.

/// Bytes that are decoded at a time: those of two segments and their samples fit in the first cache together.
pub(super) const BLOCK: usize = 4096;

/// The most that one literal or one run decodes to.
const LONGEST: usize = 128;

/// Bytes that are written at once whether they are wanted or not: most literals and runs are shorter.
const WIDE: usize = 32;

/// A segment on its way through the blocks.
pub(super) struct Segment<'a> {
    encoded: &'a [u8],
    /// The block, and behind it room for what the last literal or run brings too much.
    block: [u8; BLOCK + LONGEST],
    /// Bytes of `block` that are decoded.
    filled: usize,
}

impl<'a> Segment<'a> {
    pub(super) fn new(encoded: &'a [u8]) -> Segment<'a> {
        Segment {
            encoded,
            block: [0; BLOCK + LONGEST],
            filled: 0,
        }
    }

    /// The block; its first bytes, as many as [`Segment::next_block`] told, are decoded.
    pub(super) fn block(&self) -> &[u8; BLOCK] {
        let (block, _) = self.block.split_first_chunk().unwrap_or((&[0; BLOCK], &[]));
        block
    }

    /// Leaves the block before behind and decodes until the next has `wanted` bytes (at most [`BLOCK`]), or the segment ends; returns
    /// how many of them it has.
    pub(super) fn next_block(&mut self, wanted: usize) -> usize {
        let wanted = wanted.min(BLOCK);
        if self.filled >= BLOCK {
            self.block.copy_within(BLOCK.., 0);
            self.filled -= BLOCK;
        }
        let (mut encoded, mut filled) = (self.encoded, self.filled);
        while filled < wanted
            && let Some(ahead) = encoded.first_chunk()
            && let Some(room) = room(&mut self.block, filled)
        {
            let step = far_from_the_end(ahead, room);
            encoded = encoded.get(step.encoded..).unwrap_or_default();
            filled += step.decoded;
        }
        while filled < wanted
            && let Some(room) = room(&mut self.block, filled)
            && let Some(step) = near_the_end(encoded, room)
        {
            encoded = encoded.get(step.encoded..).unwrap_or_default();
            filled += step.decoded;
        }
        (self.encoded, self.filled) = (encoded, filled);
        filled.min(wanted)
    }
}

/// What one literal or run took and gave.
struct Step {
    encoded: usize,
    decoded: usize,
}

/// Where the next literal or run goes.
#[inline(always)]
fn room(block: &mut [u8; BLOCK + LONGEST], filled: usize) -> Option<&mut [u8; LONGEST]> {
    block.get_mut(filled..).and_then(<[u8]>::first_chunk_mut)
}

/// One literal or run with all bytes in sight that it can have. Literal or run is no branch: which of them comes next is what no
/// processor guesses.
#[inline(always)]
fn far_from_the_end(ahead: &[u8; 1 + LONGEST], room: &mut [u8; LONGEST]) -> Step {
    let [control, bytes @ ..] = ahead;
    let control = *control as i8;
    if control == i8::MIN {
        return Step {
            encoded: 1,
            decoded: 0,
        };
    }
    let length = 1 + usize::from(control.unsigned_abs());
    let run = control < 0;
    let value = u64::from(bytes[0]) * 0x0101_0101_0101_0101;
    let words = room
        .as_chunks_mut::<8>()
        .0
        .iter_mut()
        .zip(bytes.as_chunks::<8>().0);
    for (to, from) in words.take(WIDE / 8) {
        *to = if run {
            value
        } else {
            u64::from_ne_bytes(*from)
        }
        .to_ne_bytes();
    }
    if length > WIDE {
        if run {
            room.fill(bytes[0]);
        } else {
            *room = *bytes;
        }
    }
    Step {
        encoded: if run { 2 } else { 1 + length },
        decoded: length,
    }
}

/// One literal or run, clipped to what there is; none where there is no more.
#[cold]
fn near_the_end(encoded: &[u8], room: &mut [u8; LONGEST]) -> Option<Step> {
    let (&control, bytes) = encoded.split_first()?;
    let control = control as i8;
    let length = 1 + usize::from(control.unsigned_abs());
    match control {
        i8::MIN => Some(Step {
            encoded: 1,
            decoded: 0,
        }),
        0.. => {
            let literal = bytes.get(..length).unwrap_or(bytes);
            room.iter_mut()
                .zip(literal)
                .for_each(|(to, from)| *to = *from);
            let decoded = literal.len();
            Some(Step {
                encoded: 1 + length,
                decoded,
            })
        }
        _ => {
            room.get_mut(..length)?.fill(*bytes.first()?);
            Some(Step {
                encoded: 2,
                decoded: length,
            })
        }
    }
}

/// Bytes of `encoded` whose literals and runs decode to exactly `decoded` bytes.
pub(super) fn encoded_length(encoded: &[u8], decoded: usize) -> Option<usize> {
    let (mut at, mut left) = (0, decoded);
    while left > 0 {
        let control = *encoded.get(at)? as i8;
        let length = 1 + usize::from(control.unsigned_abs());
        at += match control {
            i8::MIN => 1,
            0.. => 1 + length,
            _ => 2,
        };
        if control != i8::MIN {
            left = left.checked_sub(length)?;
        }
    }
    (at <= encoded.len()).then_some(at)
}
