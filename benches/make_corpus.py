"""Build the benchmark corpus: deterministic, re-runnable, without a network.

    python make_corpus.py [--out DIR] [--index N] [--full N] [--only idx,full,native,big,pix]

Needs pydicom, pydicom-data (its real CT slice, 693_UNCR.dcm) and numpy; `pix` also imagecodecs.

Under --out (default: corpus/ beside this file):

  idx/ev/   N (20,000) CT-like files, Explicit VR LE, 64 x 64 int16, about 150 elements, a patient/study/series tree
  idx/iv/   N / 4 of the same, Implicit VR LE
  full/ev/  M (2,000) CT-like files of 512 x 512 int16 (the real CT), Explicit VR LE
  full/iv/  M / 10 of the same, Implicit VR LE
  big/      enh1000_{ev,iv}.dcm: enhanced CT, 1,000 frames; rtstruct_ev.dcm: 40 ROIs x 100 contours x 150 points
  pix/      `native`: mf100__ev.dcm, 100 frames of 512 x 512 uint16; `pix`: one file per image and transfer syntax
  src/      *.npy: the exact pixels of the images of `pix`
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pydicom
from corpus_files import Array, Log, as_unsigned, many_frames, real_ct, write
from corpus_headers import CT_IMAGE, ROOT, ct_header, enhanced_ct, file_meta, rt_structure_set
from corpus_pixels import make_pixels, write_image
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian


def tree(out: Path, n: int, frames: Sequence[Array], implicit: bool = False) -> None:
    """Write n files: patients of one study of two series of 50 instances."""
    transfer_syntax = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    rng = np.random.default_rng(1)
    header = Dataset()
    for i in range(n):
        patient, rest = divmod(i, 100)
        series, instance = divmod(rest, 50)
        if instance == 0:
            header = ct_header(patient, 1, series + 1, rng)
        pixels = frames[i % len(frames)]
        header.SOPInstanceUID = f"{ROOT}.4.{patient}.1.{series + 1}.{instance + 1}"
        header.InstanceNumber = instance + 1
        header.AcquisitionTime = header.ContentTime = f"1011{instance:02d}.131415"
        header.ImagePositionPatient = ["-189.6289", "-352.1289", f"{-700.5 + instance:.4f}"]
        header.SliceLocation = f"{-700.5 + instance:.4f}"
        header.Rows, header.Columns = pixels.shape
        header.PixelData = pixels.tobytes()
        header["PixelData"].VR = "OW"
        path = out / f"PAT{patient:05d}" / "STU1" / f"SER{series + 1}" / f"IM{instance + 1:05d}.dcm"
        write(path, header, file_meta(CT_IMAGE, header.SOPInstanceUID, transfer_syntax), implicit=implicit)


def make_index(out: Path, n: int) -> None:
    """idx/: small CT files."""
    slice_ = real_ct()
    small = [np.ascontiguousarray(np.roll(slice_, (k * 7, k * 11), (0, 1))[::8, ::8]) for k in range(16)]
    tree(out / "idx" / "ev", n, small)
    tree(out / "idx" / "iv", n // 4, small, implicit=True)


def make_full(out: Path, n: int) -> None:
    """full/: CT files with whole images."""
    slice_ = real_ct()
    images = [np.ascontiguousarray(np.roll(np.rot90(slice_, k % 4), (k * 3, k * 5), (0, 1))) for k in range(16)]
    tree(out / "full" / "ev", n, images)
    tree(out / "full" / "iv", n // 10, images, implicit=True)


def make_native(out: Path) -> None:
    """pix/mf100__ev.dcm alone; no encoder is needed for it."""
    frames = many_frames(as_unsigned(real_ct()))
    write_image(out / "pix" / "mf100__ev.dcm", "mf100", frames, "ev", frames.tobytes())


def make_big(out: Path, log: Log, frames: int, rois: int) -> None:
    """big/: many elements."""
    rng = np.random.default_rng(5)
    ds = enhanced_ct(frames, rng)
    slices = many_frames(as_unsigned(real_ct())[::8, ::8], min(frames, 100))
    ds.PixelData = np.ascontiguousarray(slices.repeat(-(-frames // 100), 0)[:frames]).tobytes()
    ds["PixelData"].VR = "OW"
    for name, transfer_syntax in (("ev", ExplicitVRLittleEndian), ("iv", ImplicitVRLittleEndian)):
        path = out / "big" / f"enh1000_{name}.dcm"
        write(path, ds, file_meta(ds.SOPClassUID, ds.SOPInstanceUID, transfer_syntax), implicit=name == "iv")
        log(f"  {path.name}: {path.stat().st_size} bytes, {sum(1 for _ in ds.iterall())} elements")
    ds = rt_structure_set(rois, 100, rng)
    path = out / "big" / "rtstruct_ev.dcm"
    write(path, ds, file_meta(ds.SOPClassUID, ds.SOPInstanceUID, ExplicitVRLittleEndian))
    log(f"  {path.name}: {path.stat().st_size} bytes, {sum(1 for _ in ds.iterall())} elements")


def make(arguments: argparse.Namespace, log: Log) -> None:
    """Make the named parts of the corpus; what is there is written again."""
    out, parts = arguments.out, set(arguments.only.split(","))
    warnings.simplefilter("ignore")
    pydicom.config.settings.writing_validation_mode = 0
    start = time.monotonic()

    def done(part: str) -> None:
        log(f"{part}: {time.monotonic() - start:.0f} s")

    if "idx" in parts:
        make_index(out, arguments.index)
        done("idx")
    if "full" in parts:
        make_full(out, arguments.full)
        done("full")
    if "big" in parts:
        make_big(out, log, arguments.frames, arguments.rois)
        done("big")
    if "native" in parts:
        make_native(out)
        done("native")
    if "pix" in parts:
        manifest = make_pixels(out, log)
        (out / "manifest.json").write_text(json.dumps(manifest, indent=1))
        done("pix")


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent / "corpus")
    parser.add_argument("--index", type=int, default=20000)
    parser.add_argument("--full", type=int, default=2000)
    parser.add_argument("--frames", type=int, default=1000, help="of the enhanced CT")
    parser.add_argument("--rois", type=int, default=40, help="of the RT Structure Set")
    parser.add_argument("--only", default="idx,full,native,big")
    make(parser.parse_args(), lambda message: print(message, flush=True))
    return 0


if __name__ == "__main__":
    sys.exit(main())
