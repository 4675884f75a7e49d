//! Decodes one code stream with one family's decoder, for comparisons with other decoders:
//! `decode FAMILY ROWS COLUMNS SAMPLES BITS_ALLOCATED BITS_STORED SIGNED(0|1) PHOTOMETRIC RAW(0|1) [REPEAT] < code stream > samples`.
//!
//! With REPEAT the frame is decoded so often, and the fastest and the median time are written to standard error, in microseconds.
#![allow(clippy::unwrap_used)]

use rapidicom_codecs::{
    DecodeOptions, Family, FrameLayout, PhotometricInterpretation, PlanarConfiguration,
    SampleFormat,
};
use std::io::{Read, Write};
use std::process::exit;
use std::time::Instant;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |n: usize| words[n].parse::<u32>().unwrap();
    let family = match words[0].as_str() {
        "rle" => Family::Rle,
        "jpeg" => Family::Jpeg,
        "jpeg_lossless" => Family::JpegLossless,
        "jpeg_ls" => Family::JpegLs,
        "jpeg_2000" => Family::Jpeg2000,
        "jpeg_xl" => Family::JpegXl,
        _ => Family::Deflate,
    };
    let layout = FrameLayout {
        rows: number(1),
        columns: number(2),
        samples_per_pixel: number(3) as u16,
        bits_allocated: number(4) as u16,
        bits_stored: number(5) as u16,
        high_bit: number(5) as u16 - 1,
        sample_format: if number(6) == 1 {
            SampleFormat::Signed
        } else {
            SampleFormat::Unsigned
        },
        planar_configuration: PlanarConfiguration::ByPixel,
        photometric_interpretation: PhotometricInterpretation::from_term(&words[7]),
    };
    let options = DecodeOptions {
        raw: number(8) == 1,
        ..DecodeOptions::default()
    };
    let mut code_stream = Vec::new();
    std::io::stdin().read_to_end(&mut code_stream).unwrap();
    let decoder = family.decoder().unwrap();
    let mut out = vec![0; layout.decoded_frame_bytes().unwrap() as usize];
    let mut times: Vec<u128> = Vec::new();
    for _ in 0..words.get(9).map_or(1, |n| n.parse().unwrap()) {
        let begun = Instant::now();
        let done = decoder
            .header(&code_stream, &layout)
            .and_then(|_| decoder.decode(&code_stream, &layout, &options, &mut out));
        times.push(begun.elapsed().as_nanos());
        if let Err(error) = done {
            eprintln!("{error} (byte {:?})", error.offset);
            exit(1);
        }
        if let Ok(Some(incomplete)) = done.map(|decoded| decoded.incomplete) {
            eprintln!("{} rows: {}", incomplete.rows, incomplete.error);
            exit(3);
        }
    }
    times.sort_unstable();
    if times.len() > 1 {
        let (least, median) = (times[0], times[times.len() / 2]);
        eprintln!("{} {}", least as f64 / 1e3, median as f64 / 1e3);
    }
    std::io::stdout().write_all(&out).unwrap();
}
