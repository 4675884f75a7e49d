//! Where a file's parts begin: File Preamble, DICOM Prefix, File Meta Information, Data Set. PS3.10 §7.1

use super::Need;
use super::detect::{agrees, begins_data_set, detect_encoding};
use super::element::header_at;
use super::leniency::{Deviations, Leniency};
use super::reader::Window;
use crate::error::{Error, ErrorKind, Result};
use crate::tag::Tag;
use crate::transfer_syntax::{Encoding, TransferSyntax};
use std::ops::Range;

/// What the 128 bytes before the prefix are. PS3.10 §7.5
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PreambleKind {
    /// No preamble.
    None,
    /// All zero.
    Zero,
    /// A TIFF or BigTIFF header, as PS3.10 allows.
    Tiff,
    /// An executable or a script.
    Executable,
    /// Anything else.
    Other,
}

/// How to begin.
#[derive(Clone, Copy, Debug, Default)]
pub struct StartOptions {
    /// Read what has no sign of DICOM too.
    pub force: bool,
    /// The encoding of a data set that has neither preamble nor File Meta Information.
    pub transfer_syntax: Option<TransferSyntax>,
}

/// Where the parts begin and how the data set is encoded.
#[derive(Clone, Debug, PartialEq)]
pub struct FileStart {
    /// The File Preamble.
    pub preamble: PreambleKind,
    /// The elements of group 0002; empty if there are none.
    pub file_meta: Range<u64>,
    /// Whether they are in Implicit VR, against the standard.
    pub file_meta_encoding: Encoding,
    /// The value of (0002,0010).
    pub transfer_syntax_uid: Option<Range<u64>>,
    /// What it names, or what the caller said.
    pub transfer_syntax: Option<TransferSyntax>,
    /// The encoding of the data set, as its bytes tell.
    pub encoding: Encoding,
    /// The data set is deflated. PS3.5 §A.5
    pub deflated: bool,
    /// The first byte of the data set.
    pub data_set: u64,
}

const PREFIX: &[u8; 4] = b"DICM";
const PREFIX_AT: u64 = 128;

/// Reads the beginning of a file of `total` bytes. The window begins at byte 0; `Err(Need)` inside asks for more of it.
pub fn start(
    window: &Window<'_>,
    total: u64,
    options: &StartOptions,
    notes: &mut Deviations,
) -> Result<std::result::Result<FileStart, Need>> {
    if window.array::<4>(PREFIX_AT) == Some(*PREFIX) {
        return read(
            window,
            total,
            PREFIX_AT + 4,
            preamble_kind(window, notes),
            options,
            notes,
        );
    }
    let wanted = total.min(PREFIX_AT + 16);
    if window.end() < wanted {
        return Ok(Err(Need {
            offset: 0,
            length: wanted,
        }));
    }
    if window.array::<4>(0) == Some(*PREFIX) {
        notes.note(Leniency::PreambleMissing, Tag::default(), 0, || {
            "the file begins with the DICOM Prefix".into()
        });
        return read(window, total, 4, PreambleKind::None, options, notes);
    }
    if group_2_at(window, 0) {
        notes.note(Leniency::PreambleMissing, Tag::default(), 0, || {
            "the file begins with group 0002".into()
        });
        return read(window, total, 0, PreambleKind::None, options, notes);
    }
    bare(window, total, options, notes).map(Ok)
}

/// A data set without anything before it.
fn bare(
    window: &Window<'_>,
    total: u64,
    options: &StartOptions,
    notes: &mut Deviations,
) -> Result<FileStart> {
    let found = detect_encoding(window, 0, total).filter(|&e| begins_data_set(window, 0, e));
    let encoding = match (options.transfer_syntax, found) {
        (Some(declared), found) => {
            let declared = declared.encoding();
            if agrees(window, 0, declared) {
                declared
            } else {
                found.unwrap_or(declared)
            }
        }
        (None, Some(found)) => {
            notes.note(
                Leniency::FileMetaInformationMissing,
                Tag::default(),
                0,
                || format!("read as {found:?}"),
            );
            found
        }
        (None, None) if options.force => {
            notes.note(
                Leniency::FileMetaInformationMissing,
                Tag::default(),
                0,
                || "read because of force=True".into(),
            );
            if agrees(window, 0, Encoding::ExplicitLittle) {
                Encoding::ExplicitLittle
            } else {
                Encoding::ImplicitLittle
            }
        }
        (None, None) => return Err(not_dicom(window, total)),
    };
    Ok(FileStart {
        preamble: PreambleKind::None,
        file_meta: 0..0,
        file_meta_encoding: Encoding::ExplicitLittle,
        transfer_syntax_uid: None,
        transfer_syntax: options.transfer_syntax,
        encoding,
        deflated: options.transfer_syntax.is_some_and(|t| t.is_deflated()),
        data_set: 0,
    })
}

fn not_dicom(window: &Window<'_>, total: u64) -> Error {
    let found = match window.array::<4>(0) {
        _ if total == 0 => "the file is empty".into(),
        None => format!("{total} bytes"),
        Some(b) => format!(
            "found bytes {:02X} {:02X} {:02X} {:02X}",
            b[0], b[1], b[2], b[3]
        ),
    };
    Error::new(
        ErrorKind::InvalidDicom,
        format!("{found}; expected 'DICM' at byte 128 or a data set; pass force=True to read it all the same"),
    )
    .at(0)
}

fn group_2_at(window: &Window<'_>, at: u64) -> bool {
    header_at(window, at, Encoding::ExplicitLittle).is_some_and(|h| h.tag.group() == 2)
        || header_at(window, at, Encoding::ImplicitLittle)
            .is_some_and(|h| h.tag == Tag::FILE_META_INFORMATION_GROUP_LENGTH && h.length == 4)
}

fn preamble_kind(window: &Window<'_>, notes: &mut Deviations) -> PreambleKind {
    let bytes = window.get(0, PREFIX_AT).unwrap_or_default();
    let kind = match bytes {
        [0, 0, 0, 0, ..] if bytes.iter().all(|&b| b == 0) => PreambleKind::Zero,
        [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => PreambleKind::Tiff,
        [b'M', b'Z', ..] | [0x7F, b'E', b'L', b'F', ..] | [b'#', b'!', ..] => {
            PreambleKind::Executable
        }
        [0xFE, 0xED, 0xFA, 0xCE | 0xCF, ..]
        | [0xCE | 0xCF, 0xFA, 0xED, 0xFE, ..]
        | [0xCA, 0xFE, 0xBA, 0xBE, ..] => PreambleKind::Executable,
        _ => PreambleKind::Other,
    };
    if kind == PreambleKind::Executable {
        notes.note(Leniency::PreambleExecutable, Tag::default(), 0, || {
            "the preamble begins an executable".into()
        });
    }
    kind
}

/// File Meta Information from `first` on, then the data set.
fn read(
    window: &Window<'_>,
    total: u64,
    first: u64,
    preamble: PreambleKind,
    options: &StartOptions,
    notes: &mut Deviations,
) -> Result<std::result::Result<FileStart, Need>> {
    let mut meta = FileStart {
        preamble,
        file_meta: first..first,
        file_meta_encoding: Encoding::ExplicitLittle,
        transfer_syntax_uid: None,
        transfer_syntax: None,
        encoding: Encoding::ExplicitLittle,
        deflated: false,
        data_set: first,
    };
    if first >= total {
        let error = Error::new(
            ErrorKind::Truncated,
            "the file ends after the DICOM Prefix; expected File Meta Information",
        );
        return Err(error.at(first));
    }
    if let Some(need) = file_meta(window, total, &mut meta, notes) {
        return Ok(Err(need));
    }
    if let Some(range) = &meta.transfer_syntax_uid {
        let bytes = window
            .get(range.start, range.end - range.start)
            .unwrap_or_default();
        meta.transfer_syntax = std::str::from_utf8(bytes)
            .ok()
            .and_then(TransferSyntax::from_uid);
        note_transfer_syntax(bytes, range.start, meta.transfer_syntax.is_some(), notes);
    } else if !meta.file_meta.is_empty() {
        notes.note(
            Leniency::TransferSyntaxMissing,
            Tag::TRANSFER_SYNTAX_UID,
            first,
            || "found from the bytes".into(),
        );
    } else {
        notes.note(
            Leniency::FileMetaInformationMissing,
            Tag::default(),
            first,
            || "no element of group 0002".into(),
        );
        meta.transfer_syntax = options.transfer_syntax;
    }
    meta.data_set = meta.file_meta.end;
    let beyond = meta.data_set.saturating_add(8).min(total);
    if window.end() < beyond {
        return Ok(Err(Need {
            offset: 0,
            length: beyond,
        }));
    }
    if meta.data_set >= total {
        notes.note(
            Leniency::DataSetEmpty,
            Tag::default(),
            meta.data_set,
            || "the file ends after File Meta Information".into(),
        );
    }
    settle_encoding(window, total, &mut meta, notes);
    Ok(Ok(meta))
}

fn note_transfer_syntax(bytes: &[u8], at: u64, known: bool, notes: &mut Deviations) {
    if !known {
        notes.note(
            Leniency::TransferSyntaxUnknown,
            Tag::TRANSFER_SYNTAX_UID,
            at,
            || {
                format!(
                    "{:?}",
                    String::from_utf8_lossy(bytes.get(..bytes.len().min(64)).unwrap_or_default())
                )
            },
        );
    } else if bytes.ends_with(b" ") || bytes.ends_with(b"\0\0") || bytes.starts_with(b" ") {
        notes.note(
            Leniency::TransferSyntaxPadded,
            Tag::TRANSFER_SYNTAX_UID,
            at,
            || "trimmed".into(),
        );
    }
}

/// Steps over group 0002, remembering the Transfer Syntax UID. What (0002,0000) says is checked, not believed.
fn file_meta(
    window: &Window<'_>,
    total: u64,
    meta: &mut FileStart,
    notes: &mut Deviations,
) -> Option<Need> {
    let first = meta.file_meta.start;
    let mut at = first;
    let mut declared_end = None;
    loop {
        if at >= total {
            break;
        }
        if window.end() < total && window.get(at, 12.min(total - at)).is_none() {
            return Some(Need {
                offset: 0,
                length: (at + 12).min(total),
            });
        }
        let mut header = header_at(window, at, meta.file_meta_encoding);
        if header.is_none()
            && meta.file_meta_encoding.is_explicit()
            && let Some(bare) =
                header_at(window, at, Encoding::ImplicitLittle).filter(|h| h.tag.group() == 2)
        {
            notes.note(Leniency::FileMetaImplicitVr, bare.tag, at, || {
                "read as Implicit VR Little Endian".into()
            });
            meta.file_meta_encoding = Encoding::ImplicitLittle;
            header = Some(bare);
        }
        let Some(header) = header.filter(|h| h.tag.group() == 2) else {
            break;
        };
        let value = header.value_offset(at);
        let next = value.saturating_add(u64::from(header.length));
        if header.tag == Tag::TRANSFER_SYNTAX_UID && header.length <= 256 && next <= total {
            if window.end() < next {
                return Some(Need {
                    offset: 0,
                    length: next,
                });
            }
            meta.transfer_syntax_uid = Some(value..next);
        }
        if header.tag == Tag::FILE_META_INFORMATION_GROUP_LENGTH && header.length == 4 {
            let Some(b) = window.array::<4>(value) else {
                break;
            };
            declared_end = Some(next.saturating_add(u64::from(u32::from_le_bytes(b))));
        }
        if next > total {
            notes.note(Leniency::FileMetaTruncated, header.tag, at, || {
                "the file ends in File Meta Information".into()
            });
            at = total;
            break;
        }
        at = next;
    }
    meta.file_meta.end = at;
    if declared_end != Some(at) && at > first {
        notes.note(
            Leniency::FileMetaGroupLengthWrong,
            Tag::FILE_META_INFORMATION_GROUP_LENGTH,
            first,
            || match declared_end {
                Some(end) => {
                    format!("it says that the data set begins at {end}, it begins at {at}")
                }
                None => "missing".into(),
            },
        );
    }
    None
}

/// The declared encoding if the bytes agree, else what the bytes tell. PS3.5 §7.1
fn settle_encoding(window: &Window<'_>, total: u64, meta: &mut FileStart, notes: &mut Deviations) {
    let declared = meta.transfer_syntax.map(|t| t.encoding());
    let deflated = meta.transfer_syntax.is_some_and(|t| t.is_deflated());
    meta.encoding = declared.unwrap_or(Encoding::ExplicitLittle);
    if deflated {
        let plain = detect_encoding(window, meta.data_set, total).filter(|&found| {
            agrees(window, meta.data_set, found) && begins_data_set(window, meta.data_set, found)
        });
        match plain {
            Some(found) => {
                notes.note(
                    Leniency::TransferSyntaxWrong,
                    Tag::TRANSFER_SYNTAX_UID,
                    meta.data_set,
                    || "not deflated".into(),
                );
                meta.encoding = found;
            }
            None => meta.deflated = true,
        }
        return;
    }
    if declared.is_some_and(|declared| agrees(window, meta.data_set, declared)) {
        return;
    }
    match detect_encoding(window, meta.data_set, total) {
        Some(found) if Some(found) != declared => {
            meta.encoding = found;
            if declared.is_some() {
                notes.note(
                    Leniency::TransferSyntaxWrong,
                    Tag::TRANSFER_SYNTAX_UID,
                    meta.data_set,
                    || format!("read as {found:?}"),
                );
            }
        }
        _ => {}
    }
}
