//! JPEG XL: ISO/IEC 18181, bare code streams and those in boxes (18181-2), by libjxl's own decoder in Rust, the crate `jxl`.
//!
//! What is lossless comes back bit for bit; what is coded in XYB becomes the colours that the code stream names (grey, or RGB,
//! sRGB as a rule); a recompressed JPEG becomes RGB. Orientation is applied, as libjxl does. Of an animation the first frame is
//! decoded; alpha and other extra channels are left out.

use crate::decoder::{DecodeOptions, Decoded, Decoder, Incomplete, StreamColor, StreamHeader};
use crate::error::{PixelError, PixelErrorKind, Result};
use crate::layout::{FrameLayout, SampleType};
use jxl::api::{
    Endianness, Event, ExtraChannel, JxlBitDepth, JxlColorEncoding, JxlColorProfile, JxlColorType,
    JxlDataFormat, JxlDecoder, JxlDecoderOptions, JxlOutputBuffer, JxlParallelRunner,
    JxlParallelRunnerFun, JxlPixelFormat, ProfileLevel,
};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread::Builder;

/// JPEG XL: ISO/IEC 18181.
#[derive(Clone, Copy, Debug)]
pub struct JpegXl;

impl Decoder for JpegXl {
    fn header(&self, code_stream: &[u8], _layout: &FrameLayout) -> Result<StreamHeader> {
        contained(|| Opened::new(code_stream, None)?.header())
    }

    fn decode(
        &self,
        code_stream: &[u8],
        layout: &FrameLayout,
        options: &DecodeOptions,
        out: &mut [u8],
    ) -> Result<Decoded> {
        if out.len() as u64 != layout.decoded_frame_bytes()? {
            return Err(error(PixelErrorKind::Argument, "out has the wrong length"));
        }
        contained(|| decode(code_stream, layout, options, out))
    }
}

/// A panic of the crate is an error of the code stream.
///
/// `AssertUnwindSafe`: all that is shared with the closure is `out`, whose contents after an error nobody may use; the crate's
/// decoder dies inside.
fn contained<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(error(
            PixelErrorKind::Stored,
            "the decoder gave up on this code stream",
        ))
    })
}

#[cold]
fn error(kind: PixelErrorKind, words: &str) -> PixelError {
    PixelError::new(kind, format!("JPEG XL: {words}"))
}

#[cold]
fn stored(found: &jxl::error::Error) -> PixelError {
    let kind = match found {
        jxl::error::Error::ImageSizeTooLarge(..) => PixelErrorKind::Mismatch,
        _ => PixelErrorKind::Stored,
    };
    error(kind, &found.to_string())
}

#[cold]
fn ended(code_stream: &[u8]) -> PixelError {
    error(PixelErrorKind::Stored, "the code stream ends early").at(code_stream.len() as u64)
}

/// A decoder that has read the image's header, and the bytes it has not read.
struct Opened<'a> {
    decoder: JxlDecoder,
    code_stream: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Opened<'a> {
    fn new(code_stream: &'a [u8], sample_limit: Option<usize>) -> Result<Opened<'a>> {
        let mut options = JxlDecoderOptions::default();
        options.sample_limit = sample_limit;
        options.high_precision = true;
        options.max_profile_level = ProfileLevel::Main10;
        let mut opened = Opened {
            decoder: JxlDecoder::new(options),
            code_stream,
            rest: code_stream,
        };
        match opened.decoder.process(&mut opened.rest, None, None) {
            Ok(Event::BasicInfo) => Ok(opened),
            Ok(_) => Err(ended(code_stream)),
            Err(found) => Err(stored(&found)),
        }
    }

    fn header(&self) -> Result<StreamHeader> {
        let info = self.decoder.basic_info();
        let info = info.ok_or_else(|| ended(self.code_stream))?;
        let precision = match info.bit_depth {
            JxlBitDepth::Int { bits_per_sample } => bits_per_sample,
            JxlBitDepth::Float { .. } => {
                return Err(error(
                    PixelErrorKind::Unsupported,
                    "samples are floats, expected integers",
                ));
            }
        };
        if info
            .extra_channels
            .iter()
            .any(|channel| channel.ec_type == ExtraChannel::Black)
        {
            return Err(error(
                PixelErrorKind::Unsupported,
                "the image is CMYK, expected grey or RGB",
            ));
        }
        let grey = self.is_grey();
        Ok(StreamHeader {
            rows: u32::try_from(info.size.1).unwrap_or(u32::MAX),
            columns: u32::try_from(info.size.0).unwrap_or(u32::MAX),
            components: if grey { 1 } else { 3 },
            precision: u16::try_from(precision).unwrap_or(u16::MAX),
            signed: None,
            color: if grey {
                StreamColor::AsDeclared
            } else {
                StreamColor::Rgb
            },
            lossless: info.uses_original_profile && !holds_jpeg(self.code_stream),
        })
    }

    /// Whether there is one colour channel. The crate decides on the number of channels by this too.
    fn is_grey(&self) -> bool {
        match self.decoder.current_pixel_format() {
            Some(format) => format.color_type == JxlColorType::Grayscale,
            None => matches!(
                self.decoder.embedded_color_profile(),
                Some(JxlColorProfile::Simple(
                    JxlColorEncoding::GrayscaleColorSpace { .. }
                ))
            ),
        }
    }

    fn set_format(&mut self, header: &StreamHeader, data_format: JxlDataFormat) -> Result<()> {
        let extra = self.decoder.basic_info();
        let extra = extra.map_or(0, |info| info.extra_channels.len());
        let format = JxlPixelFormat {
            color_type: if header.components == 1 {
                JxlColorType::Grayscale
            } else {
                JxlColorType::Rgb
            },
            color_data_format: Some(data_format),
            extra_channel_format: vec![None; extra],
        };
        self.decoder
            .set_pixel_format(format)
            .map_err(|found| stored(&found))
    }

    /// The first frame, into `samples`. What is no error of the code stream's end has not been written.
    fn frame(&mut self, rows: usize, threads: usize, samples: &mut [u8]) -> Result<()> {
        let row_bytes = samples.len() / rows;
        let mut buffers = [JxlOutputBuffer::new(samples, rows, row_bytes)];
        let mut runner = Threads(threads);
        loop {
            let runner: &mut dyn JxlParallelRunner = &mut runner;
            match self
                .decoder
                .process(&mut self.rest, Some(&mut buffers), Some(runner))
            {
                Ok(Event::FrameComplete { .. }) => return Ok(()),
                Ok(Event::NeedMoreInput { .. } | Event::Complete) => {
                    return Err(ended(self.code_stream));
                }
                Ok(_) => {}
                Err(found) => return Err(stored(&found)),
            }
        }
    }
}

/// Threads among which the groups of a frame, 256 x 256 as a rule, are divided with a gain: up to 1.9 times as fast with two.
fn threads_worth(layout: &FrameLayout) -> u64 {
    /// They take 0.5 to 5 ms, a thread less than a tenth of one to start. Images of a fuzzer are small.
    const PIXELS_A_THREAD: u64 = if cfg!(fuzzing) { 64 } else { 128 << 10 };
    layout.pixels_per_frame() / PIXELS_A_THREAD
}

/// So many threads, started for each piece of work that is divided.
struct Threads(usize);

impl JxlParallelRunner for Threads {
    fn num_threads(&self) -> usize {
        self.0
    }

    fn run(
        &mut self,
        tasks: usize,
        task: &JxlParallelRunnerFun<'_>,
    ) -> std::result::Result<(), jxl::error::Error> {
        std::thread::scope(|scope| {
            let start = |n| {
                let started = Builder::new().spawn_scoped(scope, move || task(n));
                started.map_err(|_| n)
            };
            let others: Vec<_> = (1..tasks).map(start).collect();
            let mine = if tasks > 0 { task(0) } else { Ok(()) };
            others.into_iter().fold(mine, |first, other| {
                first.and(match other {
                    Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
                    // The system gives no more threads.
                    Err(n) => task(n),
                })
            })
        })
    }
}

/// Whether the file holds a recompressed JPEG: box `jbrd`, before the code stream or between its parts.
fn holds_jpeg(code_stream: &[u8]) -> bool {
    let mut rest = code_stream;
    while let Some((&[a, b, c, d, ref kind @ ..], _)) = rest.split_first_chunk::<8>() {
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        if kind == b"jbrd" {
            return true;
        }
        // Lengths 0 (to the end) and 1 (64 bits follow) are those of a code stream.
        if length < 8 {
            return false;
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    false
}

fn decode(
    code_stream: &[u8],
    layout: &FrameLayout,
    options: &DecodeOptions,
    out: &mut [u8],
) -> Result<Decoded> {
    // The crate counts three colours even where there is one, a row of at least 16, the extra channels, and wants less than this.
    let sample_limit = usize::try_from(layout.pixels_per_frame())
        .unwrap_or(usize::MAX)
        .saturating_mul(8)
        .saturating_add(16 * 8 * 65_536);
    let opened = Opened::new(code_stream, Some(sample_limit))?;
    let header = opened.header()?;
    check(&header, layout)?;
    let target = Target::of(&header, layout)?;
    let work = Work {
        code_stream,
        header,
        target,
        sample_limit,
    };
    let mut scratch = work.scratch(out)?;
    let samples = match &mut scratch {
        Some(scratch) => aligned(scratch),
        None => &mut *out,
    };
    samples.fill(0);
    let threads = usize::from(options.threads_for(threads_worth(layout)));
    let mut done = work.run(opened, threads, samples);
    if done.is_err() && threads > 1 {
        // How far several of them come is chance.
        samples.fill(0);
        done = work.run(work.open()?, 1, samples);
    }
    let incomplete = match done {
        Ok(()) => None,
        Err(error) => Some(Incomplete {
            rows: work.real_rows(samples, &error)?,
            error,
        }),
    };
    if let Some(scratch) = &mut scratch {
        copy_cells(aligned(scratch), out);
    }
    Ok(Decoded {
        color: header.color,
        incomplete,
    })
}

fn check(header: &StreamHeader, layout: &FrameLayout) -> Result<()> {
    if (header.rows, header.columns) != (layout.rows, layout.columns)
        || header.components != layout.samples_per_pixel
    {
        let words = format!(
            "the code stream has {} x {} x {} samples, the data set {} x {} x {}",
            header.rows,
            header.columns,
            header.components,
            layout.rows,
            layout.columns,
            layout.samples_per_pixel
        );
        return Err(error(PixelErrorKind::Mismatch, &words));
    }
    Ok(())
}

/// What the crate is asked to write.
#[derive(Clone, Copy)]
struct Target {
    data_format: JxlDataFormat,
    bytes: usize,
    cell: usize,
}

impl Target {
    fn of(header: &StreamHeader, layout: &FrameLayout) -> Result<Target> {
        let sample_type = layout.sample_type()?;
        let cell = sample_type.size();
        let float = matches!(sample_type, SampleType::F32 | SampleType::F64);
        if float || header.precision > 16 {
            let words = format!(
                "samples of {} bits into {sample_type:?}, expected at most 16 into integers",
                header.precision
            );
            return Err(error(PixelErrorKind::Unsupported, &words));
        }
        if usize::from(header.precision) > 8 * cell {
            let words = format!(
                "samples have {} bits, Bits Allocated is {}",
                header.precision, layout.bits_allocated
            );
            return Err(error(PixelErrorKind::Mismatch, &words));
        }
        let bit_depth = header.precision as u8;
        let data_format = if cell == 1 {
            JxlDataFormat::U8 { bit_depth }
        } else {
            JxlDataFormat::U16 {
                endianness: Endianness::native(),
                bit_depth,
            }
        };
        Ok(Target {
            data_format,
            bytes: data_format.bytes_per_sample(),
            cell,
        })
    }
}

/// One frame to decode, judged.
struct Work<'a> {
    code_stream: &'a [u8],
    header: StreamHeader,
    target: Target,
    sample_limit: usize,
}

impl Work<'_> {
    fn open(&self) -> Result<Opened<'_>> {
        Opened::new(self.code_stream, Some(self.sample_limit))
    }

    fn run(&self, mut opened: Opened<'_>, threads: usize, samples: &mut [u8]) -> Result<()> {
        opened.set_format(&self.header, self.target.data_format)?;
        opened.frame(self.header.rows as usize, threads, samples)
    }

    /// Memory to decode into where `out` has wider cells or, for samples of two bytes, begins at an odd address.
    fn scratch(&self, out: &[u8]) -> Result<Option<Vec<u8>>> {
        let Target { bytes, cell, .. } = self.target;
        if cell == bytes && (bytes == 1 || is_even(out)) {
            return Ok(None);
        }
        zeros(out.len() / cell * bytes + 1).map(Some)
    }

    /// Rows from the top of `samples`, decoded until `error`, that were written: those that come out the same over other bytes.
    /// An error where there are none.
    fn real_rows(&self, samples: &[u8], error: &PixelError) -> Result<u32> {
        let mut again = zeros(samples.len() + 1)?;
        let again = aligned(&mut again).get_mut(..samples.len());
        let again = again.unwrap_or_default();
        again.fill(0xFF);
        let repeated = self.run(self.open()?, 1, again);
        let row_bytes = samples.len() / self.header.rows as usize;
        let rows = samples
            .chunks_exact(row_bytes)
            .zip(again.chunks_exact(row_bytes))
            .take_while(|(first, second)| first == second)
            .count();
        if rows == 0 || repeated.is_ok() {
            return Err(error.clone());
        }
        Ok(rows as u32)
    }
}

fn zeros(length: usize) -> Result<Vec<u8>> {
    let mut zeros = Vec::new();
    if zeros.try_reserve_exact(length).is_err() {
        let words = format!("no memory for {length} bytes");
        return Err(error(PixelErrorKind::Argument, &words));
    }
    zeros.resize(length, 0);
    Ok(zeros)
}

fn is_even(bytes: &[u8]) -> bool {
    bytes.as_ptr().addr().is_multiple_of(2)
}

/// All but one of the bytes, from an even address on.
fn aligned(bytes: &mut [u8]) -> &mut [u8] {
    let first = usize::from(!is_even(bytes));
    let length = bytes.len().saturating_sub(1);
    bytes.get_mut(first..first + length).unwrap_or_default()
}

/// Samples of two bytes into cells of two, four or eight.
fn copy_cells(samples: &[u8], out: &mut [u8]) {
    let samples = samples
        .as_chunks::<2>()
        .0
        .iter()
        .map(|&sample| u16::from_ne_bytes(sample));
    let count = samples.len().max(1);
    match out.len() / count {
        2 => {
            for (cell, sample) in out.as_chunks_mut().0.iter_mut().zip(samples) {
                *cell = sample.to_ne_bytes();
            }
        }
        4 => {
            for (cell, sample) in out.as_chunks_mut().0.iter_mut().zip(samples) {
                *cell = u32::from(sample).to_ne_bytes();
            }
        }
        _ => {
            for (cell, sample) in out.as_chunks_mut().0.iter_mut().zip(samples) {
                *cell = u64::from(sample).to_ne_bytes();
            }
        }
    }
}

#[cfg(test)]
mod tests;
