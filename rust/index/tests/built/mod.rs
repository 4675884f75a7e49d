//! Files built from readable calls, and a folder that is removed again.
#![allow(dead_code, clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

pub(crate) const EXPLICIT: &str = "1.2.840.10008.1.2.1";
pub(crate) const IMPLICIT: &str = "1.2.840.10008.1.2";
pub(crate) const BIG: &str = "1.2.840.10008.1.2.2";
pub(crate) const JPEG: &str = "1.2.840.10008.1.2.4.50";

/// A data set in one encoding.
#[derive(Clone)]
pub(crate) struct Built {
    uid: String,
    bytes: Vec<u8>,
}

impl Built {
    pub(crate) fn new(transfer_syntax: &str) -> Built {
        Built {
            uid: transfer_syntax.to_owned(),
            bytes: Vec::new(),
        }
    }

    fn little(&self) -> bool {
        self.uid != BIG
    }

    pub(crate) fn element(mut self, tag: u32, vr: &str, value: &[u8]) -> Built {
        let mut value = value.to_vec();
        if value.len() % 2 == 1 {
            value.push(if vr == "UI" || vr == "OB" { 0 } else { b' ' });
        }
        self.header(tag, vr, value.len() as u32);
        self.bytes.extend(value);
        self
    }

    /// A header alone, whatever follows.
    pub(crate) fn header(&mut self, tag: u32, vr: &str, length: u32) {
        let (little, explicit) = (self.little(), self.uid != IMPLICIT);
        let mut two = |n: u16| {
            self.bytes.extend(if little {
                n.to_le_bytes()
            } else {
                n.to_be_bytes()
            })
        };
        two((tag >> 16) as u16);
        two(tag as u16);
        let four = if little {
            length.to_le_bytes()
        } else {
            length.to_be_bytes()
        };
        if !explicit {
            self.bytes.extend(four);
        } else if matches!(vr, "OB" | "OW" | "SQ" | "UN" | "UT" | "UC" | "OV") {
            self.bytes.extend(vr.bytes());
            self.bytes.extend([0, 0]);
            self.bytes.extend(four);
        } else {
            self.bytes.extend(vr.bytes());
            two2(&mut self.bytes, length as u16, little);
        }
    }

    pub(crate) fn us(self, tag: u32, value: u16) -> Built {
        let bytes = if self.little() {
            value.to_le_bytes()
        } else {
            value.to_be_bytes()
        };
        self.element(tag, "US", &bytes)
    }

    /// A sequence of one item of defined length.
    pub(crate) fn sequence(self, tag: u32, item: Built) -> Built {
        let mut value = vec![0xFE, 0xFF, 0x00, 0xE0];
        value.extend((item.bytes.len() as u32).to_le_bytes());
        value.extend(item.bytes);
        self.element(tag, "SQ", &value)
    }

    pub(crate) fn raw(mut self, bytes: &[u8]) -> Built {
        self.bytes.extend(bytes);
        self
    }

    /// Preamble, prefix, File Meta Information, data set. PS3.10 §7.1
    pub(crate) fn file(self) -> Vec<u8> {
        let meta = Built::new(EXPLICIT)
            .element(0x0002_0010, "UI", self.uid.as_bytes())
            .bytes;
        let mut file = vec![0; 128];
        file.extend(b"DICM");
        file.extend(
            Built::new(EXPLICIT)
                .element(0x0002_0000, "UL", &(meta.len() as u32).to_le_bytes())
                .bytes,
        );
        file.extend(meta);
        file.extend(self.bytes);
        file
    }
}

fn two2(bytes: &mut Vec<u8>, n: u16, little: bool) {
    bytes.extend(if little {
        n.to_le_bytes()
    } else {
        n.to_be_bytes()
    });
}

/// An image of few pixels.
pub(crate) fn image(transfer_syntax: &str, instance: u32) -> Built {
    Built::new(transfer_syntax)
        .element(0x0008_0005, "CS", b"ISO_IR 100")
        .element(0x0008_0018, "UI", format!("1.2.3.{instance}").as_bytes())
        .element(0x0008_0020, "DA", b"20240611")
        .element(0x0008_0060, "CS", b"CT")
        .element(0x0010_0010, "PN", b"M\xFCller^J\xFCrg")
        .element(0x0020_0013, "IS", format!("{instance}").as_bytes())
        .element(0x0020_0032, "DS", b"1.5\\-2\\3e2")
        .us(0x0028_0002, 1)
        .element(0x0028_0004, "CS", b"MONOCHROME2")
        .us(0x0028_0010, 4)
        .us(0x0028_0011, 4)
        .us(0x0028_0100, 16)
        .us(0x0028_0103, 0)
}

/// The same with its pixels.
pub(crate) fn whole(transfer_syntax: &str, instance: u32) -> Vec<u8> {
    image(transfer_syntax, instance)
        .element(0x7FE0_0010, "OW", &[7; 32])
        .file()
}

/// A folder that is removed with all that is in it.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Folder {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!(
            "rapidicom-index-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
