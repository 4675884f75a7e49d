//! Files that change under their maps, and signals that are not ours.
#![cfg(all(target_os = "linux", not(feature = "portable")))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod scratch;

use libc::{c_int, c_void, siginfo_t};
use rapidicom_source::{Access, CowMap, File, Kind, Source, SourceError};
use scratch::{Scratch, in_child, pattern};
use std::fs::OpenOptions;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;

fn truncate(path: &Path, len: u64) {
    OpenOptions::new()
        .write(true)
        .open(path)
        .unwrap()
        .set_len(len)
        .unwrap();
}

fn changed(result: Result<(), SourceError>) {
    assert!(matches!(result, Err(SourceError::Changed(_))), "{result:?}");
}

#[test]
fn truncation_under_a_map_is_an_error() {
    let scratch = Scratch::new();
    let bytes = pattern(1 << 20);
    let path = scratch.file("f", &bytes);
    let source = Source::open(&path, Access::Auto).unwrap();
    let other = Source::open(&path, Access::Auto).unwrap();
    assert_eq!(source.kind(), Kind::Mapped);
    let all = source.bytes(0..1 << 20).unwrap();
    assert_eq!(all[900_000], bytes[900_000]);
    source.check().unwrap();
    truncate(&path, 40_960);
    assert_eq!(all[40_000], bytes[40_000]);
    source.check().unwrap();
    assert_eq!(all[500_000], 0); // would have been SIGBUS
    changed(source.check());
    assert_eq!(all[40_000], bytes[40_000]);
    assert_eq!(
        all.iter().skip(40_960).filter(|byte| **byte != 0).count(),
        0
    );
    changed(source.verify());
    changed(source.read_into(500_000, &mut [0; 10]));
    changed(source.copy_on_write(0..100).map(drop));
    // Each map has a flag of its own.
    other.check().unwrap();
    changed(other.verify());
    let mut copy = vec![1; 1000];
    changed(other.read_into(600_000, &mut copy));
    changed(other.check());
}

#[test]
fn a_new_map_begins_without_a_flag() {
    let scratch = Scratch::new();
    for round in 0..50 {
        let path = scratch.file("f", &pattern(100_000));
        let source = Source::open(&path, Access::Auto).unwrap();
        source.check().unwrap();
        truncate(&path, 4096);
        if round % 2 == 0 {
            changed(source.read_into(50_000, &mut [0; 10]));
        }
    }
}

#[test]
fn many_threads_fault_at_once() {
    let scratch = Scratch::new();
    let path = scratch.file("f", &pattern(1 << 20));
    let sources: Vec<_> = (0..4)
        .map(|_| Source::open(&path, Access::Auto).unwrap())
        .collect();
    truncate(&path, 20_000);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let sources = &sources;
            scope.spawn(move || {
                let source = &sources[thread % 4];
                changed(source.read_into(100_000 * (thread as u64 + 1), &mut [0; 100]));
            });
        }
    });
}

#[allow(clippy::mut_from_ref)]
fn view(map: &CowMap) -> &mut [u8] {
    // SAFETY: the map lives as long as the slice, and each test makes one slice of it.
    unsafe { std::slice::from_raw_parts_mut(map.as_mut_ptr(), map.len()) }
}

#[test]
fn copy_on_write_is_private() {
    let scratch = Scratch::new();
    let bytes = pattern(300_000);
    let path = scratch.file("f", &bytes);
    let source = Source::open(&path, Access::Auto).unwrap();
    for range in [
        0..300_000,
        1..2,
        4095..4097,
        4096..8192,
        100_001..299_999,
        299_999..300_000_u64,
    ] {
        let map = source.copy_on_write(range.clone()).unwrap().unwrap();
        let slice = view(&map);
        let truth = &bytes[range.start as usize..range.end as usize];
        assert_eq!(slice, truth);
        slice.fill(0);
        map.populate().unwrap();
        map.check().unwrap();
        assert_eq!(source.bytes(range.clone()).unwrap(), truth);
    }
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
    let kept = source.copy_on_write(100_000..200_000).unwrap().unwrap();
    drop(source);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(view(&kept), &bytes[100_000..200_000]);
    let file = File::open(&scratch.file("g", b"0123456789")).unwrap();
    #[allow(clippy::reversed_empty_ranges)]
    for range in [0..11, 5..5, 6..5, u64::MAX - 1..u64::MAX] {
        assert!(matches!(
            CowMap::of(&file, range),
            Err(SourceError::OutOfRange { .. })
        ));
    }
}

#[test]
fn truncation_under_a_copy_on_write_map() {
    let scratch = Scratch::new();
    let bytes = pattern(300_000);
    let path = scratch.file("f", &bytes);
    let source = Source::open(&path, Access::Auto).unwrap();
    let map = source.copy_on_write(10_000..300_000).unwrap().unwrap();
    let slice = view(&map);
    truncate(&path, 102_400);
    assert_eq!(slice[..90_000], bytes[10_000..100_000]);
    changed(map.populate());
    map.check().unwrap();
    slice[200_000] = 7; // would have been SIGBUS
    changed(map.check());
    assert_eq!((slice[199_999], slice[200_000], slice[280_000]), (0, 7, 0));
    assert_eq!(slice[..90_000], bytes[10_000..100_000]);
}

#[test]
#[ignore = "run by exhausted_maps_are_read"]
fn child_exhausts_maps() {
    let scratch = Scratch::new();
    let path = scratch.file("f", &pattern(100_000));
    let first = Source::open(&path, Access::Auto).unwrap();
    let file = std::fs::File::open(&path).unwrap();
    let mut last = None;
    while let Ok(map) = shared_page(&file) {
        last = Some(map);
    }
    for access in [Access::Auto, Access::Mmap] {
        let source = Source::open(&path, access).unwrap();
        assert_eq!(source.kind(), Kind::Deferred);
        assert_eq!(
            source.bytes(50_000..50_004).unwrap(),
            &pattern(100_000)[50_000..50_004]
        );
    }
    assert!(first.copy_on_write(0..10).unwrap().is_none());
    // With room for one map, not for the two that splitting `first` makes, its fault is caught all the same.
    // SAFETY: made above, and nobody looks at it.
    unsafe { rustix::mm::munmap(last.unwrap(), 4096) }.unwrap();
    truncate(&path, 40_960);
    changed(first.read_into(50_000, &mut [0; 10]));
    println!("survived");
}

#[test]
fn exhausted_maps_are_read() {
    let output = in_child("child_exhausts_maps");
    assert!(
        String::from_utf8_lossy(&output.stdout).contains("survived"),
        "{output:?}"
    );
}

/// A mapping that is not ours.
fn shared_page(file: &std::fs::File) -> rustix::io::Result<*mut c_void> {
    use rustix::mm::{MapFlags, ProtFlags, mmap};
    // SAFETY: a new mapping at an address of the kernel's choice; it is left to the process's end.
    unsafe {
        mmap(
            std::ptr::null_mut(),
            4096,
            ProtFlags::READ,
            MapFlags::SHARED,
            file,
            0,
        )
    }
}

/// An address that is not ours, of a file that was cut to nothing.
fn foreign_map(scratch: &Scratch) -> *const u8 {
    let path = scratch.file("foreign", &[1; 4096]);
    let map = shared_page(&std::fs::File::open(&path).unwrap()).unwrap();
    truncate(&path, 0);
    map.cast()
}

fn fault(address: *const u8) {
    // SAFETY: not safe: it raises SIGBUS, which is what is tested.
    unsafe { address.read_volatile() };
}

fn install(handler: usize, flags: c_int) {
    // SAFETY: zero is a valid action, and the functions below are of the kind that the flags say.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler;
        action.sa_flags = flags;
        assert_eq!(
            libc::sigaction(libc::SIGBUS, &raw const action, std::ptr::null_mut()),
            0
        );
    }
}

fn map_one(scratch: &Scratch) -> (Source, std::path::PathBuf) {
    let path = scratch.file("ours", &pattern(100_000));
    (Source::open(&path, Access::Auto).unwrap(), path)
}

fn say(text: &'static str) {
    // SAFETY: write may be called from a handler.
    unsafe { libc::write(1, text.as_ptr().cast::<c_void>(), text.len()) };
}

fn blocked() -> bool {
    // SAFETY: zero is a valid set, and pthread_sigmask fills it.
    unsafe {
        let mut mask: libc::sigset_t = std::mem::zeroed();
        libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), &raw mut mask);
        libc::sigismember(&raw const mask, libc::SIGBUS) == 1
    }
}

extern "C" fn with_info(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    assert_eq!(signal, libc::SIGBUS);
    // SAFETY: the kernel's own.
    let (code, address) = unsafe { ((*info).si_code, (*info).si_addr()) };
    assert!(code > 0 && !address.is_null() && !context.is_null() && blocked());
    say("with info\n");
    std::process::exit(42);
}

extern "C" fn plain(signal: c_int) {
    assert_eq!(signal, libc::SIGBUS);
    say(if blocked() {
        "plain blocked\n"
    } else {
        "plain\n"
    });
    install(libc::SIG_DFL, 0);
}

/// As faulthandler's: says its word, puts back what was before, raises anew.
static BEFORE: std::sync::Mutex<Option<libc::sigaction>> = std::sync::Mutex::new(None);

extern "C" fn like_faulthandler(_: c_int) {
    say("traceback\n");
    let before = BEFORE.lock().unwrap().take().expect("called once");
    // SAFETY: an action that sigaction itself gave; raise may be called from a handler.
    unsafe {
        libc::sigaction(libc::SIGBUS, &raw const before, std::ptr::null_mut());
        libc::raise(libc::SIGBUS);
    }
}

/// Gives this thread a stack for handlers as large as faulthandler's: the frames of two signals, with all registers of AVX-512, fill the
/// 8 KiB that the standard library gives.
fn large_signal_stack() {
    let memory = Box::leak(vec![0_u8; 64 << 10].into_boxed_slice());
    let stack = libc::stack_t {
        ss_sp: memory.as_mut_ptr().cast::<c_void>(),
        ss_flags: 0,
        ss_size: memory.len(),
    };
    // SAFETY: the memory is leaked, and nobody else uses it.
    let failed = unsafe { libc::sigaltstack(&raw const stack, std::ptr::null_mut()) };
    assert_eq!(failed, 0);
}

fn enable_like_faulthandler() {
    large_signal_stack();
    // SAFETY: zero is a valid action; the function takes the signal alone, as the flags say.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        let mut before: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = like_faulthandler as *const () as usize;
        action.sa_flags = libc::SA_NODEFER | libc::SA_ONSTACK;
        libc::sigaction(libc::SIGBUS, &raw const action, &raw mut before);
        *BEFORE.lock().unwrap() = Some(before);
    }
}

/// Our own fault is caught, then a foreign one is raised.
fn ours_then_foreign(scratch: &Scratch, source: &Source, path: &Path) {
    truncate(path, 4096);
    changed(source.read_into(50_000, &mut [0; 10]));
    say("caught\n");
    fault(foreign_map(scratch));
}

macro_rules! child {
    ($name:ident, $body:expr) => {
        #[test]
        #[ignore = "run in a process of its own"]
        fn $name() {
            let scratch = Scratch::new();
            let body: fn(&Scratch) = $body;
            body(&scratch);
        }
    };
}

child!(child_default, |scratch| {
    install(libc::SIG_DFL, 0);
    let (source, path) = map_one(scratch);
    ours_then_foreign(scratch, &source, &path);
});
child!(child_default_sent, |scratch| {
    install(libc::SIG_DFL, 0);
    let (_source, _) = map_one(scratch);
    // SAFETY: raising is what is tested.
    unsafe { libc::raise(libc::SIGBUS) };
});
child!(child_ignored, |scratch| {
    install(libc::SIG_IGN, 0);
    let (source, path) = map_one(scratch);
    // SAFETY: raising is what is tested.
    unsafe { libc::raise(libc::SIGBUS) };
    say("ignored\n");
    ours_then_foreign(scratch, &source, &path);
});
child!(child_with_info, |scratch| {
    install(with_info as *const () as usize, libc::SA_SIGINFO);
    let (source, path) = map_one(scratch);
    ours_then_foreign(scratch, &source, &path);
});
child!(child_plain, |scratch| {
    install(plain as *const () as usize, libc::SA_NODEFER);
    let (source, path) = map_one(scratch);
    ours_then_foreign(scratch, &source, &path);
});
child!(child_plain_blocked, |scratch| {
    install(plain as *const () as usize, 0);
    let (source, path) = map_one(scratch);
    ours_then_foreign(scratch, &source, &path);
});
child!(child_faulthandler_before, |scratch| {
    install(libc::SIG_DFL, 0);
    enable_like_faulthandler();
    let (source, path) = map_one(scratch);
    ours_then_foreign(scratch, &source, &path);
});
child!(child_faulthandler_after, |scratch| {
    install(libc::SIG_DFL, 0);
    let (_first, _) = map_one(scratch);
    enable_like_faulthandler();
    let (source, path) = map_one(scratch);
    ours_then_foreign(scratch, &source, &path);
});
child!(child_installed_over_and_over, |scratch| {
    for _ in 0..100 {
        let (_source, _) = map_one(scratch);
        install(with_info as *const () as usize, libc::SA_SIGINFO);
    }
    let (source, path) = map_one(scratch);
    ours_then_foreign(scratch, &source, &path);
});
child!(child_forks, |scratch| {
    let (source, path) = map_one(scratch);
    truncate(&path, 4096);
    // SAFETY: the child reads and exits; no other thread of this process holds what it needs.
    let child = unsafe { libc::fork() };
    let mut status = 0;
    if child != 0 {
        // Both write the same file: one after the other.
        // SAFETY: waits for the child made above.
        unsafe { libc::waitpid(child, &raw mut status, 0) };
        truncate(&path, 4096);
    }
    let caught = source.read_into(50_000, &mut [0; 10]).is_err();
    let (second, path) = map_one(scratch);
    truncate(&path, 4096);
    let caught_anew = second.read_into(50_000, &mut [0; 10]).is_err();
    if child == 0 {
        std::process::exit(if caught && caught_anew { 42 } else { 1 });
    }
    assert!(caught && caught_anew);
    std::process::exit(libc::WEXITSTATUS(status));
});

#[test]
fn what_is_not_ours_goes_to_whom_it_belongs() {
    let died = (None, Some(libc::SIGBUS));
    let exited = (Some(42), None);
    for (test, said, end) in [
        ("child_default", "caught\n", died),
        ("child_default_sent", "", died),
        ("child_ignored", "ignored\ncaught\n", died),
        ("child_with_info", "caught\nwith info\n", exited),
        ("child_plain", "caught\nplain\n", died),
        ("child_plain_blocked", "caught\nplain blocked\n", died),
        ("child_faulthandler_before", "caught\ntraceback\n", died),
        ("child_faulthandler_after", "caught\ntraceback\n", died),
        (
            "child_installed_over_and_over",
            "caught\nwith info\n",
            exited,
        ),
        ("child_forks", "", exited),
    ] {
        let output = in_child(test);
        assert_eq!(
            (output.status.code(), output.status.signal()),
            end,
            "{test}: {output:?}"
        );
        let stdout = String::from_utf8_lossy(&output.stdout);
        let spoken = stdout.split_once("... ").map_or("", |(_, spoken)| spoken);
        assert_eq!(spoken, said, "{test}");
    }
}
