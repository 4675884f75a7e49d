//! A hundred thousand sources at once. Alone in its process: it takes all the maps that there are for us.
#![allow(clippy::unwrap_used)]

mod scratch;

use rapidicom_source::{Access, Kind, Source};
use scratch::{Scratch, pattern};

const MAPS: bool = cfg!(all(target_os = "linux", not(feature = "portable")));

#[test]
fn a_hundred_thousand_sources() {
    let scratch = Scratch::new();
    let bytes = pattern(100_000);
    let path = scratch.file("f", &bytes);
    let descriptors = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let before = descriptors();
    let sources: Vec<_> = (0..100_000)
        .map(|_| Source::open(&path, Access::Auto).unwrap())
        .collect();
    assert!(descriptors() < before + 20);
    let mapped = sources
        .iter()
        .filter(|source| source.kind() == Kind::Mapped)
        .count();
    let maps = std::fs::read_to_string("/proc/self/maps")
        .unwrap()
        .lines()
        .count();
    assert!(
        !MAPS || (1000..60_000).contains(&mapped),
        "{mapped} mapped, {maps} maps"
    );
    let wanted = &bytes[70_000..70_010];
    for source in &sources {
        assert_eq!(source.bytes(70_000..70_010).unwrap(), wanted);
        source.check().unwrap();
    }
    // There is room left for threads, allocators, and those who ask for maps of their own.
    std::thread::spawn(|| vec![1_u8; 8 << 20].len())
        .join()
        .unwrap();
    drop(sources);
    let again = Source::open(&path, Access::Auto).unwrap().kind();
    assert_eq!(again, if MAPS { Kind::Mapped } else { Kind::Deferred });
}
