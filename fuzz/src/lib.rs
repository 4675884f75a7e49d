//! What the fuzz targets share: reading a whole file as the door to Python does, without recursion.

pub mod codec;

use rapidicom_codecs::inflate_at_once;
use rapidicom_core::read::leniency::Deviations;
use rapidicom_core::read::{ElementHeader, Event, FileStart, Flags, Scanner, StartOptions, Window, inflate, items, scan, start};
use rapidicom_core::transfer_syntax::Encoding;
use rapidicom_core::{Limits, Vr};

/// Bounds that keep one input within milliseconds and some MiB.
pub fn limits() -> Limits {
    Limits {
        max_elements: 100_000,
        max_items: 50_000,
        max_fragments: 50_000,
        max_inflated_bytes: 1 << 22,
        ..Limits::UNTRUSTED
    }
}

/// Elements that one input may have visited, over all depths: what is nested overlaps nothing, so this is only a brake.
const VISITS: usize = 200_000;

/// The beginning of the file, and its data set's bytes with the offset of the first, inflated where they are deflated.
pub fn open(bytes: &[u8], notes: &mut Deviations) -> Option<(FileStart, Vec<u8>, u64)> {
    let options = StartOptions { force: true, transfer_syntax: None };
    let window = Window::new(bytes, 0);
    let file = start(&window, bytes.len() as u64, &options, notes).ok()?.expect("all bytes are in the window");
    let rest = window.from(file.data_set)?;
    if file.deflated {
        let at_once = |_: &[u8], zlib| Ok(inflate_at_once(rest, zlib, 1 << 20));
        let inflated = inflate(rest, file.data_set, &limits(), notes, at_once).ok()?;
        return Some((file, inflated, 0));
    }
    let (rest, at) = (rest.to_vec(), file.data_set);
    Some((file, rest, at))
}

/// Calls `visit` for each element at each depth, with the encoding of its level and the window it lies in.
pub fn each_element(bytes: &[u8], mut visit: impl FnMut(&Window<'_>, &ElementHeader, Encoding, &mut Deviations)) {
    let mut notes = Deviations::new(100);
    let Some((file, data, base)) = open(bytes, &mut notes) else { return };
    let window = Window::new(&data, base);
    let mut levels = vec![(base..window.end(), file.encoding, 0)];
    let mut visited = 0;
    while let Some((range, encoding, depth)) = levels.pop() {
        let Ok(headers) = scan(&window, range.clone(), encoding, &limits(), &mut notes) else { continue };
        for header in headers {
            assert!(header.value_offset >= range.start && header.value_end() <= range.end, "{header:?} outside {range:?}");
            visited += 1;
            if visited > VISITS {
                return;
            }
            visit(&window, &header, encoding, &mut notes);
            let sequence = header.vr == Some(Vr::SQ) || header.flags.has(Flags::ITEMS);
            if sequence && depth < limits().max_depth {
                let found = items(&window, &header, encoding, &limits(), &mut notes).unwrap_or_default();
                for item in found {
                    assert!(item.range().start >= range.start && item.range().end <= range.end, "{item:?} outside {range:?}");
                    levels.push((item.range(), item.encoding, depth + 1));
                }
            }
        }
    }
    assert!(notes.kept().len() <= 100);
}

/// What a scanner yields of a level, its window growing from `first` bytes on as the scanner asks.
pub fn events(data: &[u8], base: u64, encoding: Encoding, first: usize) -> Vec<Event> {
    let mut notes = Deviations::new(0);
    let end = base + data.len() as u64;
    let mut scanner = Scanner::new(base, end, encoding, &limits());
    let mut seen = first.min(data.len());
    let mut events = Vec::new();
    loop {
        match scanner.next(&Window::new(&data[..seen], base), &mut notes) {
            Ok(Event::Need(need)) => {
                assert!(need.offset + need.length <= end, "{need:?} beyond {end}");
                let wanted = usize::try_from(need.offset + need.length - base).unwrap();
                assert!(wanted > seen, "{need:?} is in the window already");
                seen = wanted;
            }
            Ok(Event::End) | Err(_) => return events,
            Ok(event) => {
                events.push(event);
                if matches!(event, Event::Stopped(_)) {
                    return events;
                }
            }
        }
    }
}
