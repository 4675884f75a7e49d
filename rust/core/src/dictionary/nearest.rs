//! The keyword that a misspelt one was meant to be, for words of errors.

use super::lookup::keywords_with_letters;

/// Longer ones than the longest keyword (63) are no misspelling of it.
const MAX_LEN: usize = 68;

/// The keyword nearest to `misspelt` by edit distance, letter case aside; `None` where none is near.
///
/// At most a quarter of the letters may differ, and never more than three. Bounded work: less than half a
/// millisecond, most often some tens of microseconds.
pub fn nearest_keyword(misspelt: &str) -> Option<&'static str> {
    let wanted = misspelt.as_bytes();
    if wanted.is_empty() || wanted.len() > MAX_LEN {
        return None;
    }
    let mut limit = (wanted.len() / 4).clamp(1, 3);
    let mut nearest = None;
    let letters = wanted
        .iter()
        .fold(0u32, |mask, letter| mask | 1 << (letter & 31));
    for (keyword, others) in keywords_with_letters() {
        // An edit adds a letter, takes one away, or both: two bits.
        if (letters ^ others).count_ones() as usize > 2 * limit {
            continue;
        }
        if let Some(distance) = distance_within(wanted, keyword.as_bytes(), limit) {
            nearest = Some(keyword);
            if distance == 0 {
                break;
            }
            limit = distance - 1;
        }
    }
    nearest
}

/// Edits (insert, remove, replace a letter) that make `a` into `b`, if not more than `limit`.
fn distance_within(a: &[u8], b: &[u8], limit: usize) -> Option<usize> {
    if a.len().abs_diff(b.len()) > limit || b.len() > MAX_LEN {
        return None;
    }
    // row[j]: the distance of the letters of `a` so far to the first j of `b`; only a band of `limit` beside the
    // diagonal can lead to an answer.
    let mut row = [0; MAX_LEN + 1];
    for (j, cell) in row.iter_mut().enumerate() {
        *cell = j;
    }
    for (i, letter) in a.iter().enumerate() {
        let (low, high) = (i.saturating_sub(limit), b.len().min(i + 1 + limit));
        let mut diagonal = row[low];
        row[low] = if low == 0 { i + 1 } else { limit + 1 };
        let mut best = row[low];
        for j in low + 1..=high {
            let substituted = diagonal + usize::from(!letter.eq_ignore_ascii_case(&b[j - 1]));
            diagonal = row[j];
            let above = if j > i + limit { limit + 1 } else { row[j] };
            row[j] = substituted.min(above + 1).min(row[j - 1] + 1);
            best = best.min(row[j]);
        }
        if best > limit {
            return None;
        }
    }
    (row[b.len()] <= limit).then_some(row[b.len()])
}
