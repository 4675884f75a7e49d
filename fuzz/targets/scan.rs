//! Headers at every depth: nothing panics, every offset lies inside its container, and a scanner whose window grows
//! as it asks yields the same as one that sees all.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rapidicom_core::read::leniency::Deviations;
use rapidicom_fuzz::{each_element, events, open};

fuzz_target!(|bytes: &[u8]| {
    each_element(bytes, |_, _, _, _| {});
    if let Some((file, data, base)) = open(bytes, &mut Deviations::new(0)) {
        let whole = events(&data, base, file.encoding, data.len());
        assert_eq!(whole, events(&data, base, file.encoding, 16));
    }
});
