//! Photometric Interpretation (0028,0004): PS3.3 C.7.6.3.1.2.

/// The Defined Terms, the retired ones among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PhotometricInterpretation {
    /// One sample, lowest value white.
    Monochrome1,
    /// One sample, lowest value black.
    Monochrome2,
    /// One sample, index into the Palette Color Lookup Tables.
    PaletteColor,
    /// Red, green, blue.
    Rgb,
    /// Hue, saturation, value. Retired.
    Hsv,
    /// Alpha, red, green, blue. Retired.
    Argb,
    /// Cyan, magenta, yellow, black. Retired.
    Cmyk,
    /// Y, Cb, Cr of full range.
    YbrFull,
    /// As YBR_FULL, Cb and Cr for every second pixel of a row: stored natively as Y1 Y2 Cb Cr.
    YbrFull422,
    /// Y, Cb, Cr of studio range, subsampled. Retired.
    YbrPartial422,
    /// Y, Cb, Cr of studio range, subsampled in both directions.
    YbrPartial420,
    /// The irreversible colour transformation of JPEG 2000.
    YbrIct,
    /// The reversible colour transformation of JPEG 2000.
    YbrRct,
    /// The colour space of JPEG XL.
    Xyb,
    /// Absent, empty or none of the Defined Terms: samples are given as stored.
    Other,
}

impl PhotometricInterpretation {
    /// The Defined Term `value`, without the padding of its VR (CS); a term in lower case is none.
    pub fn from_term(value: &str) -> PhotometricInterpretation {
        use PhotometricInterpretation as P;
        match value.trim_matches([' ', '\0']) {
            "MONOCHROME1" => P::Monochrome1,
            "MONOCHROME2" => P::Monochrome2,
            "PALETTE COLOR" => P::PaletteColor,
            "RGB" => P::Rgb,
            "HSV" => P::Hsv,
            "ARGB" => P::Argb,
            "CMYK" => P::Cmyk,
            "YBR_FULL" => P::YbrFull,
            "YBR_FULL_422" => P::YbrFull422,
            "YBR_PARTIAL_422" => P::YbrPartial422,
            "YBR_PARTIAL_420" => P::YbrPartial420,
            "YBR_ICT" => P::YbrIct,
            "YBR_RCT" => P::YbrRct,
            "XYB" => P::Xyb,
            _ => P::Other,
        }
    }

    /// The Defined Term; empty for [`PhotometricInterpretation::Other`].
    pub fn term(self) -> &'static str {
        use PhotometricInterpretation as P;
        match self {
            P::Monochrome1 => "MONOCHROME1",
            P::Monochrome2 => "MONOCHROME2",
            P::PaletteColor => "PALETTE COLOR",
            P::Rgb => "RGB",
            P::Hsv => "HSV",
            P::Argb => "ARGB",
            P::Cmyk => "CMYK",
            P::YbrFull => "YBR_FULL",
            P::YbrFull422 => "YBR_FULL_422",
            P::YbrPartial422 => "YBR_PARTIAL_422",
            P::YbrPartial420 => "YBR_PARTIAL_420",
            P::YbrIct => "YBR_ICT",
            P::YbrRct => "YBR_RCT",
            P::Xyb => "XYB",
            P::Other => "",
        }
    }

    /// Whether native samples of this kind become RGB unless raw samples are asked for.
    ///
    /// YBR_ICT and YBR_RCT belong to JPEG 2000, whose decoder undoes them; in native data they are left, as pydicom leaves them.
    pub fn becomes_rgb(self) -> bool {
        matches!(
            self,
            PhotometricInterpretation::YbrFull | PhotometricInterpretation::YbrFull422
        )
    }
}

#[cfg(test)]
mod tests {
    use super::PhotometricInterpretation as P;

    #[test]
    fn terms_are_read_as_they_are_written() {
        for term in [
            "MONOCHROME1",
            "MONOCHROME2",
            "PALETTE COLOR",
            "RGB",
            "HSV",
            "ARGB",
            "CMYK",
            "YBR_FULL",
        ]
        .into_iter()
        .chain([
            "YBR_FULL_422",
            "YBR_PARTIAL_422",
            "YBR_PARTIAL_420",
            "YBR_ICT",
            "YBR_RCT",
            "XYB",
            "",
        ]) {
            assert_eq!(P::from_term(term).term(), term);
        }
        assert_eq!(P::from_term("RGB "), P::Rgb);
        assert_eq!(P::from_term("rgb"), P::Other);
    }
}
