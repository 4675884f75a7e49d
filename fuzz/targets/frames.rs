//! Encapsulated Pixel Data: fragments, offset tables and frames lie inside the value, whatever the tables say.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rapidicom_core::read::{ExtendedOffsetTable, Flags, Fragments, frame_ranges};
use rapidicom_core::Tag;
use rapidicom_fuzz::{each_element, limits};

fuzz_target!(|bytes: &[u8]| {
    let frames = u64::from(bytes.first().copied().unwrap_or(0)) % 17;
    let mut table = ExtendedOffsetTable::default();
    each_element(bytes, |window, header, encoding, notes| {
        let numbers = || {
            let value = window.get(header.value_offset, header.value_length.min(4096)).unwrap_or_default();
            value.as_chunks::<8>().0.iter().map(|b| u64::from_le_bytes(*b)).collect()
        };
        match header.tag {
            Tag::EXTENDED_OFFSET_TABLE => table.offsets = numbers(),
            Tag::EXTENDED_OFFSET_TABLE_LENGTHS => table.lengths = numbers(),
            _ => {}
        }
        if !header.flags.has(Flags::FRAGMENTS) {
            return;
        }
        let Ok(fragments) = Fragments::read(window, header, encoding.is_little_endian(), &limits(), notes) else { return };
        let inside = header.value_offset..=header.value_end();
        for fragment in &fragments.list {
            assert!(inside.contains(&fragment.offset) && inside.contains(&(fragment.offset + fragment.length)));
        }
        let extended = (!table.offsets.is_empty()).then_some(&table);
        for number in [frames, 1, fragments.list.len() as u64] {
            for extended in [None, extended] {
                let Ok(ranges) = frame_ranges(window, &fragments, extended, number, notes) else { continue };
                // Fewer where the fragments end before the frames do.
                assert!(ranges.len() as u64 <= number && (number == 0 || !ranges.is_empty()));
                for range in ranges {
                    assert!(range.first + range.count <= fragments.list.len());
                    assert!(inside.contains(&range.offset) && inside.contains(&(range.offset + range.length)));
                }
            }
        }
    });
});
