//! What a source gives, however it holds its bytes.
#![allow(clippy::unwrap_used, clippy::panic)]

mod scratch;

use rapidicom_source::{
    Access, File, ForeignBytes, Kind, PREFIX_BYTES, SMALL_BYTES, Source, SourceError, portable,
};
use scratch::{Scratch, pattern};
use std::path::Path;

const MAPS: bool = cfg!(all(target_os = "linux", not(feature = "portable")));

struct Lent(Vec<u8>);

impl ForeignBytes for Lent {
    fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Every way to hold these bytes.
fn sources(scratch: &Scratch, bytes: &[u8]) -> Vec<Source> {
    let path = scratch.file("bytes", bytes);
    let mut all = vec![
        Source::open(&path, Access::Auto).unwrap(),
        Source::open(&path, Access::Read).unwrap(),
        Source::hold(&path, Access::Auto).unwrap(),
        Source::hold(&path, Access::Read).unwrap(),
        Source::owned(bytes.to_vec()),
        Source::foreign(Box::new(Lent(bytes.to_vec()))),
    ];
    if MAPS {
        all.push(Source::open(&path, Access::Mmap).unwrap());
    }
    all
}

fn os(errno: i32) -> SourceError {
    SourceError::Os { errno }
}

/// A small generator: the same numbers at each run.
fn numbers(mut state: u64) -> impl FnMut(u64) -> u64 {
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below.max(1)
    }
}

#[test]
fn a_source_is_shared_between_threads() {
    fn assert_shared<T: Send + Sync>() {}
    assert_shared::<Source>();
    assert_shared::<rapidicom_source::CowMap>();
}

#[test]
fn kinds_by_size_and_access() {
    let scratch = Scratch::new();
    let kind = |len: usize, access| {
        Source::open(&scratch.file("f", &pattern(len)), access)
            .unwrap()
            .kind()
    };
    let small = SMALL_BYTES as usize;
    let large = if MAPS { Kind::Mapped } else { Kind::Deferred };
    assert_eq!(kind(small, Access::Auto), Kind::Owned);
    assert_eq!(kind(small + 1, Access::Auto), large);
    assert_eq!(kind(small, Access::Read), Kind::Owned);
    assert_eq!(kind(small + 1, Access::Read), Kind::Deferred);
    if MAPS {
        assert_eq!(kind(1, Access::Mmap), Kind::Mapped);
    }
    assert_eq!(kind(0, Access::Mmap), Kind::Owned);
}

#[test]
fn bytes_and_windows_are_the_files() {
    let scratch = Scratch::new();
    let sizes = [
        0,
        1,
        5000,
        PREFIX_BYTES,
        SMALL_BYTES as usize,
        SMALL_BYTES as usize + 1,
        200_003,
    ];
    for size in sizes {
        let truth = pattern(size);
        let len = size as u64;
        for source in sources(&scratch, &truth) {
            assert_eq!(source.len(), len);
            assert_eq!(source.bytes(0..len).unwrap(), truth);
            let mut pick = numbers(size as u64 + 1);
            for _ in 0..200 {
                let start = pick(len + 1);
                let end = start + pick(len - start + 1);
                let wanted = &truth[start as usize..end as usize];
                assert_eq!(source.bytes(start..end).unwrap(), wanted);
                let mut out = vec![0; wanted.len()];
                source.read_into(start, &mut out).unwrap();
                assert_eq!(out, wanted);
                let at_least = pick(len + 100);
                let few = at_least % 64;
                for (window, at_least) in [
                    (source.window(start, at_least).unwrap(), at_least),
                    (source.glance(start, at_least).unwrap(), at_least),
                    (source.glance(start, few).unwrap(), few),
                ] {
                    assert_eq!(window.base, start);
                    assert!(window.bytes.len() as u64 >= at_least.min(len - start));
                    assert!(!window.bytes.is_empty() || start == len);
                    assert!(truth[start as usize..].starts_with(&window.bytes));
                }
            }
            source.check().unwrap();
            source.verify().unwrap();
        }
    }
}

#[test]
fn the_first_window_of_a_large_file_is_its_prefix() {
    let scratch = Scratch::new();
    let path = scratch.file("large", &pattern(100_000));
    for access in [Access::Auto, Access::Read] {
        let source = Source::open(&path, access).unwrap();
        assert_eq!(source.window(0, 0).unwrap().bytes.len(), PREFIX_BYTES);
        assert_eq!(
            source
                .window(8, PREFIX_BYTES as u64 - 8)
                .unwrap()
                .bytes
                .len(),
            PREFIX_BYTES - 8
        );
        assert!(
            source
                .window(8, PREFIX_BYTES as u64 - 7)
                .unwrap()
                .bytes
                .len()
                > PREFIX_BYTES
        );
        assert!(
            !source
                .window(PREFIX_BYTES as u64, 0)
                .unwrap()
                .bytes
                .is_empty()
        );
    }
}

#[test]
fn a_glance_is_read_while_the_descriptor_is_held() {
    let scratch = Scratch::new();
    let truth = pattern(1_000_000);
    let path = scratch.file("large", &truth);
    let mut source = Source::hold(&path, Access::Auto).unwrap();
    let glance = |source: &Source, offset: usize| {
        let window = source.glance(offset as u64, 8).unwrap();
        assert!(truth[offset..].starts_with(&window.bytes));
        window.bytes.len()
    };
    if MAPS {
        assert_eq!(glance(&source, 500_000), 2048);
        assert_eq!(glance(&source, 999_990), 10);
    }
    assert_eq!(glance(&source, 100), PREFIX_BYTES - 100);
    source.let_go().unwrap();
    if MAPS {
        assert_eq!(glance(&source, 500_000), 500_000);
    }
}

#[test]
fn what_was_read_while_the_file_changed_is_not_let_go_of_silently() {
    let scratch = Scratch::new();
    let path = scratch.file("f", &pattern(100_000));
    let mut source = Source::hold(&path, Access::Read).unwrap();
    assert!(source.bytes(50_000..50_010).is_ok());
    std::thread::sleep(std::time::Duration::from_millis(20)); // the file system's clock ticks
    std::fs::write(&path, vec![0; 100_000]).unwrap();
    assert_eq!(
        source.let_go(),
        Err(SourceError::Changed("its time of modification"))
    );
}

#[test]
fn out_of_range_is_an_error() {
    let scratch = Scratch::new();
    for source in sources(&scratch, &pattern(100_000)) {
        #[allow(clippy::reversed_empty_ranges)]
        for range in [
            0..100_001,
            100_001..100_001,
            5..4,
            u64::MAX..u64::MAX,
            1..u64::MAX,
        ] {
            let refused = |result: Result<(), SourceError>| {
                assert!(
                    matches!(result, Err(SourceError::OutOfRange { len: 100_000, .. })),
                    "{range:?}"
                );
            };
            refused(source.bytes(range.clone()).map(drop));
            refused(source.copy_on_write(range.clone()).map(drop));
        }
        assert!(source.window(100_001, 0).is_err());
        assert!(source.window(100_000, u64::MAX).unwrap().bytes.is_empty());
        assert!(source.read_into(99_999, &mut [0; 2]).is_err());
        assert!(source.read_into(u64::MAX, &mut [0; 2]).is_err());
    }
}

#[test]
fn another_file_at_the_path_is_a_change() {
    let scratch = Scratch::new();
    let bytes = pattern(100_000);
    let path = scratch.file("f", &bytes);
    let deferred = Source::open(&path, Access::Read).unwrap();
    let mapped = Source::open(&path, Access::Auto).unwrap();
    assert_eq!(mapped.verify(), Ok(()));
    std::thread::sleep(std::time::Duration::from_millis(20)); // the portable twin has but the time to go by
    std::fs::rename(scratch.file("new", &bytes), &path).unwrap();
    let changed = |result: Result<(), SourceError>| {
        assert!(matches!(result, Err(SourceError::Changed(_))), "{result:?}");
    };
    changed(deferred.bytes(50_000..50_010).map(drop));
    changed(deferred.read_into(50_000, &mut [0; 10]));
    changed(deferred.window(50_000, 10).map(drop));
    changed(deferred.verify());
    changed(mapped.verify());
    if MAPS {
        changed(mapped.copy_on_write(0..100).map(drop));
        // The map is of the file that was opened, which lives on.
        assert_eq!(mapped.bytes(0..100_000).unwrap(), bytes);
        mapped.check().unwrap();
    }
    std::fs::remove_file(&path).unwrap();
    assert!(mapped.copy_on_write(0..100).unwrap().is_none());
    assert_eq!(deferred.verify(), Err(os(libc::ENOENT)));
    assert_eq!(
        deferred.bytes(50_000..50_010).map(drop),
        Err(os(libc::ENOENT))
    );
}

#[test]
fn a_file_written_in_place_is_a_change() {
    let scratch = Scratch::new();
    let path = scratch.file("f", &pattern(100_000));
    let source = Source::open(&path, Access::Read).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(20)); // the file system's clock ticks
    std::fs::write(&path, vec![0; 100_000]).unwrap();
    assert_eq!(
        source.bytes(50_000..50_010).map(drop),
        Err(SourceError::Changed("its time of modification"))
    );
    std::fs::write(&path, vec![0; 99_999]).unwrap();
    assert_eq!(source.verify(), Err(SourceError::Changed("its size")));
}

#[test]
fn a_relative_path_is_made_absolute() {
    let scratch = Scratch::new();
    let path = scratch.file("f", &pattern(100_000));
    let up = "../".repeat(std::env::current_dir().unwrap().components().count());
    let relative = Path::new(&up).join(path.strip_prefix("/").unwrap());
    let source = Source::open(&relative, Access::Read).unwrap();
    assert!(source.path().unwrap().is_absolute());
    assert_eq!(source.bytes(90_000..90_001).unwrap().len(), 1);
}

#[test]
fn only_a_map_has_copy_on_write_views() {
    let scratch = Scratch::new();
    for source in sources(&scratch, &pattern(5000)) {
        let view = source.copy_on_write(10..20).unwrap();
        assert_eq!(view.is_some(), source.kind() == Kind::Mapped);
        assert!(source.copy_on_write(10..10).unwrap().is_none());
    }
}

/// What is no regular file, and the error that opening it must give. `ELOOP` and the like come from the system.
fn refusals(scratch: &Scratch) -> Vec<(std::path::PathBuf, i32)> {
    let at = |name: &str| scratch.path().join(name);
    rustix::fs::mknodat(
        rustix::fs::CWD,
        at("fifo"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    std::os::unix::fs::symlink("loop", at("loop")).unwrap();
    vec![
        (at("fifo"), libc::ENOTSUP),
        (at("loop"), libc::ELOOP),
        (at("absent"), libc::ENOENT),
        (at(&"n".repeat(300)), libc::ENAMETOOLONG),
        (scratch.path().to_path_buf(), libc::EISDIR),
        ("/dev/zero".into(), libc::ENOTSUP),
        ("/dev/tty".into(), libc::ENOTSUP),
    ]
}

#[test]
fn special_files_are_refused_at_once() {
    let scratch = Scratch::new();
    for (path, errno) in refusals(&scratch) {
        for access in [Access::Auto, Access::Mmap, Access::Read] {
            let refused = Source::open(&path, access).map(drop);
            let tty = path.ends_with("tty") && refused == Err(os(libc::ENXIO)); // no terminal here
            assert!(
                tty || refused == Err(os(errno)),
                "{}: {refused:?}",
                path.display()
            );
        }
        assert_eq!(
            portable::File::open(&path).map(drop),
            Err(os(errno)),
            "{}",
            path.display()
        );
    }
}

#[test]
fn a_socket_is_refused_at_once() {
    let scratch = Scratch::new();
    let path = scratch.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let errno = if cfg!(feature = "portable") {
        libc::ENOTSUP
    } else {
        libc::ENXIO
    };
    assert_eq!(File::open(&path).map(drop), Err(os(errno)));
}

#[test]
fn an_unreadable_file_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let scratch = Scratch::new();
    let path = scratch.file("secret", b"x");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o000)).unwrap();
    if rustix::process::geteuid().is_root() {
        return; // root reads everything
    }
    assert_eq!(
        Source::open(&path, Access::Auto).map(drop),
        Err(os(libc::EACCES))
    );
}

#[test]
fn the_portable_twin_reads_the_same() {
    let scratch = Scratch::new();
    let truth = pattern(70_000);
    let path = scratch.file("f", &truth);
    let (file, twin) = (
        File::open(&path).unwrap(),
        portable::File::open(&path).unwrap(),
    );
    assert_eq!(twin.identity().size, file.identity().size);
    assert_eq!(twin.identity().mtime_ns, file.identity().mtime_ns);
    assert_eq!(
        twin.identity_now().unwrap(),
        portable::File::identity_at(&path).unwrap()
    );
    let mut pick = numbers(7);
    for _ in 0..300 {
        let (offset, len) = (pick(80_000), pick(9000) as usize);
        let (mut a, mut b) = (vec![0; len], vec![0; len]);
        let read = file.pread(&mut a, offset).unwrap();
        assert_eq!(
            read as u64,
            (len as u64).min(70_000_u64.saturating_sub(offset))
        );
        assert_eq!(twin.pread(&mut b, offset).unwrap(), read);
        assert_eq!(a, b);
        assert_eq!(file.read_vec(offset, len), twin.read_vec(offset, len));
    }
    assert_eq!(
        file.read_vec(69_999, 2),
        Err(SourceError::Changed("its size"))
    );
}
