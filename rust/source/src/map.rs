//! Files mapped into memory: here and in `sigbus` lies all of the project's unsafe about files.
//!
//! A mapping is private, never shared. For reading the two show the same pages, but a private one also works where a
//! file system refuses shared ones, and no `mprotect` can make it write to the file.
//!
//! What holds for all bytes of a map: other processes may change the file, and then they change under `&[u8]`. Rust
//! has no words for that; what is promised is that no number read from a map is used unchecked, so that changing
//! bytes give wrong values or errors, and that a page that has gone is a page of zeros and an error
//! ([`Map::check`]), not a dead process. Who cannot live with it reads instead of mapping.
#![allow(unsafe_code)]

use crate::registry::Registration;
use crate::{File, Result, SourceError, sigbus};
use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, ProtFlags};
use std::ffi::c_void;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A whole file mapped to be read.
#[derive(Debug)]
pub struct Map {
    pages: Pages,
    len: usize,
}

/// A private copy-on-write mapping of a range of a file: it can be written, and no one else sees it.
#[derive(Debug)]
pub struct CowMap {
    pages: Pages,
    /// Bytes before the range on its first page.
    skipped: usize,
    len: usize,
}

/// A mapping of whole pages, known to the handler of `sigbus`, unmapped when dropped.
#[derive(Debug)]
struct Pages {
    start: NonNull<c_void>,
    len: usize,
    registration: Registration,
}

impl Map {
    /// Maps all of a file that is not empty. `ENOMEM` when the process has no maps left for us.
    pub fn whole(file: &File) -> Result<Map> {
        let len = usize::try_from(file.identity().size).map_err(|_| SourceError::NO_MEMORY)?;
        Ok(Map {
            pages: Pages::map(file, 0, len, ProtFlags::READ)?,
            len,
        })
    }

    /// The file's bytes. A page is read when it is first touched; [`Map::check`] says afterwards that all could be.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: `start` is the first of `len` bytes that `mmap` gave with PROT_READ and that stay mapped until
        // `self` is dropped, which the borrow outlives not. A mapping is never larger than isize::MAX. Nobody of this
        // process writes to them; of other processes the file's head speaks. Pages past the end of a file that was
        // truncated raise SIGBUS, which `sigbus` turns into readable zeros.
        unsafe { std::slice::from_raw_parts(self.pages.start.as_ptr().cast::<u8>(), self.len) }
    }

    /// That no fault was caught in this map: all bytes read from it so far were the file's.
    pub fn check(&self) -> Result<()> {
        self.pages.check()
    }
}

impl CowMap {
    /// Maps a range that is not empty and lies within the file. Memory for written pages is not reserved: a range
    /// larger than memory can be mapped, read, and written here and there. Pages are never populated at once: on a
    /// writable private map that would copy every one.
    pub fn of(file: &File, range: Range<u64>) -> Result<CowMap> {
        let size = file.identity().size;
        let outside = SourceError::OutOfRange {
            start: range.start,
            end: range.end,
            len: size,
        };
        let len = range
            .end
            .checked_sub(range.start)
            .filter(|len| *len > 0 && range.end <= size)
            .ok_or(outside)?;
        let skipped = range.start % rustix::param::page_size() as u64;
        let mapped = usize::try_from(len + skipped).map_err(|_| SourceError::NO_MEMORY)?;
        let pages = Pages::map(
            file,
            range.start - skipped,
            mapped,
            ProtFlags::READ | ProtFlags::WRITE,
        )?;
        Ok(CowMap {
            pages,
            skipped: skipped as usize,
            len: len as usize,
        })
    }

    /// The range's first byte: valid to read and write for [`CowMap::len`] bytes as long as the map lives. Who makes
    /// references of it sees to Rust's rules of aliasing.
    pub fn as_mut_ptr(&self) -> *mut u8 {
        self.pages
            .start
            .as_ptr()
            .cast::<u8>()
            .wrapping_add(self.skipped)
    }

    /// The bytes as they are now, for whoever has the map alone; to be trusted once [`CowMap::check`] has passed.
    pub fn look(&mut self) -> &[u8] {
        // SAFETY: the range is mapped and readable as long as the map lives; `&mut self` says that nobody else has it, so
        // that nobody has made references of `as_mut_ptr` that could be written through meanwhile.
        unsafe { std::slice::from_raw_parts(self.as_mut_ptr(), self.len) }
    }

    /// Bytes of the range.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the range is empty: never.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// That no fault was caught in this map: all bytes read from it so far were the file's.
    pub fn check(&self) -> Result<()> {
        self.pages.check()
    }

    /// Reads the range's pages in, without copying them, so that a page that is gone is an error now instead of zeros
    /// later. Does nothing where the kernel cannot (before Linux 5.14).
    pub fn populate(&self) -> Result<()> {
        // SAFETY: the range is `Pages`' own mapping, and MADV_POPULATE_READ changes no bytes of it.
        match unsafe {
            rustix::mm::madvise(
                self.pages.start.as_ptr(),
                self.pages.len,
                Advice::LinuxPopulateRead,
            )
        } {
            Ok(()) | Err(Errno::INVAL) => Ok(()),
            Err(Errno::FAULT) => Err(SourceError::Changed("a page of it cannot be read")),
            Err(errno) => Err(errno.into()),
        }
    }
}

impl Pages {
    /// Maps `len` bytes, rounded up to whole pages. `offset` is a multiple of the page size.
    fn map(file: &File, offset: u64, len: usize, access: ProtFlags) -> Result<Pages> {
        let page = rustix::param::page_size();
        let len = len
            .checked_next_multiple_of(page)
            .filter(|len| isize::try_from(*len).is_ok());
        let len = len.ok_or(SourceError::NO_MEMORY)?;
        let registration = Registration::take().ok_or(SourceError::NO_MEMORY)?;
        sigbus::ensure_installed()?;
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        // SAFETY: with a null address and without MAP_FIXED the kernel picks addresses that nothing else uses, so no
        // memory that Rust knows of is touched; a wrong length or descriptor is an error, not a mapping.
        let start =
            unsafe { rustix::mm::mmap(std::ptr::null_mut(), len, access, flags, file, offset)? };
        let start = NonNull::new(start).ok_or(SourceError::NO_MEMORY)?;
        let first = start.as_ptr() as usize;
        registration.publish(
            first,
            first.saturating_add(len),
            access.contains(ProtFlags::WRITE),
        );
        Ok(Pages {
            start,
            len,
            registration,
        })
    }

    fn check(&self) -> Result<()> {
        if self.registration.faulted() {
            return Err(SourceError::Changed("a page of it could not be read"));
        }
        Ok(())
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // Withdrawn before the addresses are free: what is mapped there next is not ours to cover with zeros.
        self.registration.withdraw();
        // SAFETY: these are the pages of the one `mmap` of `Pages::map` (or what `sigbus` laid over them), and nothing
        // borrows from a `Map` or `CowMap` that is dropped; holders of `CowMap::as_mut_ptr` keep the `CowMap`.
        // Unmapping whole pages that one mapped can fail only for want of memory; then they stay, and leak.
        let _ = unsafe { rustix::mm::munmap(self.start.as_ptr(), self.len) };
    }
}

// SAFETY: the pages belong to the process, not to a thread; through `&Pages` they are only read, and the registration
// is made of atomics.
unsafe impl Send for Pages {}
// SAFETY: as above.
unsafe impl Sync for Pages {}

/// Whether a file lies where a map of it can be trusted: not behind a network or a user's process, where a page may
/// fail to arrive, arrive late without a way to interrupt the wait, or change without notice.
pub(crate) fn is_safe_on(file: &File) -> bool {
    // The magic numbers of statfs(2).
    const UNSAFE: [u32; 15] = [
        0x6969,      // NFS
        0x517B,      // SMB
        0xFF53_4D42, // CIFS
        0xFE53_4D42, // SMB2
        0x6573_5546, // FUSE
        0x0102_1997, // 9P
        0x5346_414F, // AFS
        0x6B41_4653, // kAFS
        0x7375_7245, // CODA
        0x00C3_6400, // CEPH
        0x0BD0_0BD0, // LUSTRE
        0x4750_4653, // GPFS
        0x564C,      // NCP
        0x786F_4256, // VBOXSF
        0xBACB_ACBC, // VMHGFS
    ];
    // Files come from one file system mostly: the last safe one is not asked for again.
    static LAST_SAFE: AtomicU64 = AtomicU64::new(u64::MAX);
    let device = file.identity().dev;
    if LAST_SAFE.load(Relaxed) == device {
        return true;
    }
    let safe =
        rustix::fs::fstatfs(file).is_ok_and(|statfs| !UNSAFE.contains(&(statfs.f_type as u32)));
    if safe {
        LAST_SAFE.store(device, Relaxed);
    }
    safe
}
