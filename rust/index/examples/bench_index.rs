//! Times the index of a folder: `bench_index FOLDER MODE THREADS ROUNDS`, one line with the median microseconds a file.
//! MODE: `26` (the columns of the comparison with other readers), `default`, `parquet` (the default row, to a file beside
//! the folder), `scan` (the default row, batches dropped). THREADS: a number, or 0 for as many as prove useful.

use rapidicom_index::{Columns, DEFAULT, Options, Sources, index, scan, write_parquet};
use std::path::{Path, PathBuf};
use std::time::Instant;

fn once(
    folder: &Path,
    mode: &str,
    threads: usize,
) -> Result<(u64, u64), Box<dyn std::error::Error>> {
    let columns = match mode {
        "26" => Columns::new(DEFAULT.get(..26).unwrap_or_default(), false)?,
        "frames" => Columns::default_row(true)?,
        _ => Columns::default_row(false)?,
    };
    let options = Options {
        threads: (threads > 0).then_some(threads),
        ..Options::new(columns)
    };
    let sources = Sources::Path(folder.to_path_buf());
    let counts = match mode {
        "parquet" => {
            let out = PathBuf::from(format!("{}.bench.parquet", folder.display()));
            write_parquet(sources, options, &out, &mut |_| true)?.counts
        }
        "scan" => {
            let mut stream = scan(sources, options)?;
            let progress = stream.progress();
            stream.try_for_each(|batch| batch.map(|_| ()))?;
            progress.counts()
        }
        _ => index(sources, options, &mut |_| true)?.counts,
    };
    Ok((counts.files, counts.failed))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [folder, mode, threads, rounds] = words.as_slice() else {
        return Err(
            "usage: bench_index FOLDER 26|default|frames|scan|parquet THREADS ROUNDS".into(),
        );
    };
    let (threads, rounds) = (threads.parse()?, rounds.parse::<usize>()?);
    let mut times = Vec::new();
    let mut seen = (0, 0);
    for _ in 0..rounds {
        let begun = Instant::now();
        seen = once(Path::new(folder), mode, threads)?;
        times.push(begun.elapsed().as_secs_f64() * 1e6 / seen.0.max(1) as f64);
    }
    times.sort_by(f64::total_cmp);
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    let best = times.first().copied().unwrap_or_default();
    println!(
        "{mode:8} threads {threads} files {} failed {} us_per_file median {median:.2} best {best:.2}",
        seen.0, seen.1
    );
    Ok(())
}
