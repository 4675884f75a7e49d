//! The families of code streams, and how to tell one from its first bytes.

use crate::decoder::Decoder;

/// A family of transfer syntaxes that one decoder reads: PS3.5 §8.2, Annex A.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// RLE Lossless: PS3.5 Annex G.
    Rle,
    /// JPEG with DCT, sequential or progressive: ITU-T T.81.
    Jpeg,
    /// JPEG's lossless processes: ITU-T T.81 Annex H.
    JpegLossless,
    /// JPEG-LS: ITU-T T.87.
    JpegLs,
    /// JPEG 2000 and High-Throughput JPEG 2000: ITU-T T.800, T.814.
    Jpeg2000,
    /// JPEG XL: ISO/IEC 18181.
    JpegXl,
    /// Deflated Image Frame Compression: PS3.5 §A.4.13.
    Deflate,
}

impl Family {
    /// The family of the Transfer Syntax with this UID; none for native, video and JPIP.
    pub fn of_transfer_syntax(uid: &str) -> Option<Family> {
        let last = uid.strip_prefix("1.2.840.10008.1.2.")?;
        Some(match last {
            "5" => Family::Rle,
            "8.1" => Family::Deflate,
            "4.57" | "4.58" | "4.65" | "4.66" | "4.70" => Family::JpegLossless,
            "4.80" | "4.81" => Family::JpegLs,
            "4.90" | "4.91" | "4.92" | "4.93" | "4.201" | "4.202" | "4.203" => Family::Jpeg2000,
            "4.110" | "4.111" | "4.112" => Family::JpegXl,
            _ if last.starts_with("4.5") || last.starts_with("4.6") => Family::Jpeg,
            _ => return None,
        })
    }

    /// The family that a code stream's own marks show; none for RLE, deflate and what is no code stream.
    ///
    /// The code stream's truth counts more than the Transfer Syntax: files with the wrong one of two JPEGs are common.
    pub fn of_code_stream(code_stream: &[u8]) -> Option<Family> {
        match code_stream {
            [0xFF, 0x4F, 0xFF, 0x51, ..] | [0, 0, 0, 12, b'j', b'P', b' ', b' ', ..] => {
                Some(Family::Jpeg2000)
            }
            [0xFF, 0x0A, ..] | [0, 0, 0, 12, b'J', b'X', b'L', b' ', ..] => Some(Family::JpegXl),
            _ => Family::of_frame_header(code_stream),
        }
    }

    /// Whether this build has its decoder, and which it is.
    pub fn decoder(self) -> Option<&'static dyn Decoder> {
        match self {
            #[cfg(feature = "rle")]
            Family::Rle => Some(&crate::rle::Rle),
            #[cfg(feature = "jpeg")]
            Family::Jpeg => Some(&crate::jpeg::Jpeg),
            #[cfg(feature = "jpeg_lossless")]
            Family::JpegLossless => Some(&crate::jpeg_lossless::JpegLossless),
            #[cfg(feature = "jpeg_ls")]
            Family::JpegLs => Some(&crate::jpeg_ls::JpegLs),
            #[cfg(feature = "jpeg_2000")]
            Family::Jpeg2000 => Some(&crate::jpeg_2000::Jpeg2000),
            #[cfg(feature = "jpeg_xl")]
            Family::JpegXl => Some(&crate::jpeg_xl::JpegXl),
            #[cfg(feature = "deflate")]
            Family::Deflate => Some(&crate::deflate::Deflate),
            #[allow(unreachable_patterns, reason = "all features are on by default")]
            _ => None,
        }
    }

    /// By the first SOF marker of a JPEG or JPEG-LS code stream: ITU-T T.81 table B.1, T.87 annex C.
    fn of_frame_header(code_stream: &[u8]) -> Option<Family> {
        Some(match crate::marker::first_frame_marker(code_stream)? {
            0xC3 | 0xC7 | 0xCB | 0xCF => Family::JpegLossless,
            0xF7 => Family::JpegLs,
            _ => Family::Jpeg,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Family;

    #[test]
    fn families_by_uid() {
        let of = |last: &str| Family::of_transfer_syntax(&format!("1.2.840.10008.1.2.{last}"));
        assert_eq!(of("5"), Some(Family::Rle));
        assert_eq!(of("4.50"), Some(Family::Jpeg));
        assert_eq!(of("4.57"), Some(Family::JpegLossless));
        assert_eq!(of("4.203"), Some(Family::Jpeg2000));
        assert_eq!(of("4.103"), None);
        assert_eq!(of("1"), None);
    }

    #[test]
    fn families_by_marks() {
        let of = Family::of_code_stream;
        assert_eq!(of(&[0xFF, 0x4F, 0xFF, 0x51]), Some(Family::Jpeg2000));
        assert_eq!(of(b"\0\0\0\x0CJXL \r\n\x87\n"), Some(Family::JpegXl));
        let jpeg = |marker: u8| {
            // SOI, a comment of no words, the frame header.
            of(&[0xFF, 0xD8, 0xFF, 0xFE, 0, 2, 0xFF, 0xFF, marker, 0, 11])
        };
        assert_eq!(jpeg(0xC0), Some(Family::Jpeg));
        assert_eq!(jpeg(0xC3), Some(Family::JpegLossless));
        assert_eq!(jpeg(0xF7), Some(Family::JpegLs));
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[0xFF, 0xD8, 0xFF, 0xDA]), None);
    }
}
