//! Prefixes of many files through one buffer.
#![allow(clippy::unwrap_used)]

mod scratch;

use rapidicom_source::{PrefixReader, SourceError};
use scratch::{Scratch, pattern};
use std::ffi::CString;
use std::fs::File;
use std::os::unix::fs::MetadataExt;

fn name(text: &str) -> CString {
    CString::new(text).unwrap()
}

fn os(errno: i32) -> SourceError {
    SourceError::Os { errno }
}

#[test]
fn one_buffer_many_files() {
    let scratch = Scratch::new();
    let (long, short) = (pattern(50_000), pattern(700));
    scratch.file("long", &long);
    scratch.file("short", &short);
    scratch.file("empty", b"");
    let directory = File::open(scratch.path()).unwrap();
    let mut reader = PrefixReader::new();
    for _ in 0..3 {
        assert_eq!(
            reader.read(&directory, &name("long"), 4096).unwrap(),
            (&long[..4096], None)
        );
        assert!(!reader.ended());
        assert_eq!(reader.more(100).unwrap(), &long[..4096]);
        assert_eq!(reader.more(9000).unwrap(), &long[..9000]);
        assert_eq!(reader.more(1 << 20).unwrap(), long);
        assert!(reader.ended());
        assert_eq!(
            reader.read(&directory, &name("short"), 4096).unwrap().0,
            short
        );
        assert_eq!(reader.more(8192).unwrap(), short);
        assert!(reader.ended());
        assert_eq!(
            reader.read(&directory, &name("empty"), 4096).unwrap().0,
            b""
        );
    }
    reader.close();
    assert_eq!(reader.bytes(), b"");
    assert_eq!(reader.more(1).map(drop), Err(os(libc::EBADF)));
}

#[test]
fn the_identity_is_the_files() {
    let scratch = Scratch::new();
    let metadata = scratch.file("f", &pattern(5000)).metadata().unwrap();
    let directory = File::open(scratch.path()).unwrap();
    let mut reader = PrefixReader::new().need_identity(true);
    let identity = reader.read(&directory, &name("f"), 10).unwrap().1.unwrap();
    assert_eq!(
        (identity.dev, identity.ino),
        (metadata.dev(), metadata.ino())
    );
    assert_eq!(identity.size, 5000);
    assert_eq!(
        identity.mtime_ns,
        metadata.mtime() * 1_000_000_000 + metadata.mtime_nsec()
    );
}

#[test]
fn what_is_no_file_is_refused_and_the_next_is_read() {
    let scratch = Scratch::new();
    scratch.file("f", &pattern(100));
    let directory = File::open(scratch.path()).unwrap();
    std::fs::create_dir(scratch.path().join("directory")).unwrap();
    std::os::unix::fs::symlink("loop", scratch.path().join("loop")).unwrap();
    std::os::unix::fs::symlink("f", scratch.path().join("link")).unwrap();
    let fifo = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(&directory, "fifo", fifo, rustix::fs::Mode::RUSR, 0).unwrap();
    let _listener = std::os::unix::net::UnixListener::bind(scratch.path().join("socket")).unwrap();
    let refused = [
        ("directory", libc::EISDIR),
        ("loop", libc::ELOOP),
        ("fifo", libc::ENOTSUP),
        ("socket", libc::ENXIO),
        ("absent", libc::ENOENT),
    ];
    for mut reader in [PrefixReader::new(), PrefixReader::new().need_identity(true)] {
        for (file, errno) in refused {
            assert_eq!(
                reader.read(&directory, &name(file), 4096).map(drop),
                Err(os(errno)),
                "{file}"
            );
            assert_eq!(reader.bytes(), b"");
            assert_eq!(
                reader.read(&directory, &name("link"), 4096).unwrap().0,
                pattern(100)
            );
        }
    }
    let mut confined = PrefixReader::new().follow_links(false);
    assert_eq!(
        confined.read(&directory, &name("link"), 4096).map(drop),
        Err(os(libc::ELOOP))
    );
    assert!(confined.read(&directory, &name("f"), 4096).is_ok());
    let mut careful = PrefixReader::new().need_identity(true);
    assert_eq!(
        careful.read(&directory, &name("/dev/zero"), 64).map(drop),
        Err(os(libc::ENOTSUP))
    );
}
