//! Folders as they are found in the field: where the files come from, in which order, and what stands beside them.

#![allow(clippy::unwrap_used)]

mod built;

use arrow_array::cast::AsArray;
use built::{EXPLICIT, Folder, whole};
use rapidicom_index::{
    Columns, Index, IndexError, Item, Options, Sources, Step, index, scan, write_parquet,
};
use std::path::{Path, PathBuf};
use std::time::Duration;

fn options(threads: usize) -> Options {
    Options {
        threads: Some(threads),
        ..Options::new(Columns::new(&["InstanceNumber"], false).unwrap())
    }
}

fn read(sources: Sources, threads: usize) -> Index {
    index(sources, options(threads), &mut |_| true).unwrap()
}

fn paths(index: &Index, folder: &Path) -> Vec<String> {
    let column = |batch: &arrow_array::RecordBatch| batch.column(0).as_string::<i32>().clone();
    let arrays: Vec<_> = index.batches.iter().map(column).collect();
    let short = |path: &str| {
        path.strip_prefix(&format!("{}/", folder.display()))
            .unwrap_or(path)
            .to_owned()
    };
    arrays
        .iter()
        .flat_map(|array| array.iter().flatten().map(short).collect::<Vec<_>>())
        .collect()
}

fn errors(index: &Index) -> Vec<String> {
    let column = |batch: &arrow_array::RecordBatch| batch.column(2).as_string::<i32>().clone();
    index
        .batches
        .iter()
        .map(column)
        .flat_map(|a| a.iter().flatten().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

#[test]
fn rows_are_in_order_of_their_paths_whatever_the_threads() {
    let folder = Folder::new();
    for n in 0..300 {
        for sub in ["a", "a-b", "a/deep", "b", "a0", "."] {
            folder.write(
                &format!("{sub}/{}.dcm", n * 7919 % 300),
                &whole(EXPLICIT, n),
            );
        }
    }
    let first = read(Sources::Path(folder.path().into()), 1);
    let mut sorted = paths(&first, folder.path());
    assert_eq!(sorted.len(), 1800);
    assert!(sorted.is_sorted());
    sorted.dedup();
    assert_eq!(sorted.len(), 1800);
    let whole_table = |index: &Index| {
        let schema = index.schema.clone();
        let rows = index
            .batches
            .iter()
            .map(|b| (0..b.num_rows()).map(|r| b.slice(r, 1)).collect::<Vec<_>>());
        (schema, rows.flatten().collect::<Vec<_>>())
    };
    for threads in [2, 3, 16] {
        assert_eq!(
            whole_table(&read(Sources::Path(folder.path().into()), threads)),
            whole_table(&first)
        );
    }
}

#[test]
fn ten_thousand_names_in_one_folder() {
    let folder = Folder::new();
    let bytes = whole(EXPLICIT, 1);
    for n in 0..10_000 {
        folder.write(&format!("{n:05}"), &bytes);
    }
    for threads in [1, 4] {
        let index = read(Sources::Path(folder.path().into()), threads);
        assert_eq!(
            (index.len(), index.counts.files, index.counts.failed),
            (10_000, 10_000, 0)
        );
        assert!(paths(&index, folder.path()).is_sorted());
        assert!(index.batches.iter().all(|batch| batch.num_rows() <= 8192));
    }
}

#[test]
fn lists_of_files_and_folders_are_read_as_they_come() {
    let folder = Folder::new();
    let one = folder.write("one.dcm", &whole(EXPLICIT, 1));
    folder.write("inner/two.dcm", &whole(EXPLICIT, 2));
    let absent = folder.path().join("absent.dcm");
    let mut rounds = vec![vec![folder.path().join("inner"), absent], vec![one]];
    let feed = Box::new(move || {
        Ok(rounds
            .pop()
            .unwrap_or_default()
            .into_iter()
            .map(Item::Path)
            .collect())
    });
    let index = read(Sources::Feed(feed), 2);
    assert_eq!(
        paths(&index, folder.path()),
        ["absent.dcm", "inner/two.dcm", "one.dcm"]
    );
    assert_eq!(
        errors(&index),
        ["FileNotFoundError: [Errno 2] No such file or directory"]
    );
}

#[test]
fn a_feed_that_fails_ends_the_scan() {
    for threads in [1, 2] {
        let feed = Box::new(|| Err("the list has a hole".into()));
        let error = index(Sources::Feed(feed), options(threads), &mut |_| true).unwrap_err();
        assert!(
            matches!(&error, IndexError::Feed(inner) if inner.to_string() == "the list has a hole"),
            "{error}"
        );
    }
}

#[test]
fn patterns() {
    let folder = Folder::new();
    for name in [
        "2023/a.dcm",
        "2024/b.dcm",
        "2024/sub/c.dcm",
        "2024/d.txt",
        "2024/.e.dcm",
        "top.dcm",
    ] {
        folder.write(name, &whole(EXPLICIT, 1));
    }
    let found = |pattern: &str| {
        paths(
            &read(Sources::Path(folder.path().join(pattern)), 1),
            folder.path(),
        )
    };
    assert_eq!(found("*/*.dcm"), ["2023/a.dcm", "2024/b.dcm"]);
    assert_eq!(
        found("**/*.dcm"),
        ["2023/a.dcm", "2024/b.dcm", "2024/sub/c.dcm", "top.dcm"]
    );
    assert_eq!(
        found("202[4-9]"),
        ["2024/.e.dcm", "2024/b.dcm", "2024/d.txt", "2024/sub/c.dcm"]
    );
    assert_eq!(found("*.nothing"), Vec::<String>::new());
}

#[test]
fn a_source_that_is_not_there_fails_at_once() {
    let error = index(
        Sources::Path("/nowhere/at/all".into()),
        options(1),
        &mut |_| true,
    )
    .unwrap_err();
    assert!(
        matches!(&error, IndexError::Source { path, .. } if path == Path::new("/nowhere/at/all"))
    );
    assert!(error.to_string().contains("/nowhere/at/all"), "{error}");
}

#[test]
fn a_walk_can_be_cancelled() {
    let folder = Folder::new();
    for n in 0..3000 {
        folder.write(&format!("{}/{n}", n % 10), &whole(EXPLICIT, n));
    }
    for threads in [1, 2] {
        let mut stream = scan(
            Sources::Path(folder.path().into()),
            Options {
                batch_rows: Some(10),
                ..options(threads)
            },
        )
        .unwrap();
        assert!(matches!(
            stream.poll(Duration::from_secs(5)),
            Ok(Step::Batch(_))
        ));
        stream.progress().cancel();
        let end = stream.find(|batch| batch.is_err());
        assert!(matches!(end, Some(Err(IndexError::Cancelled))), "{end:?}");
        assert!(stream.progress().counts().files < 3000);
        // One that is dropped in the middle ends its threads.
        drop(
            scan(
                Sources::Path(folder.path().into()),
                Options {
                    batch_rows: Some(1),
                    ..options(threads)
                },
            )
            .unwrap(),
        );
    }
}

#[test]
fn progress_counts_what_was_done() {
    let folder = Folder::new();
    for n in 0..100 {
        folder.write(&format!("{n}"), &whole(EXPLICIT, n));
    }
    let mut stream = scan(Sources::Path(folder.path().into()), options(2)).unwrap();
    let progress = stream.progress();
    let rows: usize = stream.by_ref().map(|batch| batch.unwrap().num_rows()).sum();
    let counts = progress.counts();
    assert_eq!(
        (
            rows,
            counts.files,
            counts.rows,
            counts.failed,
            counts.skipped
        ),
        (100, 100, 100, 0, 0)
    );
    assert!(counts.bytes >= 100 * 300);
}

#[test]
fn parquet_is_there_whole_or_not_at_all() {
    let folder = Folder::new();
    for n in 0..100 {
        folder.write(&format!("in/{n}"), &whole(EXPLICIT, n));
    }
    let (sources, out) = (folder.path().join("in"), folder.path().join("out.parquet"));
    let report = write_parquet(
        Sources::Path(sources.clone()),
        options(2),
        &out,
        &mut |_| true,
    )
    .unwrap();
    assert_eq!(
        (report.counts.rows, report.written),
        (100, out.metadata().unwrap().len())
    );
    let file = std::fs::File::open(&out).unwrap();
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file)
        .unwrap()
        .build()
        .unwrap();
    let rows: usize = reader.map(|batch| batch.unwrap().num_rows()).sum();
    assert_eq!(rows, 100);
    // Cancelled, or without a place to be: nothing is left.
    for n in 0..2000 {
        folder.write(&format!("in/more{n}"), &whole(EXPLICIT, n));
    }
    let slow = Box::new(move || {
        std::thread::sleep(Duration::from_millis(60));
        Ok(vec![Item::Path(sources.join("0"))])
    });
    let other = folder.path().join("other.parquet");
    let error = write_parquet(Sources::Feed(slow), options(2), &other, &mut |_| false).unwrap_err();
    assert!(matches!(error, IndexError::Cancelled), "{error}");
    let left: Vec<_> = folder
        .path()
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left.len(), 2, "{left:?}");
    let nowhere = folder.path().join("no/such/folder.parquet");
    let error =
        write_parquet(Sources::list(vec![]), options(1), &nowhere, &mut |_| true).unwrap_err();
    assert!(matches!(error, IndexError::Output { .. }), "{error}");
}

#[cfg(unix)]
mod unix {
    use super::*;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn a_tree_with_all_that_may_lie_in_it() {
        let folder = Folder::new();
        let real = folder.write("real/a.dcm", &whole(EXPLICIT, 1));
        symlink(&real, folder.path().join("link.dcm")).unwrap();
        symlink(folder.path(), folder.path().join("real/back")).unwrap();
        symlink("loop", folder.path().join("loop")).unwrap();
        symlink("nowhere", folder.path().join("dangling")).unwrap();
        rustix::fs::mkfifoat(
            rustix::fs::CWD,
            folder.path().join("fifo"),
            rustix::fs::Mode::RUSR,
        )
        .unwrap();
        symlink("fifo", folder.path().join("to-fifo")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
        for threads in [1, 2] {
            let index = read(Sources::Path(folder.path().into()), threads);
            assert_eq!(
                paths(&index, folder.path()),
                ["dangling", "link.dcm", "loop", "real/a.dcm"]
            );
            let said = errors(&index);
            assert!(
                said[0].contains("[Errno 2]") && said[1].contains("[Errno 40]"),
                "{said:?}"
            );
            assert_eq!((index.counts.failed, index.counts.skipped), (2, 4));
        }
        // A folder that is named is walked, through a link too.
        symlink("real", folder.path().join("to-real")).unwrap();
        assert_eq!(
            read(Sources::Path(folder.path().join("to-real")), 1).len(),
            1
        );
        let fifo = folder.path().join("fifo");
        assert_eq!(errors(&read(Sources::list(vec![fifo]), 1)).len(), 1);
    }

    #[test]
    fn names_that_are_not_utf_8() {
        let folder = Folder::new();
        let odd = |bytes: &[u8]| folder.path().join(OsStr::from_bytes(bytes));
        std::fs::write(odd(b"caf\xE9.dcm"), whole(EXPLICIT, 1)).unwrap();
        std::fs::write(odd(&[0xFF; 255]), whole(EXPLICIT, 2)).unwrap();
        std::fs::write(odd(b"new\nline"), whole(EXPLICIT, 3)).unwrap();
        let index = read(Sources::Path(folder.path().into()), 1);
        assert_eq!(index.counts.failed, 0);
        assert_eq!(
            paths(&index, folder.path()),
            [
                "caf\u{FFFD}.dcm".to_owned(),
                "new\nline".to_owned(),
                "\u{FFFD}".repeat(255)
            ]
        );
    }

    #[test]
    fn what_may_not_be_read_is_a_row() {
        let folder = Folder::new();
        let file = folder.write("secret.dcm", &whole(EXPLICIT, 1));
        let inner = folder
            .write("closed/a.dcm", &whole(EXPLICIT, 2))
            .parent()
            .unwrap()
            .to_path_buf();
        folder.write("open.dcm", &whole(EXPLICIT, 3));
        let mode = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap()
        };
        mode(&file, 0);
        mode(&inner, 0);
        let index = read(Sources::Path(folder.path().into()), 2);
        mode(&inner, 0o700);
        if std::fs::read(&file).is_ok() {
            return; // nothing is closed to the superuser
        }
        assert_eq!(
            paths(&index, folder.path()),
            ["closed", "open.dcm", "secret.dcm"]
        );
        assert!(
            errors(&index)
                .iter()
                .all(|error| error.contains("[Errno 13]"))
        );
    }

    #[test]
    fn files_that_vanish_or_change_while_they_are_read() {
        let folder = Folder::new();
        let write = |n: usize| folder.write(&format!("{}/{n}", n % 7), &whole(EXPLICIT, n as u32));
        let all: Vec<PathBuf> = (0..2000).map(write).collect();
        let path = folder.path().to_path_buf();
        let vandal = std::thread::spawn(move || {
            for (n, path) in all.iter().enumerate() {
                match n % 3 {
                    0 => drop(std::fs::remove_file(path)),
                    1 => drop(std::fs::write(path, b"")),
                    _ => {}
                }
            }
        });
        for _ in 0..5 {
            let index = read(Sources::Path(path.clone()), 2);
            assert_eq!(index.counts.rows, index.len() as u64);
            assert!(index.counts.files >= 600);
        }
        vandal.join().unwrap();
    }

    #[test]
    fn folders_deeper_than_a_path_may_be_long() {
        let folder = Folder::new();
        let mut path = folder.path().to_path_buf();
        for _ in 0..400 {
            path.push("deeper");
        }
        std::fs::create_dir_all(&path).unwrap();
        std::fs::write(path.join("a.dcm"), whole(EXPLICIT, 1)).unwrap();
        assert_eq!(read(Sources::Path(folder.path().into()), 2).len(), 1);
    }
}
