//! What opening costs next to the bare system calls: `open_cost SMALL_FILES_DIRECTORY LARGE_FILE [ROUNDS]`.
//!
//! Each line is the median over rounds of microseconds per file; the rows of a round run one after the other, so that
//! a noisy moment meets all of them.
#![allow(clippy::unwrap_used)]

use rapidicom_source::{Access, PrefixReader, Source};
use std::ffi::CString;
use std::hint::black_box;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

fn walk(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, files)
        } else {
            files.push(path)
        }
    }
}

/// open, pread of up to `want` bytes into a reused buffer, close: nothing else.
fn bare(paths: &[CString], want: usize, buffer: &mut [u8]) {
    for path in paths {
        // SAFETY: plain system calls on a valid path and a buffer of at least `want` bytes.
        unsafe {
            let fd = libc::open(path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC);
            black_box(libc::pread(
                fd,
                buffer.as_mut_ptr().cast(),
                want.min(buffer.len()),
                0,
            ));
            libc::close(fd);
        }
    }
}

/// open, fstat, mmap of all, one byte touched, munmap, close.
fn bare_map(paths: &[CString]) {
    for path in paths {
        // SAFETY: plain system calls; the map is as long as fstat says.
        unsafe {
            let fd = libc::open(path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC);
            let mut stat: libc::stat = std::mem::zeroed();
            libc::fstat(fd, &raw mut stat);
            let len = stat.st_size as usize;
            let map = libc::mmap(
                std::ptr::null_mut(),
                len,
                libc::PROT_READ,
                libc::MAP_PRIVATE,
                fd,
                0,
            );
            black_box(map.cast::<u8>().read_volatile());
            libc::munmap(map, len);
            libc::close(fd);
        }
    }
}

type Row<'a> = (&'static str, Box<dyn FnMut() + 'a>);

fn measure(rounds: usize, files: usize, mut rows: Vec<Row>) {
    let mut times = vec![Vec::new(); rows.len()];
    for _ in 0..rounds {
        for (row, times) in rows.iter_mut().zip(&mut times) {
            let start = Instant::now();
            row.1();
            times.push(start.elapsed().as_secs_f64() * 1e6 / files as f64);
        }
    }
    let medians: Vec<f64> = times
        .iter_mut()
        .map(|times| {
            times.sort_by(f64::total_cmp);
            times[times.len() / 2]
        })
        .collect();
    for (row, median) in rows.iter().zip(&medians) {
        println!(
            "  {:44} {median:8.2} µs  x {:.2}",
            row.0,
            median / medians[0]
        );
    }
}

fn open_and_look(paths: &[PathBuf], access: Access) {
    for path in paths {
        let source = Source::open(path, access).unwrap();
        black_box(source.window(0, 132).unwrap().bytes.len());
        source.check().unwrap();
    }
}

fn c_paths(paths: &[PathBuf]) -> Vec<CString> {
    paths
        .iter()
        .map(|path| CString::new(path.as_os_str().as_bytes()).unwrap())
        .collect()
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let rounds = arguments.get(3).map_or(15, |text| text.parse().unwrap());
    let mut small = Vec::new();
    walk(Path::new(&arguments[1]), &mut small);
    small.truncate(4000);
    let small_c = c_paths(&small);
    let (mut whole, mut prefix) = (vec![0; 12_800], vec![0; 8192]);
    let directories: Vec<_> = small
        .iter()
        .map(|path| {
            let name = CString::new(path.file_name().unwrap().as_bytes()).unwrap();
            (std::fs::File::open(path.parent().unwrap()).unwrap(), name)
        })
        .collect();
    let (mut reader, mut knowing) = (PrefixReader::new(), PrefixReader::new().need_identity(true));
    println!("{} small files", small.len());
    measure(
        rounds,
        small.len(),
        vec![
            (
                "C open + pread whole + close",
                Box::new(|| bare(&small_c, 12_800, &mut whole)),
            ),
            (
                "C open + pread 8 KiB + close",
                Box::new(|| bare(&small_c, 8192, &mut prefix)),
            ),
            (
                "C open + fstat + mmap + touch + munmap",
                Box::new(|| bare_map(&small_c)),
            ),
            (
                "Source, auto",
                Box::new(|| open_and_look(&small, Access::Auto)),
            ),
            (
                "Source, read",
                Box::new(|| open_and_look(&small, Access::Read)),
            ),
            (
                "Source, mmap",
                Box::new(|| open_and_look(&small, Access::Mmap)),
            ),
            (
                "PrefixReader 8 KiB, openat",
                Box::new(|| {
                    for (directory, name) in &directories {
                        black_box(reader.read(directory, name, 8192).unwrap());
                    }
                }),
            ),
            (
                "PrefixReader 8 KiB, openat, identity",
                Box::new(|| {
                    for (directory, name) in &directories {
                        black_box(knowing.read(directory, name, 8192).unwrap());
                    }
                }),
            ),
        ],
    );
    let large = vec![PathBuf::from(&arguments[2]); 500];
    let large_c = c_paths(&large);
    let mut buffer = vec![0; 8192];
    println!("one large file");
    measure(
        rounds,
        large.len(),
        vec![
            (
                "C open + pread 8 KiB + close",
                Box::new(|| bare(&large_c, 8192, &mut buffer)),
            ),
            (
                "C open + fstat + mmap + touch + munmap",
                Box::new(|| bare_map(&large_c)),
            ),
            (
                "Source, auto, first window",
                Box::new(|| open_and_look(&large, Access::Auto)),
            ),
            (
                "Source, read, first window",
                Box::new(|| open_and_look(&large, Access::Read)),
            ),
            (
                "Source, auto + copy_on_write of 512 KiB",
                Box::new(|| {
                    for path in &large {
                        let source = Source::open(path, Access::Auto).unwrap();
                        black_box(source.copy_on_write(5000..529_288).unwrap().unwrap().len());
                    }
                }),
            ),
        ],
    );
}
