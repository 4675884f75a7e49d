//! What opening costs next to the bare system calls: `open_cost SMALL_FILES_DIRECTORY LARGE_FILE [ROUNDS]`.
//!
//! Each call is timed by itself and each line is the median over all files and rounds, so that a machine that is busy
//! with other things moves it little. The rows take turns, round by round.
#![allow(clippy::unwrap_used)]

use rapidicom_source::{Access, PrefixReader, Source};
use std::ffi::CString;
use std::hint::black_box;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// A file as each row needs it.
struct Sample {
    path: PathBuf,
    c_path: CString,
    directory: std::fs::File,
    name: CString,
}

impl Sample {
    fn of(path: &Path) -> Sample {
        let c_string = |path: &Path| CString::new(path.as_os_str().as_bytes()).unwrap();
        let name = c_string(Path::new(path.file_name().unwrap()));
        let directory = std::fs::File::open(path.parent().unwrap()).unwrap();
        Sample {
            path: path.to_path_buf(),
            c_path: c_string(path),
            directory,
            name,
        }
    }
}

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

/// open, pread into a reused buffer, close: nothing else.
fn bare(sample: &Sample, buffer: &mut [u8]) {
    // SAFETY: plain system calls on a valid path and a buffer of the length that is said.
    unsafe {
        let fd = libc::open(sample.c_path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC);
        black_box(libc::pread(fd, buffer.as_mut_ptr().cast(), buffer.len(), 0));
        libc::close(fd);
    }
}

/// open, fstat, mmap of all, one byte touched, munmap, close.
fn bare_map(sample: &Sample) {
    // SAFETY: plain system calls; the map is as long as fstat says.
    unsafe {
        let fd = libc::open(sample.c_path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC);
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

fn look(sample: &Sample, access: Access) {
    let source = Source::open(&sample.path, access).unwrap();
    black_box(source.window(0, 132).unwrap().bytes.len());
    source.check().unwrap();
}

/// All bytes summed, a cache line apart, as a reader of pixels would touch them.
fn touch_all(sample: &Sample, access: Access) {
    let source = Source::open(&sample.path, access).unwrap();
    let bytes = source.bytes(0..source.len()).unwrap();
    black_box(
        bytes
            .iter()
            .step_by(64)
            .map(|byte| u64::from(*byte))
            .sum::<u64>(),
    );
    source.check().unwrap();
}

fn view(sample: &Sample) {
    let source = Source::open(&sample.path, Access::Auto).unwrap();
    black_box(
        source
            .copy_on_write(source.len() / 2..source.len())
            .unwrap()
            .is_some(),
    );
}

type Row = (&'static str, Box<dyn FnMut(&Sample)>);

fn measure(rounds: usize, samples: &[Sample], mut rows: Vec<Row>) {
    let mut times = vec![Vec::new(); rows.len()];
    for _ in 0..rounds {
        for (row, times) in rows.iter_mut().zip(&mut times) {
            for sample in samples {
                let start = Instant::now();
                row.1(sample);
                times.push(start.elapsed().as_nanos() as f64 / 1e3);
            }
        }
    }
    let median = |times: &mut Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    };
    let medians: Vec<f64> = times.iter_mut().map(median).collect();
    for (row, median) in rows.iter().zip(&medians) {
        println!(
            "  {:44} {median:8.2} µs  x {:.2}",
            row.0,
            median / medians[0]
        );
    }
}

fn rows(whole: usize) -> Vec<Row> {
    let (mut whole, mut prefix) = (vec![0; whole], vec![0; 8192]);
    let (mut reader, mut knowing) = (PrefixReader::new(), PrefixReader::new().need_identity(true));
    vec![
        (
            "C open + pread whole + close",
            Box::new(move |sample| bare(sample, &mut whole)),
        ),
        (
            "C open + pread 8 KiB + close",
            Box::new(move |sample| bare(sample, &mut prefix)),
        ),
        ("C open + fstat + mmap + touch + munmap", Box::new(bare_map)),
        (
            "Source, auto, first window",
            Box::new(|sample| look(sample, Access::Auto)),
        ),
        (
            "Source, read, first window",
            Box::new(|sample| look(sample, Access::Read)),
        ),
        (
            "Source, mmap, first window",
            Box::new(|sample| look(sample, Access::Mmap)),
        ),
        (
            "Source, auto, all bytes touched",
            Box::new(|sample| touch_all(sample, Access::Auto)),
        ),
        (
            "Source, read, all bytes touched",
            Box::new(|sample| touch_all(sample, Access::Read)),
        ),
        (
            "Source, mmap, all bytes touched",
            Box::new(|sample| touch_all(sample, Access::Mmap)),
        ),
        ("Source, auto, copy-on-write view", Box::new(view)),
        (
            "PrefixReader 8 KiB",
            Box::new(move |sample| {
                black_box(reader.read(&sample.directory, &sample.name, 8192).unwrap());
            }),
        ),
        (
            "PrefixReader 8 KiB with identity",
            Box::new(move |sample| {
                black_box(knowing.read(&sample.directory, &sample.name, 8192).unwrap());
            }),
        ),
    ]
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let rounds = arguments.get(3).map_or(9, |text| text.parse().unwrap());
    let mut paths = Vec::new();
    walk(Path::new(&arguments[1]), &mut paths);
    paths.truncate(2000);
    let small: Vec<Sample> = paths.iter().map(|path| Sample::of(path)).collect();
    let bytes = paths
        .iter()
        .map(|path| path.metadata().unwrap().len())
        .max()
        .unwrap_or(0);
    println!("{} files of up to {bytes} bytes", small.len());
    measure(rounds, &small, rows(bytes as usize));
    let large: Vec<Sample> = (0..10)
        .map(|_| Sample::of(Path::new(&arguments[2])))
        .collect();
    println!(
        "one file, {} bytes",
        Path::new(&arguments[2]).metadata().unwrap().len()
    );
    measure(rounds, &large, rows(8192).split_off(1));
}
