"""One class a library, each with the jobs it can do, for pixels_worker.py. A job gives back what is to be timed.

`imagecodecs` is the bare codec: the bytes of a code stream in memory, decoded into the caller's buffer. It is also who
copies memory: numpy's copy is memcpy.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Operation = Callable[[int], Array]  # the number of the repetition -> what came out
Operations = tuple[Operation, ...]  # more than one: the first's time less the second's
Decode = Callable[[bytes, Array], Any]

DEFLATED_DATA_SET = "1.2.840.10008.1.2.1.99"


class CannotError(Exception):
    """The library has no such job."""


def code_streams(path: str) -> list[bytes]:
    """The encoded frames of a file, as pydicom finds them; of a deflated data set, the data set."""
    import pydicom

    ds = pydicom.dcmread(path)
    if ds.file_meta.TransferSyntaxUID == DEFLATED_DATA_SET:
        return [_deflated_data_set(path)]
    return list(pydicom.encaps.generate_frames(ds.PixelData, number_of_frames=int(ds.get("NumberOfFrames", 1) or 1)))


def _deflated_data_set(path: str) -> bytes:
    """All that follows the File Meta Information, whose length its first element gives. PS3.10 §7.1"""
    from pathlib import Path

    content = Path(path).read_bytes()
    return content[144 + int.from_bytes(content[140:144], "little") :]


def _octets(out: Array) -> Array:
    return out.reshape(-1).view(np.uint8)


def strided(count: int, k: int) -> int:
    """The frame that repetition k takes: all of them, none beside the one before."""
    return k * 37 % count


class Imagecodecs:
    """libjpeg-turbo, CharLS, OpenJPEG, OpenJPH, libjxl, libdeflate and a decoder of RLE, through one wheel."""

    def __init__(self) -> None:
        import imagecodecs

        ic: Any = imagecodecs
        versions = ic.version(dict)
        self.version = f"{versions['imagecodecs']} (" + ", ".join(
            f"{name} {versions[key]}"
            for key, name in (
                ("libjpeg_turbo", "libjpeg-turbo"), ("charls", "CharLS"), ("openjpeg", "OpenJPEG"),
                ("openjph", "OpenJPH"), ("libjxl", "libjxl"), ("libdeflate", "libdeflate"),
            )
        ) + ")"  # fmt: skip
        self.decoders: dict[str, Decode] = {
            "OpenJPEG, 2 thr": lambda data, out: ic.jpeg2k_decode(data, numthreads=2, out=out),
            "libjxl, 2 thr": lambda data, out: ic.jpegxl_decode(data, numthreads=2, out=out),
            "dicomrle": lambda data, out: ic.dicomrle_decode(data, out.dtype, out=_octets(out)),
            "libjpeg-turbo": lambda data, out: ic.jpeg8_decode(data, out=out),
            "jpegsof3": lambda data, out: ic.jpegsof3_decode(data, out=out),
            "CharLS": lambda data, out: ic.jpegls_decode(data, out=out),
            "OpenJPEG": lambda data, out: ic.jpeg2k_decode(data, numthreads=1, out=out),
            "OpenJPH": lambda data, out: ic.htj2k_decode(data, out=out),
            "libjxl": lambda data, out: ic.jpegxl_decode(data, numthreads=1, out=out),
            "libdeflate": lambda data, out: ic.deflate_decode(data, raw=True, out=_octets(out)),
        }

    def code_stream(self, path: str, codec: str, shape: list[int], dtype: str) -> Operations:
        """One code stream into one buffer."""
        decode, data = self.decoders[codec], code_streams(path)[0]
        out = np.zeros(shape, dtype)
        return (lambda _: (decode(data, out), out)[1],)

    def deflated(self, path: str, codec: str, size: int) -> Operations:
        """A whole deflated data set into a buffer that is large enough."""
        decode, data = self.decoders[codec], code_streams(path)[0]
        out = np.zeros(size + (1 << 16), np.uint8)
        return (lambda _: (decode(data, out), out)[1],)

    def frame(self, path: str, codec: str, shape: list[int], dtype: str) -> Operations:
        """One code stream of many, into one buffer."""
        decode, data = self.decoders[codec], code_streams(path)
        out = np.zeros(shape[1:], dtype)
        return (lambda k: (decode(data[strided(len(data), k)], out), out)[1],)

    def frames(self, path: str, codec: str, shape: list[int], dtype: str, threads: int) -> Operations:
        """All code streams into one buffer, by threads that take the next one; the GIL is released in each."""
        decode, data = self.decoders[codec], code_streams(path)
        out = np.zeros(shape, dtype)
        pool = ThreadPoolExecutor(threads)

        def some(frames: Any) -> None:
            for k in frames:
                decode(data[k], out[k])

        def all_frames(_: int) -> Array:
            if threads == 1:
                some(range(len(data)))
            else:
                left = iter(range(len(data)))  # next() of a range is one step of the interpreter
                list(pool.map(some, [left] * threads))
            return out

        return (all_frames,)

    def copy(self, size: int, fresh: bool = False) -> Operations:
        """Memcpy of so many bytes, into the same memory again or into fresh memory."""
        source, out = np.ones(size, np.uint8), np.zeros(size, np.uint8)
        if fresh:
            return (lambda _: source.copy(),)

        def again(_: int) -> Array:
            np.copyto(out, source)
            return out

        return (again,)


class Rapidicom:
    """Ours."""

    def __init__(self) -> None:
        import rapidicom

        self.rd = rapidicom
        self.version = str(rapidicom.__version__)

    def _decode_frame(self, path: str) -> Callable[[bytes, Array], Array]:
        ds = self.rd.dcmread(path)
        layout: dict[str, Any] = {
            "transfer_syntax": str(ds.file_meta.TransferSyntaxUID),
            "rows": ds.Rows,
            "columns": ds.Columns,
            "samples_per_pixel": ds.SamplesPerPixel,
            "bits_allocated": ds.BitsAllocated,
            "bits_stored": ds.BitsStored,
            "pixel_representation": ds.PixelRepresentation,
            "photometric_interpretation": ds.PhotometricInterpretation,
            "planar_configuration": ds.get("PlanarConfiguration", 0),
        }
        decode = self.rd.pixels.decode_frame
        return lambda data, out: decode(data, out=out, **layout)

    def code_stream(self, path: str, shape: list[int], dtype: str) -> Operations:
        """One code stream into one buffer."""
        decode, data = self._decode_frame(path), code_streams(path)[0]
        out = np.zeros(shape, dtype)
        return (lambda _: decode(data, out),)

    def image(self, path: str) -> Operations:
        """Path -> a new array."""
        return (lambda _: self.rd.pixel_array(path),)

    def image_into(self, path: str, shape: list[int], dtype: str, threads: int | None = None) -> Operations:
        """Path -> the caller's array."""
        out = np.zeros(shape, dtype)
        return (lambda _: self.rd.pixel_array(path, out=out, threads=threads),)

    frames = image_into

    def frame(self, path: str) -> Operations:
        """One frame of many, from the path."""
        count = len(self.rd.dcmread(path).frames)
        return (lambda k: self.rd.pixel_array(path, index=strided(count, k), threads=1),)

    def overhead(self, path: str, shape: list[int], dtype: str, one_of_many: bool) -> Operations:
        """Path -> array, less the same decoder on the bare bytes; both in turn, so that noise meets both."""
        decode, data = self._decode_frame(path), code_streams(path)
        out = np.zeros(shape[1:] if one_of_many else shape, dtype)
        if not one_of_many:
            return lambda _: self.rd.pixel_array(path, threads=1), lambda _: decode(data[0], out)
        n = len(data)
        return (
            lambda k: self.rd.pixel_array(path, index=strided(n, k), threads=1),
            lambda k: decode(data[strided(n, k)], out),
        )

    def stack(self, paths: list[str], fresh: bool = False) -> Operations:
        """Many files -> one array through `out=`."""
        shape = (len(paths), *self.rd.pixel_array(paths[0]).shape)
        reused = np.zeros(shape, np.int16)

        def read(_: int) -> Array:
            out = np.empty(shape, np.int16) if fresh else reused
            for path, place in zip(paths, out, strict=True):
                self.rd.pixel_array(path, out=place)
            return out

        return (read,)

    def first_read(self, path: str, shape: list[int], dtype: str) -> Operations:
        """Copy an array that has just come out, for the first time, into memory that is in use."""
        return first_read(lambda: self.rd.pixel_array(path), shape, dtype)

    def conversion(self, name: str, paths: dict[str, str]) -> Operations:
        """One of the passes over samples."""
        pixels, image = self.rd.pixels, self.rd.pixel_array(paths["grey"])
        if name in ("planar", "ybr_native"):
            rgb = self.rd.pixel_array(paths[name])
            return (lambda _: self.rd.pixel_array(paths[name], out=rgb, threads=1),)
        if name == "ybr":
            ybr = self.rd.pixel_array(paths["ybr_native"], raw=True)
            return (lambda _: pixels.convert_color_space(ybr, "YBR_FULL", "RGB"),)
        if name == "palette":
            return (lambda _: pixels.apply_color_lut(_bytes_of(image), palette="HOT_IRON"),)
        ds = self.rd.dcmread(paths["grey"])
        if name == "rescale":
            return (lambda _: pixels.apply_modality_lut(image, ds),)
        return (lambda _: pixels.window_8_bit(image, ds),)


class Pydicom:
    """The reference implementation, with one of its decoding plugins ("" leaves the choice to it)."""

    def __init__(self, plugin: str = "") -> None:
        import pydicom
        import pydicom.pixels

        warnings.simplefilter("ignore")
        self.pydicom, self.plugin = pydicom, plugin
        self.version = str(pydicom.__version__)

    def _pixel_array(self, path: str, index: int | None = None) -> Array:
        if index is None:  # of a path, pydicom 3.0 leaves a deflated data set compressed
            source = self.pydicom.dcmread(path)
            array: Array = self.pydicom.pixels.pixel_array(source, decoding_plugin=self.plugin)
        else:
            array = self.pydicom.pixels.pixel_array(path, index=index, decoding_plugin=self.plugin)
        return array

    def image(self, path: str) -> Operations:
        """Path -> a new array."""
        return (lambda _: self._pixel_array(path),)

    frames = image

    def frame(self, path: str, count: int) -> Operations:
        """One frame of many, from the path."""
        return (lambda k: self._pixel_array(path, strided(count, k)),)

    def stack(self, paths: list[str]) -> Operations:
        """Many files -> one array."""
        return (lambda _: np.stack([self._pixel_array(path) for path in paths]),)

    def first_read(self, path: str, shape: list[int], dtype: str) -> Operations:
        """Copy an array that has just come out, for the first time, into memory that is in use."""
        return first_read(lambda: self._pixel_array(path), shape, dtype)

    def conversion(self, name: str, paths: dict[str, str]) -> Operations:
        """One of the passes over samples, by pydicom's functions."""
        pixels, image = self.pydicom.pixels, self._pixel_array(paths["grey"])
        if name in ("planar", "ybr_native"):
            return (lambda _: self._pixel_array(paths[name]),)
        if name == "ybr":
            ybr = pixels.pixel_array(paths["ybr_native"], raw=True)
            return (lambda _: pixels.convert_color_space(ybr, "YBR_FULL", "RGB"),)
        if name == "palette":
            return (lambda _: pixels.apply_color_lut(_bytes_of(image), palette="HOT_IRON"),)
        ds = self.pydicom.dcmread(paths["grey"])
        if name == "rescale":
            return (lambda _: pixels.apply_modality_lut(image, ds),)
        return (lambda _: _stretched(pixels.apply_windowing(pixels.apply_modality_lut(image, ds), ds)),)


def _stretched(windowed: Array) -> Array:
    """What a viewer does with pydicom's window: to 8 bits."""
    low, high = windowed.min(), windowed.max()
    shades: Array = ((windowed - low) * (255 / (high - low)) + 0.5).astype(np.uint8)
    return shades


def _bytes_of(image: Array) -> Array:
    return image.view(np.uint8)


class Gdcm:
    """GDCM's own reader; its wrapper gives the pixels as text with surrogates."""

    def __init__(self) -> None:
        import gdcm

        self.gdcm = gdcm
        self.version = str(gdcm.GDCM_VERSION)

    def image(self, path: str) -> Operations:
        """Path -> a new array."""
        return (lambda _: self._image(path),)

    def _image(self, path: str) -> Array:
        reader = self.gdcm.ImageReader()
        reader.SetFileName(path)
        if not reader.Read():
            raise CannotError("can't read it")
        image = reader.GetImage()
        bits = image.GetPixelFormat().GetBitsAllocated()
        samples = image.GetPixelFormat().GetSamplesPerPixel()
        data = image.GetBuffer()
        buffer = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
        columns, rows = image.GetDimension(0), image.GetDimension(1)
        shape = (rows, columns, samples) if samples > 1 else (rows, columns)
        return np.frombuffer(buffer, f"u{bits // 8}", count=int(np.prod(shape))).reshape(shape)


class OfHeaders:
    """A library of libraries.py, as far as pixels go."""

    def __init__(self, name: str) -> None:
        from libraries import LIBRARIES

        self.library = LIBRARIES[name]()
        self.version = self.library.version()

    def image(self, path: str) -> Operations:
        """Path -> a new array."""
        return (lambda _: self.library.pixels(path),)

    def frame(self, path: str, count: int) -> Operations:
        """One frame of many, from the path."""
        return (lambda k: self.library.frame(path, strided(count, k)),)

    def stack(self, paths: list[str]) -> Operations:
        """Many files -> one array."""
        return (lambda _: np.stack([self.library.pixels(path) for path in paths]),)


def first_read(new: Callable[[], Array], shape: list[int], dtype: str) -> Operations:
    """Making the array and copying it, less making it: only the copy's time is left."""
    out, last = np.zeros(shape, dtype), [np.zeros(0)]

    def make(_: int) -> Array:
        last[0] = np.zeros(0)  # the one before is gone first
        last[0] = new()
        return last[0]

    def copy(_: int) -> Array:
        np.copyto(out, last[0])
        return out

    copy.untimed = make  # type: ignore[attr-defined]
    return (copy,)


PLUGINS = ("pydicom", "pylibjpeg", "pyjpegls", "gdcm", "pillow")
PEERS = ("pydicom", *(f"pydicom+{plugin}" for plugin in PLUGINS), "gdcm", "dicomsdl", "fastdicom")


def library(name: str) -> Any:
    """The library of a name; ImportError where it is not installed."""
    base, _, plugin = name.partition("+")
    if base == "pydicom":
        return Pydicom(plugin)
    plain: dict[str, Callable[[], Any]] = {"rapidicom": Rapidicom, "imagecodecs": Imagecodecs, "gdcm": Gdcm}
    return plain[base]() if base in plain else OfHeaders(base)
