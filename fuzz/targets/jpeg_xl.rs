//! JPEG XL code streams.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rapidicom_codecs::Family;

fuzz_target!(|bytes: &[u8]| rapidicom_fuzz::codec::decode(Family::JpegXl, bytes));
