//! The calls of OpenJPEG: the only unsafe code of this family.
//!
//! Why it is sound. Codec, stream and image are owned by guards and live for one call, from one thread. Threads of OpenJPEG's own end with
//! its codec, see only its memory, and of our callbacks may call but the one for complaints, whose text lies behind a lock. OpenJPEG
//! knows no `longjmp`; built with NDEBUG it aborts nowhere (`build.rs` sees to it). The four callbacks are `extern "C"`, do only
//! saturating arithmetic, copies between checked ranges and writes into an array of fixed length: they can't panic, so nothing unwinds
//! through frames of C. What they point to, the code stream's slice and the text of the first complaint, outlives codec and stream.
//! OpenJPEG writes samples into memory of its own, which is read here by its own counts, and given back by the guard.
//!
//! Only the code stream's decoder is called, never that of JP2 boxes: `jp2.c` is where OpenJPEG 2.5.1 to 2.5.3 write out of bounds
//! (CVE-2025-54874), and `boxes.rs` does what is needed of it.
#![allow(unsafe_code)]

use super::cells::Plane;
use super::header::MainHeader;
use openjpeg_sys as opj;
use std::ffi::{CStr, c_char, c_void};
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::{Mutex, PoisonError};

/// OpenJPEG copies headers through a buffer; tile-parts go past it. Its own choice, 1 MiB, costs page faults in each call.
const BUFFER: usize = 1 << 14;

/// The code stream, and where OpenJPEG is in it.
struct Source {
    bytes: *const u8,
    length: usize,
    at: usize,
}

unsafe extern "C" fn read(to: *mut c_void, count: usize, source: *mut c_void) -> usize {
    // SAFETY: `source` is the `Source` that `Stream::new` was given; nobody else uses it during the call.
    let source = unsafe { &mut *source.cast::<Source>() };
    let count = count.min(source.length.saturating_sub(source.at));
    if count == 0 {
        // The end: (OPJ_SIZE_T)-1.
        return usize::MAX;
    }
    // SAFETY: at + count <= length, the length of the slice; `to` has room for what was asked for; the two don't overlap.
    unsafe { ptr::copy_nonoverlapping(source.bytes.add(source.at), to.cast(), count) };
    source.at = source.at.saturating_add(count);
    count
}

unsafe extern "C" fn skip(count: i64, source: *mut c_void) -> i64 {
    // SAFETY: as in `read`.
    let source = unsafe { &mut *source.cast::<Source>() };
    let Ok(wanted) = usize::try_from(count) else {
        return -1;
    };
    let count = wanted.min(source.length.saturating_sub(source.at));
    if count == 0 && wanted != 0 {
        return -1;
    }
    source.at = source.at.saturating_add(count);
    i64::try_from(count).unwrap_or(-1)
}

unsafe extern "C" fn seek(to: i64, source: *mut c_void) -> opj::OPJ_BOOL {
    // SAFETY: as in `read`.
    let source = unsafe { &mut *source.cast::<Source>() };
    match usize::try_from(to) {
        Ok(to) if to <= source.length => {
            source.at = to;
            1
        }
        _ => 0,
    }
}

/// The first complaint, clipped.
struct Words {
    bytes: [u8; 200],
    length: usize,
}

/// How a code stream is to be decoded.
#[derive(Clone, Copy, Debug)]
pub(super) struct How {
    /// Resolutions that are left out.
    pub(super) reduce: u8,
    /// OpenJPEG's own, if more than 1: code-blocks and lines of wavelets are divided among them.
    pub(super) threads: u16,
    /// A stream that breaks off, or a packet that does not fit, is an error.
    pub(super) strict: bool,
}

unsafe extern "C" fn complain(message: *const c_char, words: *mut c_void) {
    // SAFETY: `words` is what the handler was set with, alive and borrowed by all threads alike.
    let words = unsafe { &*words.cast::<Mutex<Words>>() };
    let Ok(mut words) = words.lock() else {
        return;
    };
    if words.length > 0 || message.is_null() {
        return;
    }
    // SAFETY: the message is a NUL-terminated text.
    let message = unsafe { CStr::from_ptr(message) }.to_bytes().trim_ascii();
    let length = message.len().min(words.bytes.len());
    for (to, from) in words.bytes.iter_mut().zip(message) {
        *to = *from;
    }
    words.length = length;
}

struct Codec(NonNull<opj::opj_codec_t>);

impl Drop for Codec {
    fn drop(&mut self) {
        // SAFETY: made by opj_create_decompress, used by nobody after.
        unsafe { opj::opj_destroy_codec(self.0.as_ptr()) }
    }
}

struct Stream(NonNull<opj::opj_stream_t>);

impl Stream {
    fn new(source: &mut Source) -> Option<Stream> {
        // SAFETY: no pointers; null is checked.
        let stream = NonNull::new(unsafe { opj::opj_stream_create(BUFFER, 1) })?;
        let length = source.length as u64;
        let source = ptr::from_mut(source).cast();
        // SAFETY: the stream is alive; functions and data are those that belong together, and the caller keeps `source` where it is
        // until the stream is gone.
        unsafe {
            opj::opj_stream_set_read_function(stream.as_ptr(), Some(read));
            opj::opj_stream_set_skip_function(stream.as_ptr(), Some(skip));
            opj::opj_stream_set_seek_function(stream.as_ptr(), Some(seek));
            opj::opj_stream_set_user_data(stream.as_ptr(), source, None);
            opj::opj_stream_set_user_data_length(stream.as_ptr(), length);
        }
        Some(Stream(stream))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // SAFETY: made by opj_stream_create, used by nobody after.
        unsafe { opj::opj_stream_destroy(self.0.as_ptr()) }
    }
}

/// A decoded image.
pub(super) struct Image(NonNull<opj::opj_image_t>);

impl Drop for Image {
    fn drop(&mut self) {
        // SAFETY: made by opj_read_header, which left it to us.
        unsafe { opj::opj_image_destroy(self.0.as_ptr()) }
    }
}

impl Image {
    fn components(&self) -> &[opj::opj_image_comp_t] {
        // SAFETY: the image is alive.
        let image = unsafe { self.0.as_ref() };
        if image.comps.is_null() {
            return &[];
        }
        // SAFETY: `comps` points to `numcomps` components, which live and stay as they are as long as the image does.
        unsafe { slice::from_raw_parts(image.comps, image.numcomps as usize) }
    }

    /// Whether OpenJPEG has read the same in SIZ as we have.
    fn agrees(&self, header: &MainHeader) -> bool {
        let components = self.components();
        components.len() == header.components.len()
            && components
                .iter()
                .zip(&header.components)
                .all(|(read, ours)| {
                    read.prec == u32::from(ours.precision)
                        && (read.sgnd != 0) == ours.signed
                        && [read.dx, read.dy] == ours.step
                })
    }

    fn has_samples(&self) -> bool {
        self.components()
            .iter()
            .all(|component| !component.data.is_null())
    }

    /// The planes, one a component.
    pub(super) fn planes(&self) -> Vec<Plane<'_>> {
        // SAFETY: the image is alive.
        let area = unsafe { self.0.as_ref() };
        let finest = |of: fn(&opj::opj_image_comp_t) -> u32| {
            let all = self.components().iter().map(of);
            all.min().unwrap_or(1).max(1)
        };
        let image_step = [finest(|c| c.dx), finest(|c| c.dy)];
        let plane = |c: &opj::opj_image_comp_t| {
            let count = c.w as usize * c.h as usize;
            let samples = match c.data.is_null() {
                true => [].as_slice(),
                // SAFETY: `data` points to w × h samples, which OpenJPEG has allocated with zeros and filled; they live as long as the
                // image, and nobody writes to them.
                false => unsafe { slice::from_raw_parts(c.data, count) },
            };
            let halvings = c.factor.min(31);
            let first = |step: [u32; 2]| {
                let edges = [area.x0.div_ceil(step[0]), area.y0.div_ceil(step[1])];
                edges.map(|edge| edge.div_ceil(1 << halvings))
            };
            let step = [c.dx.max(1), c.dy.max(1)];
            Plane {
                samples,
                columns: c.w,
                rows: c.h,
                first: first(step),
                image_first: first(image_step),
                step,
                image_step,
            }
        };
        self.components().iter().map(plane).collect()
    }
}

/// Decodes all of it, or says what OpenJPEG complained of.
pub(super) fn decode(bytes: &[u8], header: &MainHeader, how: How) -> Result<Image, String> {
    // Declared first, so dropped last: codec and stream point to them.
    let words = Mutex::new(Words {
        bytes: [0; 200],
        length: 0,
    });
    let mut source = Source {
        bytes: bytes.as_ptr(),
        length: bytes.len(),
        at: 0,
    };
    let image = decode_into(&words, &mut source, header, how);
    image.ok_or_else(|| {
        let words = words.into_inner().unwrap_or_else(PoisonError::into_inner);
        let said = words.bytes.get(..words.length).unwrap_or_default();
        match said {
            [] => "OpenJPEG can't decode it and does not say why".into(),
            said => String::from_utf8_lossy(said).into_owned(),
        }
    })
}

fn decode_into(
    words: &Mutex<Words>,
    source: &mut Source,
    header: &MainHeader,
    how: How,
) -> Option<Image> {
    let stream = Stream::new(source)?;
    // SAFETY: no pointers; null is checked.
    let codec = unsafe { opj::opj_create_decompress(opj::OPJ_CODEC_FORMAT::OPJ_CODEC_J2K) };
    let codec = Codec(NonNull::new(codec)?);
    let (c, s) = (codec.0.as_ptr(), stream.0.as_ptr());
    let mut parameters = MaybeUninit::<opj::opj_dparameters_t>::zeroed();
    // SAFETY: the parameters are plain numbers and characters, for which zeros are values.
    let parameters = unsafe {
        opj::opj_set_default_decoder_parameters(parameters.as_mut_ptr());
        parameters.assume_init_mut()
    };
    parameters.cp_reduce = u32::from(how.reduce);
    let mut read = ptr::null_mut();
    // 0: none besides the caller's. Said in any case, or else the environment would say it (OPJ_NUM_THREADS).
    let threads = match how.threads {
        0 | 1 => 0,
        several => several.into(),
    };
    // SAFETY: the codec is alive. Where there are no threads to be had it goes on without, and says so to nobody.
    unsafe { opj::opj_codec_set_threads(c, threads) };
    let words = ptr::from_ref(words).cast_mut().cast();
    // SAFETY: codec, stream and parameters are alive, `words` outlives the codec; `read` is where the image is put. Each step is taken
    // only where the one before succeeded.
    let has_header = unsafe {
        opj::opj_set_error_handler(c, Some(complain), words) != 0
            && opj::opj_setup_decoder(c, parameters) != 0
            && opj::opj_decoder_set_strict_mode(c, i32::from(how.strict)) != 0
            && opj::opj_read_header(s, c, &mut read) != 0
    };
    let image = NonNull::new(read).map(Image)?;
    if !has_header || !image.agrees(header) {
        return None;
    }
    // SAFETY: codec, stream and image are alive, and belong together.
    let done = unsafe { opj::opj_decode(c, s, image.0.as_ptr()) != 0 };
    (done && image.has_samples()).then_some(image)
}
