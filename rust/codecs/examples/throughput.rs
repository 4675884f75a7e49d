//! How fast native frames become samples, in GB of output a second, beside a copy of the same size:
//! `cargo run --release -p rapidicom-codecs --example throughput`.
//!
//! One core, a frame of 512 x 512, the best of 200 runs into touched memory (short runs, so that a busy machine leaves some alone).
#![allow(clippy::unwrap_used)]

use rapidicom_codecs::{
    FrameLayout, Native, PhotometricInterpretation as P, PlanarConfiguration, SampleFormat,
};
use std::hint::black_box;
use std::time::Instant;

fn layout(bits_allocated: u16, bits_stored: u16, samples_per_pixel: u16, kind: P) -> FrameLayout {
    FrameLayout {
        rows: 512,
        columns: 512,
        samples_per_pixel,
        bits_allocated,
        bits_stored,
        high_bit: bits_stored - 1,
        sample_format: SampleFormat::Unsigned,
        planar_configuration: PlanarConfiguration::ByPixel,
        photometric_interpretation: kind,
    }
}

fn best(mut work: impl FnMut()) -> f64 {
    let time = |work: &mut dyn FnMut()| {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64()
    };
    (0..200)
        .map(|_| time(&mut work))
        .fold(f64::INFINITY, f64::min)
}

fn main() {
    let little = Native {
        little_endian: true,
        ow: true,
        raw: false,
    };
    let big = Native {
        little_endian: false,
        ..little
    };
    let raw = Native {
        raw: true,
        ..little
    };
    let by_plane = |layout| FrameLayout {
        planar_configuration: PlanarConfiguration::ByPlane,
        ..layout
    };
    let signed = |layout| FrameLayout {
        sample_format: SampleFormat::Signed,
        ..layout
    };
    let rgb = |bits| layout(bits, bits, 3, P::Rgb);
    let cases = [
        ("16 bits, copied", little, layout(16, 16, 1, P::Monochrome2)),
        ("16 bits, swapped", big, layout(16, 16, 1, P::Monochrome2)),
        ("32 bits, swapped", big, layout(32, 32, 1, P::Monochrome2)),
        (
            "12 of 16 bits, masked",
            little,
            layout(16, 12, 1, P::Monochrome2),
        ),
        (
            "12 of 16 bits, signed",
            little,
            signed(layout(16, 12, 1, P::Monochrome2)),
        ),
        ("1 bit, unpacked", little, layout(1, 1, 1, P::Monochrome2)),
        (
            "12 bits, unpacked",
            little,
            layout(12, 12, 1, P::Monochrome2),
        ),
        (
            "24 bits, widened",
            little,
            layout(24, 24, 1, P::Monochrome2),
        ),
        ("RGB 8, planes", little, by_plane(rgb(8))),
        ("RGB 16, planes", little, by_plane(rgb(16))),
        ("YBR_FULL to RGB", little, layout(8, 8, 3, P::YbrFull)),
        (
            "YBR_FULL to RGB, planes",
            little,
            by_plane(layout(8, 8, 3, P::YbrFull)),
        ),
        ("YBR_FULL_422, raw", raw, layout(8, 8, 3, P::YbrFull422)),
        (
            "YBR_FULL_422 to RGB",
            little,
            layout(8, 8, 3, P::YbrFull422),
        ),
    ];
    println!("{:<26}{:>10}{:>10}", "GB/s of output", "decode", "copy");
    for (name, native, layout) in cases {
        let stored: Vec<u8> = (0..layout.stored_bytes(1).unwrap())
            .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
            .collect();
        let mut out = vec![1; layout.decoded_frame_bytes().unwrap() as usize];
        let from = vec![2; out.len()];
        let decode = best(|| {
            native
                .decode(black_box(&stored), 0, &layout, black_box(&mut out))
                .unwrap()
        });
        let copy = best(|| black_box(&mut out).copy_from_slice(black_box(&from)));
        let rate = |seconds: f64| out.len() as f64 / seconds / 1e9;
        println!("{name:<26}{:>10.1}{:>10.1}", rate(decode), rate(copy));
    }
    let image = layout(16, 12, 1, P::Monochrome2);
    let stored = vec![0; image.stored_bytes(1).unwrap() as usize];
    let scan = best(|| assert!(little.is_identity_for(&image, black_box(&stored))));
    println!(
        "{:<26}{:>10.1}",
        "12 of 16 bits, looked at",
        stored.len() as f64 / scan / 1e9
    );
}
