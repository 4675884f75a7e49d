//! Bytes of one Value Field → values: `cargo bench -p rapidicom-core --bench value`.

use criterion::{Criterion, Throughput};
use rapidicom_core::Vr;
use rapidicom_core::value::charset::SpecificCharacterSet;
use rapidicom_core::value::decimals::decimals as each_decimal;
use rapidicom_core::value::number::{Number, integer, numbers};
use rapidicom_core::value::text;
use std::hint::black_box;

/// Contour Data: 150 points of three coordinates.
fn contour() -> Vec<u8> {
    let mut out = String::new();
    for i in 0..150 {
        let angle = f64::from(i) / 150.0 * std::f64::consts::TAU;
        let radius = 40.0 + 5.0 * (5.0 * angle).sin();
        out += &format!(
            "{:.4}\\{:.4}\\-700.5000\\",
            radius * angle.cos(),
            radius * angle.sin()
        );
    }
    out.pop();
    out.into_bytes()
}

fn sum(bytes: &[u8]) -> f64 {
    let mut sum = 0.0;
    each_decimal(bytes, |number| sum += number);
    sum
}

fn decimals(c: &mut Criterion) {
    let mut group = c.benchmark_group("DS");
    let exponents = ["1.234567890123456e-05"; 450].join("\\").into_bytes();
    for (name, bytes) in [
        ("450 numbers of 4 decimals", contour()),
        ("450 numbers of 16 digits", exponents),
    ] {
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(name, |b| b.iter(|| sum(black_box(&bytes))));
    }
    group.finish();
    c.bench_function("IS", |b| b.iter(|| integer(black_box(b" 1234567 "))));
}

fn binary(c: &mut Criterion) {
    let bytes = vec![7; 4096];
    let mut group = c.benchmark_group("4 KiB of binary numbers");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    for (name, vr) in [("US", Vr::US), ("FD", Vr::FD)] {
        group.bench_function(name, |b| {
            b.iter(|| {
                numbers(vr, black_box(&bytes), true).fold(0.0, |sum, n| match n {
                    Number::Unsigned(n) => sum + n as f64,
                    Number::Signed(n) => sum + n as f64,
                    Number::Float(n) => sum + n,
                })
            });
        });
    }
    group.finish();
}

fn texts(c: &mut Criterion) {
    let mut group = c.benchmark_group("text");
    let japanese: &[u8] = b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B";
    let cases: [(&str, &[u8], &[u8], Vr); 4] = [
        ("ASCII", b"", b"CT Thorax/Abdomen mit KM", Vr::LO),
        (
            "UTF-8",
            b"ISO_IR 192",
            "Universitätsspital Zürich ".as_bytes(),
            Vr::LO,
        ),
        ("ISO-IR 100", b"ISO_IR 100", b"M\xfcller^J\xfcrg", Vr::PN),
        ("ISO 2022 IR 87", b"\\ISO 2022 IR 87", japanese, Vr::PN),
    ];
    for (name, terms, bytes, vr) in cases {
        let charset = SpecificCharacterSet::parse(terms).0;
        group.bench_function(name, |b| {
            b.iter(|| text::decode(black_box(bytes), vr, &charset).0.len())
        });
    }
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    decimals(&mut criterion);
    binary(&mut criterion);
    texts(&mut criterion);
    criterion.final_summary();
}
