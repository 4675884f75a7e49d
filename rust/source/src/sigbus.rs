//! The handler that turns a fault in one of our maps into a flag, and leaves all others to whom they belong.
//!
//! A file that is truncated, or whose page cannot be read, raises SIGBUS where its map is touched. The handler lays
//! zeros over the rest of that map and flags it (if the process has not one map left for that, the fault goes on); [`crate::Map::check`] tells. A signal for any other address, or one
//! that a process sent, goes to the handler that was there before, with the mask and flags it was installed with.
//!
//! Others may install a handler over ours later (faulthandler does, when it is enabled). So each mapping looks, and
//! where ours is no longer on top lays it on top again. A chain of theirs may then lead back to ours, which must go on
//! to what was below the first time, not round in a circle: therefore each layer is a function of its own with its
//! own predecessor. After [`LAYERS`] of them the top is left to the other.
//!
//! After `fork` the child has the same maps, table and handlers; nothing here takes a lock that it could inherit held.
//! `exec` drops all of it.
#![allow(unsafe_code)]

use crate::registry::{self, Found};
use crate::{Result, SourceError};
use libc::{c_int, c_void, sigaction, siginfo_t};
use rustix::mm::{MapFlags, ProtFlags};
use std::mem::MaybeUninit;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering::SeqCst};

/// How often others may install their handler over ours before we let them.
const LAYERS: usize = 8;
/// `si_code` of a fault at an address behind which there is no file.
const BUS_ADRERR: c_int = 2;

type Handler = extern "C" fn(c_int, *mut siginfo_t, *mut c_void);
static HANDLERS: [Handler; LAYERS] = [
    layer::<0>, layer::<1>, layer::<2>, layer::<3>, layer::<4>, layer::<5>, layer::<6>, layer::<7>,
];
/// What lay below each layer. Set once, before the layer is installed, and never freed: handlers read it.
static BELOW: [AtomicPtr<sigaction>; LAYERS] = [const { AtomicPtr::new(null_mut()) }; LAYERS];
static TAKEN: AtomicUsize = AtomicUsize::new(0);
static PAGE_BYTES: AtomicUsize = AtomicUsize::new(4096);

/// Sees to it that faults come to our handler first: one system call when they do already.
pub(crate) fn ensure_installed() -> Result<()> {
    let current = exchange(None)?;
    if HANDLERS
        .iter()
        .any(|handler| *handler as usize == current.sa_sigaction)
    {
        return Ok(());
    }
    PAGE_BYTES.store(rustix::param::page_size(), SeqCst);
    let known = (0..LAYERS).find(|layer| below(*layer).is_some_and(|below| same(below, &current)));
    let Some(layer) = known.or_else(|| take_layer(current)) else {
        return Ok(());
    };
    let Some(handler) = HANDLERS.get(layer) else {
        return Ok(());
    };
    // SAFETY: all-zero bytes are a valid sigaction: no flags, an empty mask.
    let mut ours: sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    ours.sa_sigaction = *handler as usize;
    // ONSTACK as the stack may be what is exhausted when the signal is not ours. NODEFER as faulthandler's handler
    // raises the signal anew and counts on its coming at once. RESTART as the one below would have had it.
    ours.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
    ours.sa_flags |= if is_function(&current) {
        current.sa_flags & libc::SA_RESTART
    } else {
        libc::SA_RESTART
    };
    exchange(Some(&ours))?;
    Ok(())
}

/// Takes a layer and says what lies below it; two threads that do so at once make two layers, which does no harm.
fn take_layer(current: sigaction) -> Option<usize> {
    let layer = TAKEN.fetch_add(1, SeqCst);
    let Some(below) = BELOW.get(layer) else {
        TAKEN.store(LAYERS, SeqCst);
        return None;
    };
    below.store(Box::into_raw(Box::new(current)), SeqCst);
    Some(layer)
}

fn below(layer: usize) -> Option<&'static sigaction> {
    // SAFETY: null, or what `take_layer` leaked from a Box and nobody writes to or frees.
    BELOW
        .get(layer)
        .and_then(|below| unsafe { below.load(SeqCst).as_ref() })
}

fn same(a: &sigaction, b: &sigaction) -> bool {
    a.sa_sigaction == b.sa_sigaction && a.sa_flags == b.sa_flags
}

fn is_function(action: &sigaction) -> bool {
    action.sa_sigaction != libc::SIG_DFL && action.sa_sigaction != libc::SIG_IGN
}

/// What SIGBUS does now, after replacing it where `new` is given. Async-signal-safe.
fn exchange(new: Option<&sigaction>) -> Result<sigaction> {
    let mut current = MaybeUninit::<sigaction>::zeroed();
    let new = new.map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: `new` is null or a valid action whose function is one of this file's or SIG_DFL; `current` has room.
    match unsafe { libc::sigaction(libc::SIGBUS, new, current.as_mut_ptr()) } {
        // SAFETY: it was zeroed, which is valid, and sigaction has filled it.
        0 => Ok(unsafe { current.assume_init() }),
        _ => Err(SourceError::os(libc::EINVAL)), // the one error that there is
    }
}

/// The handler: only atomic loads, system calls and, for what is not ours, the handler below. Async-signal-safe.
extern "C" fn layer<const LAYER: usize>(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: SA_SIGINFO is set, so the kernel passes a valid siginfo_t; for BUS_ADRERR it has an address.
    let (code, address) = unsafe { ((*info).si_code, (*info).si_addr() as usize) };
    let covered =
        code == BUS_ADRERR && registry::find(address).is_some_and(|found| cover(&found, address));
    if !covered {
        pass_on(below(LAYER), code, signal, info, context);
    }
}

/// Lays zeros from the faulting page to the end of its map, so that one fault is the last; where the process has no
/// maps left to split one, over all of it.
fn cover(found: &Found, address: usize) -> bool {
    found.mark_faulted();
    let page = address & !(PAGE_BYTES.load(SeqCst) - 1);
    [page, found.start].into_iter().any(|from| {
        let access = if found.writable {
            ProtFlags::READ | ProtFlags::WRITE
        } else {
            ProtFlags::READ
        };
        let flags = MapFlags::PRIVATE | MapFlags::FIXED | MapFlags::NORESERVE;
        // SAFETY: `from..end` are whole pages of a registered map, and that map lives: the thread that faulted is
        // reading it, and a map is withdrawn before it is unmapped. The pages keep their address, length and access;
        // their bytes become zeros, which is a change under a borrow as `map` speaks of. `mmap` is one system call.
        unsafe {
            rustix::mm::mmap_anonymous(
                from as *mut c_void,
                found.end.wrapping_sub(from),
                access,
                flags,
            )
        }
        .is_ok()
    })
}

/// Does what would have been done without us.
fn pass_on(
    below: Option<&sigaction>,
    code: c_int,
    signal: c_int,
    info: *mut siginfo_t,
    context: *mut c_void,
) {
    let sent = code <= 0; // by kill, raise or sigqueue, not by a fault
    let Some(below) = below.filter(|below| is_function(below)) else {
        let ignored = below.is_some_and(|below| below.sa_sigaction == libc::SIG_IGN);
        if !(ignored && sent) {
            die(sent, signal); // a fault cannot be ignored: the kernel kills
        }
        return;
    };
    let mut mask = below.sa_mask;
    // SAFETY: `mask` is a valid set. The mask before the signal is put back by the kernel when the handler returns.
    unsafe {
        if below.sa_flags & libc::SA_NODEFER == 0 {
            libc::sigaddset(&raw mut mask, signal);
        }
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const mask, null_mut());
    }
    if below.sa_flags & libc::SA_SIGINFO != 0 {
        // SAFETY: who installed it with SA_SIGINFO promised a function of these three arguments, the kernel's own.
        let handler = unsafe { std::mem::transmute::<usize, Handler>(below.sa_sigaction) };
        handler(signal, info, context);
    } else {
        // SAFETY: who installed it without SA_SIGINFO promised a function of the signal alone.
        let handler =
            unsafe { std::mem::transmute::<usize, extern "C" fn(c_int)>(below.sa_sigaction) };
        handler(signal);
    }
}

/// Puts the default back. A fault comes again when the handler returns, and kills; a signal that was sent is raised.
fn die(sent: bool, signal: c_int) {
    // SAFETY: all-zero bytes are a valid sigaction, and SIG_DFL is 0.
    let default: sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    let _ = exchange(Some(&default));
    if sent {
        // SAFETY: raise may be called from a handler.
        unsafe { libc::raise(signal) };
    }
}
