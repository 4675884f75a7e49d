//! Code streams: the input's first bytes are the frame's layout, the rest is the code stream.

use rapidicom_codecs::{
    DecodeOptions, Decoder, Family, FrameLayout, PhotometricInterpretation, PlanarConfiguration, SampleFormat, StreamHeader,
};

/// Samples that one input may decode to.
const MAX_SAMPLES: u64 = 1 << 16;

/// Reads the header, then decodes twice, over different bytes: what is called real must be the same both times.
pub fn decode(family: Family, input: &[u8]) {
    let Some((shape, code_stream)) = input.split_first_chunk() else { return };
    let (mut layout, options, trust) = of_bytes(*shape);
    let decoder = family.decoder().expect("all families are in this build");
    if let Ok(header) = decoder.header(code_stream, &layout)
        && trust
    {
        agree(&header, &mut layout);
    }
    if layout.validate().is_err() || layout.samples_per_frame().unwrap_or(u64::MAX) > MAX_SAMPLES {
        return;
    }
    let first = decode_over(0xA5, decoder, code_stream, &layout, &options);
    assert_eq!(first, decode_over(0x5A, decoder, code_stream, &layout, &options), "{layout:?}");
}

/// The real rows.
fn decode_over(
    before: u8,
    decoder: &dyn Decoder,
    code_stream: &[u8],
    layout: &FrameLayout,
    options: &DecodeOptions,
) -> Option<Vec<u8>> {
    let reduced = |length: u32| length.div_ceil(1 << options.reduce);
    let smaller = FrameLayout { rows: reduced(layout.rows), columns: reduced(layout.columns), ..*layout };
    let length = usize::try_from(smaller.decoded_frame_bytes().ok()?).ok()?;
    let mut out = vec![before; length];
    let decoded = decoder.decode(code_stream, layout, options, &mut out).ok()?;
    if let Some(incomplete) = decoded.incomplete {
        assert!(incomplete.rows < smaller.rows, "{incomplete:?}");
        out.truncate(length / smaller.rows as usize * incomplete.rows as usize);
    }
    Some(out)
}

/// Rows, columns; samples, bits allocated, bits stored, flags.
fn of_bytes([r1, r0, c1, c0, samples, allocated, stored, flags]: [u8; 8]) -> (FrameLayout, DecodeOptions, bool) {
    let bits_allocated = [8, 16, 1, 12, 24, 32, 64, 16][usize::from(allocated % 8)];
    let bits_stored = 1 + u16::from(stored) % bits_allocated;
    let samples_per_pixel = 1 + u16::from(samples) % 4;
    let layout = FrameLayout {
        rows: u32::from(u16::from_be_bytes([r1, r0])),
        columns: u32::from(u16::from_be_bytes([c1, c0])),
        samples_per_pixel,
        bits_allocated,
        bits_stored,
        high_bit: bits_stored - 1,
        sample_format: if flags & 1 == 0 { SampleFormat::Unsigned } else { SampleFormat::Signed },
        planar_configuration: if flags & 2 == 0 { PlanarConfiguration::ByPixel } else { PlanarConfiguration::ByPlane },
        photometric_interpretation: match (samples_per_pixel, flags & 4) {
            (3, 0) => PhotometricInterpretation::Rgb,
            (3, _) => PhotometricInterpretation::YbrFull422,
            _ => PhotometricInterpretation::Monochrome2,
        },
    };
    let options = DecodeOptions { raw: flags & 8 != 0, reduce: flags >> 4 & 3, threads: 1 + u16::from(flags >> 7) * 2 };
    (layout, options, flags & 0x40 == 0)
}

/// The layout of a data set that says what the code stream does, as the caller makes sure of.
fn agree(header: &StreamHeader, layout: &mut FrameLayout) {
    (layout.rows, layout.columns) = (header.rows, header.columns);
    layout.samples_per_pixel = header.components;
    if header.precision > layout.bits_allocated {
        layout.bits_allocated = if header.precision > 16 { 32 } else { 16 };
    }
    (layout.bits_stored, layout.high_bit) = (header.precision, header.precision.saturating_sub(1));
    match header.signed {
        Some(true) => layout.sample_format = SampleFormat::Signed,
        Some(false) => layout.sample_format = SampleFormat::Unsigned,
        None => {}
    }
}
