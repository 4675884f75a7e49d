//! Bytes → headers: `cargo bench -p rapidicom-core --bench scan`.

use criterion::{Criterion, Throughput};
use rapidicom_core::Limits;
use rapidicom_core::read::leniency::Deviations;
use rapidicom_core::read::{StartOptions, Window, items, scan, start};
use rapidicom_core::transfer_syntax::Encoding;
use std::hint::black_box;

const UNDEFINED: u32 = 0xFFFF_FFFF;

/// One element's header and value; `implicit` leaves the VR away. PS3.5 §7.1
fn element(out: &mut Vec<u8>, group: u16, number: u16, vr: &[u8; 2], value: &[u8], implicit: bool) {
    let length = u32::try_from(value.len()).unwrap_or(UNDEFINED);
    out.extend(group.to_le_bytes());
    out.extend(number.to_le_bytes());
    if implicit {
        out.extend(length.to_le_bytes());
    } else {
        out.extend(vr);
        if vr == b"SQ" {
            out.extend([0, 0]);
            out.extend(length.to_le_bytes());
        } else {
            out.extend(u16::try_from(length).unwrap_or(u16::MAX).to_le_bytes());
        }
    }
    out.extend(value);
}

fn item_tag(out: &mut Vec<u8>, number: u16, length: u32) {
    out.extend(0xFFFE_u16.to_le_bytes());
    out.extend(number.to_le_bytes());
    out.extend(length.to_le_bytes());
}

/// `n` elements of the kinds and lengths of a CT image's header.
fn ct_like(n: u16, implicit: bool) -> Vec<u8> {
    let kinds: [(&[u8; 2], &[u8]); 6] = [
        (b"UI", b"1.2.826.0.1.3680043.10.9999.4.12.1.1.7\0\0"),
        (b"LO", b"CT Thorax/Abdomen mit KM"),
        (b"DS", b"-189.6289\\-352.1289\\-700.5000 "),
        (b"US", &[0, 2]),
        (b"CS", b"ORIGINAL\\PRIMARY\\AXIAL"),
        (b"DA", b"20240611"),
    ];
    let mut out = Vec::new();
    for (i, (vr, value)) in (0..n).zip(kinds.iter().cycle()) {
        element(
            &mut out,
            0x0009 + 2 * (i / 64),
            0x1000 + i % 64,
            vr,
            value,
            implicit,
        );
    }
    out
}

/// A sequence of `n` items of six elements, of defined or undefined length.
fn sequence(n: u32, defined: bool) -> Vec<u8> {
    let inner = ct_like(6, false);
    let length = u32::try_from(inner.len()).unwrap_or(UNDEFINED);
    let mut value = Vec::new();
    for _ in 0..n {
        item_tag(&mut value, 0xE000, if defined { length } else { UNDEFINED });
        value.extend(&inner);
        if !defined {
            item_tag(&mut value, 0xE00D, 0);
        }
    }
    let mut out = Vec::new();
    if defined {
        element(&mut out, 0x0008, 0x1140, b"SQ", &value, false);
        return out;
    }
    out.extend([8, 0, 0x40, 0x11, b'S', b'Q', 0, 0]);
    out.extend(UNDEFINED.to_le_bytes());
    out.extend(value);
    item_tag(&mut out, 0xE0DD, 0);
    out
}

fn file(data_set: &[u8]) -> Vec<u8> {
    let mut meta = Vec::new();
    element(&mut meta, 2, 0x0010, b"UI", b"1.2.840.10008.1.2.1\0", false);
    let mut out = vec![0; 128];
    out.extend(b"DICM");
    let length = u32::try_from(meta.len()).unwrap_or(0);
    element(&mut out, 2, 0, b"UL", &length.to_le_bytes(), false);
    out.extend(meta);
    out.extend(data_set);
    out
}

fn levels(c: &mut Criterion) {
    let mut group = c.benchmark_group("one level");
    for (name, bytes, encoding) in [
        (
            "144 elements, Explicit VR",
            ct_like(144, false),
            Encoding::ExplicitLittle,
        ),
        (
            "144 elements, Implicit VR",
            ct_like(144, true),
            Encoding::ImplicitLittle,
        ),
        (
            "1,000 items, defined length: stepped over",
            sequence(1000, true),
            Encoding::ExplicitLittle,
        ),
        (
            "1,000 items, undefined length: walked",
            sequence(1000, false),
            Encoding::ExplicitLittle,
        ),
    ] {
        let end = bytes.len() as u64;
        group.throughput(Throughput::Bytes(end));
        group.bench_function(name, |b| {
            b.iter(|| {
                let mut notes = Deviations::new(10);
                scan(
                    &Window::new(black_box(&bytes), 0),
                    0..end,
                    encoding,
                    &Limits::DEFAULT,
                    &mut notes,
                )
            });
        });
    }
    group.finish();
}

fn item_lists(c: &mut Criterion) {
    let mut group = c.benchmark_group("items of a sequence");
    for (name, defined) in [
        ("1,000 of defined length", true),
        ("1,000 of undefined length", false),
    ] {
        let bytes = sequence(1000, defined);
        let window = Window::new(&bytes, 0);
        let end = bytes.len() as u64;
        let mut notes = Deviations::new(10);
        let headers = scan(
            &window,
            0..end,
            Encoding::ExplicitLittle,
            &Limits::DEFAULT,
            &mut notes,
        );
        let Some(header) = headers.ok().and_then(|h| h.first().copied()) else {
            continue;
        };
        group.bench_function(name, |b| {
            b.iter(|| {
                items(
                    &window,
                    black_box(&header),
                    Encoding::ExplicitLittle,
                    &Limits::DEFAULT,
                    &mut notes,
                )
            });
        });
    }
    group.finish();
}

fn starts(c: &mut Criterion) {
    let bytes = file(&ct_like(144, false));
    let total = bytes.len() as u64;
    c.bench_function("preamble, prefix, File Meta Information", |b| {
        b.iter(|| {
            let mut notes = Deviations::new(10);
            start(
                &Window::new(black_box(&bytes), 0),
                total,
                &StartOptions::default(),
                &mut notes,
            )
        });
    });
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    levels(&mut criterion);
    item_lists(&mut criterion);
    starts(&mut criterion);
    criterion.final_summary();
}
