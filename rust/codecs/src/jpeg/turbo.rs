//! The calls of libjpeg-turbo (TurboJPEG interface 3): the only unsafe code of this family.
//!
//! Why it is sound. A handle lives for one call and on one thread. libjpeg reports errors by `longjmp`, which TurboJPEG itself
//! catches: only frames of C lie between, as no callback of ours is involved, so no Rust frame is ever jumped over. libjpeg reads
//! within the slice whose length it is given. It writes `height` rows of `width` pixels by what *it* reads in the head: that is
//! compared with the length of the destination before, from the same bytes and by the same parser, so it can't be more.
#![allow(unsafe_code)]

use super::Image;
use std::ffi::{CStr, c_int};
use turbojpeg_sys as tj;

/// Scans that a code stream may have. Encoders write 10 or so; each costs a walk over all blocks, and can be 20 bytes long.
const MAX_SCANS: c_int = 100;

/// Memory besides the coefficients of a frame, MiB.
const WORKING_MEMORY: usize = 32;

struct Handle(tj::tjhandle);

impl Handle {
    fn new() -> Result<Handle, String> {
        // SAFETY: no arguments that could be wrong; null is checked.
        let handle = unsafe { tj::tj3Init(tj::TJINIT_TJINIT_DECOMPRESS as c_int) };
        if handle.is_null() {
            return Err("libjpeg-turbo can't get memory".into());
        }
        Ok(Handle(handle))
    }

    fn set(&mut self, parameter: tj::TJPARAM, value: c_int) -> Result<(), String> {
        // SAFETY: the handle is alive; parameter and value are checked on the other side.
        match unsafe { tj::tj3Set(self.0, parameter as c_int, value) } {
            0 => Ok(()),
            _ => Err(self.words()),
        }
    }

    fn get(&mut self, parameter: tj::TJPARAM) -> c_int {
        // SAFETY: the handle is alive; an unknown parameter gives -1.
        unsafe { tj::tj3Get(self.0, parameter as c_int) }
    }

    /// What the last call complained of.
    fn words(&mut self) -> String {
        // SAFETY: the handle is alive, and the pointer is never null: it is to a NUL-terminated text in the handle, or in storage
        // of this thread, which no call changes before the copy is made.
        let words = unsafe { CStr::from_ptr(tj::tj3GetErrorStr(self.0)) };
        words.to_string_lossy().into_owned()
    }

    /// Whether the last call went on after what it complained of.
    fn is_warning(&mut self) -> bool {
        // SAFETY: the handle is alive.
        unsafe { tj::tj3GetErrorCode(self.0) == tj::TJERR_TJERR_WARNING as c_int }
    }

    /// 0 is good, else ask `words`.
    fn read_header(&mut self, stream: &[u8]) -> c_int {
        // SAFETY: the handle is alive; pointer and length are those of a slice, which is only read.
        unsafe { tj::tj3DecompressHeader(self.0, stream.as_ptr(), stream.len() as tj::size_t) }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: created by tj3Init, and used by no one after.
        unsafe { tj::tj3Destroy(self.0) }
    }
}

/// Decodes into samples of 1 or 2 bytes, as many as `image` has. `Some` words: a warning; the samples may be partly made up, or with
/// `stop` partly untouched. An error: nothing can be said of them.
pub(super) fn decode(
    stream: &[u8],
    image: &Image,
    stop: bool,
    out: &mut [u8],
) -> Result<Option<String>, String> {
    let mut handle = Handle::new()?;
    let coefficients = image.samples().saturating_mul(2) >> 20;
    // Blocks and MCUs are rounded up to whole ones, so somewhat more.
    let memory = (coefficients * 5 / 4 + WORKING_MEMORY).min(c_int::MAX as usize);
    handle.set(tj::TJPARAM_TJPARAM_MAXMEMORY, memory as c_int)?;
    let pixels = image.rows as usize * image.columns as usize;
    let pixels = pixels.min(c_int::MAX as usize);
    handle.set(tj::TJPARAM_TJPARAM_MAXPIXELS, pixels as c_int)?;
    handle.set(tj::TJPARAM_TJPARAM_SCANLIMIT, MAX_SCANS)?;
    check_size(&mut handle, stream, image)?;
    handle.set(tj::TJPARAM_TJPARAM_STOPONWARNING, c_int::from(stop))?;
    if out.len() != image.samples() * image.sample_size() {
        return Err("the destination is not as long as the image".into());
    }
    let done = match image.precision {
        8 => decompress_8(&mut handle, stream, image, out),
        _ => decompress_12(&mut handle, stream, image, out),
    };
    match done {
        0 => Ok(None),
        _ if handle.is_warning() => Ok(Some(handle.words())),
        _ => Err(handle.words()),
    }
}

/// What libjpeg itself reads in the head is what we read: it writes as many rows and pixels.
fn check_size(handle: &mut Handle, stream: &[u8], image: &Image) -> Result<(), String> {
    if handle.read_header(stream) != 0 && !handle.is_warning() {
        return Err(handle.words());
    }
    let read = [
        tj::TJPARAM_TJPARAM_JPEGHEIGHT,
        tj::TJPARAM_TJPARAM_JPEGWIDTH,
        tj::TJPARAM_TJPARAM_PRECISION,
        tj::TJPARAM_TJPARAM_LOSSLESS,
    ]
    .map(|parameter| i64::from(handle.get(parameter)));
    let expected = [image.rows, image.columns, u32::from(image.precision), 0].map(i64::from);
    if read != expected {
        return Err(format!(
            "the code stream has two heads: rows, columns, bits, lossless are {expected:?} or {read:?}"
        ));
    }
    Ok(())
}

fn pixel_format(image: &Image) -> c_int {
    match image.components {
        1 => tj::TJPF_TJPF_GRAY,
        3 => tj::TJPF_TJPF_RGB,
        _ => tj::TJPF_TJPF_CMYK,
    }
}

fn decompress_8(handle: &mut Handle, stream: &[u8], image: &Image, out: &mut [u8]) -> c_int {
    // SAFETY: the handle is alive; stream is read within its length; `out` holds rows × columns × components bytes, which are those
    // that libjpeg read in this stream's head (`check_size`), and the pixel format has as many samples as there are components.
    unsafe {
        tj::tj3Decompress8(
            handle.0,
            stream.as_ptr(),
            stream.len() as tj::size_t,
            out.as_mut_ptr(),
            image.row_samples() as c_int,
            pixel_format(image),
        )
    }
}

fn decompress_12(handle: &mut Handle, stream: &[u8], image: &Image, out: &mut [u8]) -> c_int {
    // SAFETY: every pattern of 16 bits is an i16, and the other way round.
    let (before, cells, after) = unsafe { out.align_to_mut::<i16>() };
    if before.is_empty() && after.is_empty() {
        return decompress_12_aligned(handle, stream, image, cells);
    }
    // A caller's array at an odd address: rare, and right.
    let ground = i16::from_ne_bytes([out.first().copied().unwrap_or(0); 2]);
    let mut cells = vec![ground; out.len() / 2];
    let done = decompress_12_aligned(handle, stream, image, &mut cells);
    for (to, from) in out.as_chunks_mut::<2>().0.iter_mut().zip(cells) {
        *to = from.to_ne_bytes();
    }
    done
}

fn decompress_12_aligned(
    handle: &mut Handle,
    stream: &[u8],
    image: &Image,
    out: &mut [i16],
) -> c_int {
    // SAFETY: as in `decompress_8`; the pitch is in samples.
    unsafe {
        tj::tj3Decompress12(
            handle.0,
            stream.as_ptr(),
            stream.len() as tj::size_t,
            out.as_mut_ptr(),
            image.row_samples() as c_int,
            pixel_format(image),
        )
    }
}
