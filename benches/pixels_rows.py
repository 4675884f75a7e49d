"""What pixels.py measures: the rows, each with its bar, the machine's limit beside it and those who take part."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pixels_corpus import FOLDER, FRAMES, File
from pixels_libraries import PEERS, PLUGINS

OURS, BARE = "rapidicom", "imagecodecs"
MEMCPY, MEMCPY_NEW = "memcpy", "memcpy into a new array"
CODECS = {
    "rle": ("dicomrle",),
    "jpeg_baseline": ("libjpeg-turbo",),
    "jpeg_ext12": ("libjpeg-turbo",),
    "jpeg_ll_sv1": ("libjpeg-turbo", "jpegsof3"),
    "jpeg_ll_p14": ("libjpeg-turbo", "jpegsof3"),
    "jpegls": ("CharLS",),
    "jpegls_near": ("CharLS",),
    "j2k": ("OpenJPEG",),
    "j2k_lossy": ("OpenJPEG",),
    "htj2k": ("OpenJPEG", "OpenJPH"),
    "htj2k_lossy": ("OpenJPEG", "OpenJPH"),
    "jxl_e1": ("libjxl",),
    "jxl_e3": ("libjxl",),
    "jxl_lossy": ("libjxl",),
    "deflated_frame": ("libdeflate",),
}
BARS = {
    "rle": 0.4, "jpeg_baseline": 1.1, "jpeg_ext12": 1.1, "jpeg_ll_sv1": 0.7, "jpeg_ll_p14": 0.7, "jpegls": 0.95,
    "jpegls_near": 0.95, "j2k": 1.05, "j2k_lossy": 1.05, "htj2k": 1.05, "htj2k_lossy": 1.05, "jxl_e1": 1.05,
    "jxl_e3": 1.05, "jxl_lossy": 1.05, "deflated_frame": 1.1,
}  # fmt: skip
DIVIDED = ("j2k", "j2k_lossy", "jxl_e3", "jxl_lossy")  # one frame is decoded by several threads
NAMES = {
    "ev": "native",
    "rle": "RLE",
    "jpeg_baseline": "JPEG baseline",
    "jpeg_ext12": "JPEG extended, 12 bit",
    "jpeg_ll_sv1": "JPEG lossless SV1",
    "jpeg_ll_p14": "JPEG lossless, predictor 4",
    "jpegls": "JPEG-LS",
    "jpegls_near": "JPEG-LS, near-lossless 2",
    "j2k": "JPEG 2000 lossless",
    "j2k_lossy": "JPEG 2000 lossy",
    "htj2k": "HTJ2K lossless",
    "htj2k_lossy": "HTJ2K lossy",
    "jxl_e1": "JPEG XL lossless e1",
    "jxl_e3": "JPEG XL lossless e3",
    "jxl_lossy": "JPEG XL lossy",
    "deflated_frame": "Deflated Image Frame",
}
IMAGES = {"ct512": "CT 512²", "mr1024": "MR 1024²", "us480": "US 640 x 480 RGB", "rgb2048": "2048² RGB"}
Medians = Mapping[str, float]  # seconds, by label
Files = Mapping[tuple[str, str], File]


@dataclass
class Entry:
    """One who takes part."""

    label: str
    process: str
    request: dict[str, Any]


@dataclass
class Figure:
    """A number made of the row's medians, and its bar."""

    what: str
    of: Callable[[Medians], float]
    unit: str  # "x", "GB/s", or of seconds "µs", "ms"
    bar: float | None = None  # of that unit
    at_least: bool = False
    scaled: bool = False  # with the machine's floor A
    unless: Callable[[Medians], bool] = lambda _: False  # the bar also holds where the machine gives no more
    unless_text: str = ""


@dataclass
class Row:
    """One piece of work."""

    key: str
    group: str
    title: str
    entries: list[Entry]
    figures: list[Figure]
    same: str = ""  # everybody's result must be that of this one
    note: str = ""
    stall: bool = field(default=False)


class Pictures:
    """The files, and rows of them."""

    def __init__(self, corpus: Path, files: Files) -> None:
        self.corpus, self.files = corpus, files

    def path(self, image: str, syntax: str) -> str:
        """Where a file lies."""
        return str(self.corpus / FOLDER / self.files[image, syntax].name)

    def into(self, image: str, syntax: str) -> dict[str, Any]:
        """Path, shape and type: what a job needs that decodes into a buffer."""
        file = self.files[image, syntax]
        return {"path": self.path(image, syntax), "shape": list(file.shape), "dtype": file.dtype}


def ratio(ours: str, limit: str) -> Callable[[Medians], float]:
    """Our time to that of the limit."""
    return lambda m: m[ours] / m[limit]


def gigabytes(label: str, size: int) -> Callable[[Medians], float]:
    """Of output a second."""
    return lambda m: size / m[label] / 1e9


def codec_row(pictures: Pictures, image: str, syntax: str) -> Row:
    """One code stream into the caller's buffer, against the bare codec; peers and we from the path."""
    into, codecs = pictures.into(image, syntax), CODECS[syntax]
    path = into["path"]
    entries = [
        Entry(OURS, OURS, {"job": "code_stream", **into}),
        *(Entry(codec, BARE, {"job": "code_stream", "codec": codec, **into}) for codec in codecs),
        Entry(f"{OURS}, from the path", OURS, {"job": "image_into", "threads": 1, **into}),
        *(Entry(peer, peer, {"job": "image", "path": path}) for peer in PEERS if peer != "pydicom"),
    ]
    figures = [Figure(f"to {codecs[0]}", ratio(OURS, codecs[0]), "x", BARS[syntax])]
    figures += [Figure(f"to {codec}", ratio(OURS, codec), "x") for codec in codecs[1:]]
    if syntax in DIVIDED:
        ours, theirs = f"{OURS}, 2 thr", f"{codecs[0]}, 2 thr"
        entries.append(Entry(ours, OURS, {"job": "image_into", "threads": 2, **into}))
        entries.append(Entry(theirs, BARE, {"job": "code_stream", "codec": theirs, **into}))
        figures.append(Figure(f"to {codecs[0]}, two threads each", ratio(ours, theirs), "x"))
        figures.append(Figure("speed-up", ratio(f"{OURS}, from the path", ours), "x"))
    same = OURS if pictures.files[image, syntax].lossless else ""
    return Row(f"{syntax}_{image}", "one frame", f"{NAMES[syntax]}, {IMAGES[image]}", entries, figures, same)


def deflated_row(pictures: Pictures) -> Row:
    """A deflated data set, from the path, against inflating its bytes."""
    into = pictures.into("rgb2048", "deflated")
    size = 3
    for side in into["shape"][:2]:
        size *= side
    entries = [
        Entry(OURS, OURS, {"job": "image_into", **into}),
        Entry("libdeflate", BARE, {"job": "deflated", "codec": "libdeflate", "path": into["path"], "size": size}),
        *(Entry(peer, peer, {"job": "image", "path": into["path"]}) for peer in ("pydicom", "dicomsdl", "fastdicom")),
    ]
    figures = [Figure("to libdeflate", ratio(OURS, "libdeflate"), "x", 1.1)]
    note = "from the path; libdeflate has the bytes of the data set in memory, and knows their size"
    return Row("deflated_rgb2048", "one frame", "deflated data set, 2048² RGB", entries, figures, note=note)


def many_of(syntax: str) -> str:
    """The image of many frames that a syntax can hold."""
    return "mf100u8" if syntax == "jpeg_baseline" else "mf100"


def threads_row(pictures: Pictures, syntax: str) -> Row:
    """All frames from the path into the caller's array, with one and two threads."""
    into = pictures.into(many_of(syntax), syntax)
    entries = [Entry(f"{OURS}, {n} thr", OURS, {"job": "frames", "threads": n, **into}) for n in (1, 2)]
    memory_bound = syntax in ("ev", "rle")
    up = Figure("speed-up", ratio(f"{OURS}, 1 thr", f"{OURS}, 2 thr"), "x", None if memory_bound else 1.8, True)
    figures = [up]
    if syntax == "ev":
        entries.append(Entry(MEMCPY, BARE, {"job": "copy", "size": _bytes_of(pictures, "mf100", "ev")}))
        figures.append(Figure("two threads to memcpy", ratio(f"{OURS}, 2 thr", MEMCPY), "x"))
    else:
        codec = CODECS[syntax][0]
        request = {"job": "frames", "codec": codec, **into}
        entries += [Entry(f"{codec}, {n} thr", BARE, {**request, "threads": n}) for n in (1, 2)]
        limit = ratio(f"{OURS}, 2 thr", f"{codec}, 2 thr")
        figures.append(Figure(f"to {codec}, two threads each", limit, "x", 1.05))
        figures.append(Figure(f"speed-up of {codec}", ratio(f"{codec}, 1 thr", f"{codec}, 2 thr"), "x"))
    note = "bound by memory: no bar for the speed-up" if memory_bound else ""
    return Row(f"frames_{syntax}", "all frames", NAMES[syntax], entries, figures, note=note)


def overhead_row(pictures: Pictures, syntax: str) -> Row:
    """From the path, less the same decoder on the bare bytes, as paired differences."""
    many = pictures.into(many_of(syntax), syntax)
    job = {"job": "overhead", "one_of_many": True, **many}
    codec = CODECS[syntax][0]
    entries = [
        Entry("one of many", OURS, job),
        Entry(f"{OURS}, one of many", OURS, {"job": "frame", "path": many["path"]}),
        Entry(codec, BARE, {"job": "frame", "codec": codec, **many}),
    ]
    count = many["shape"][0]
    entries += [Entry(p, p, {"job": "frame", "path": many["path"], "count": count}) for p in ("pydicom", "dicomsdl")]
    text = "one frame of many, less the codec"
    figures = [Figure(text, lambda m: m["one of many"], "µs", 200, scaled=True)]
    if syntax != "jpeg_baseline":
        single = {"job": "overhead", "one_of_many": False, **pictures.into("ct512", syntax)}
        entries.insert(0, Entry("single file", OURS, single))
        figures.insert(0, Figure("single file, less the codec", lambda m: m["single file"], "µs", 60, scaled=True))
    return Row(f"overhead_{syntax}", "overhead", NAMES[syntax], entries, figures)


def stall_row(pictures: Pictures, syntax: str) -> Row:
    """The longest wait of a thread that sleeps 1 ms again and again, while all frames decode."""
    into = pictures.into(many_of(syntax), syntax)
    codec = CODECS[syntax][0]
    entries = [
        Entry(OURS, OURS, {"job": "frames", **into}),
        Entry(f"{codec}, 2 thr", BARE, {"job": "frames", "codec": codec, "threads": 2, **into}),
        Entry("pydicom", "pydicom", {"job": "frames", "path": into["path"]}),
    ]
    figures = [Figure("longest stall", lambda m: m[OURS], "ms", 6, scaled=True)]
    return Row(f"stall_{syntax}", "heartbeat", NAMES[syntax], entries, figures, stall=True)


def _bytes_of(pictures: Pictures, image: str, syntax: str) -> int:
    file = pictures.files[image, syntax]
    size = 2 if file.dtype == "uint16" else 1
    for side in file.shape:
        size *= side
    return size


def stack_row(paths: list[str]) -> Row:
    """Native files of one series into one array."""
    n = len(paths)
    entries = [
        Entry(OURS, OURS, {"job": "stack", "paths": paths}),
        Entry(f"{OURS}, fresh array", OURS, {"job": "stack", "paths": paths, "fresh": True}),
        Entry(MEMCPY, BARE, {"job": "copy", "size": n * 512 * 512 * 2}),
        *(Entry(peer, peer, {"job": "stack", "paths": paths}) for peer in ("pydicom", "dicomsdl")),
    ]
    figures = [Figure("wall", lambda m: m[OURS], "ms", 8, scaled=True)]
    figures.append(Figure("to memcpy", ratio(OURS, MEMCPY), "x"))
    return Row("stack", "memory", f"{n} native files of 512² → one array through `out=`", entries, figures)


def first_read_row(pictures: Pictures, syntax: str) -> Row:
    """A fresh output copied into memory in use, against a copy within memory in use."""
    into = pictures.into("mf100", syntax)
    size = _bytes_of(pictures, "mf100", syntax)
    entries = [
        Entry(OURS, OURS, {"job": "first_read", **into}),
        Entry(MEMCPY, BARE, {"job": "copy", "size": size}),
        Entry("pydicom", "pydicom", {"job": "first_read", **into}),
    ]
    title = f"first full read of a fresh output of {size / 1e6:.0f} MB, {NAMES[syntax]}"
    return Row(f"first_read_{syntax}", "memory", title, entries, [Figure("to memcpy", ratio(OURS, MEMCPY), "x", 1.3)])


CONVERSIONS = {
    "ybr": ("YBR_FULL → RGB, `convert_color_space`", "rgb2048", 1, True),
    "ybr_native": ("YBR_FULL → RGB, a native file into `out=`", "rgb2048", 1, False),
    "planar": ("planar → interleaved, a native file into `out=`", "rgb2048", 1, False),
    "rescale": ("16-bit rescale to float64, `apply_modality_lut`", "mr1024", 4, True),
    "window": ("rescale and window to 8 bits, `window_8_bit`", "mr1024", 0.5, True),
    "palette": ("8-bit palette to RGB, `apply_color_lut`", "mr1024", 3, True),
}  # title, image, bytes of output to one of input, whether the output is fresh memory


def conversion_row(pictures: Pictures, name: str) -> Row:
    """One pass over samples, in bytes of output."""
    title, image, growth, fresh = CONVERSIONS[name]
    size = int(growth * _bytes_of(pictures, image, "ybr" if image == "rgb2048" else "rle"))
    paths = {
        "grey": pictures.path("mr1024", "rle"),
        "planar": pictures.path("rgb2048", "planar"),
        "ybr_native": pictures.path("rgb2048", "ybr"),
    }
    limit = MEMCPY_NEW if fresh else MEMCPY
    request = {"job": "conversion", "name": name, "paths": paths}
    entries = [
        Entry(OURS, OURS, request),
        Entry(limit, BARE, {"job": "copy", "size": size, "fresh": fresh}),
        Entry("pydicom", "pydicom", request),
    ]
    figures = [
        Figure(
            "output", gigabytes(OURS, size), "GB/s", 2, at_least=True,
            unless=lambda m: m[OURS] <= 1.25 * m[limit], unless_text="or 0.8 of memcpy",
        ),
        Figure(limit, gigabytes(limit, size), "GB/s"),
        Figure("pydicom", gigabytes("pydicom", size), "GB/s"),
    ]  # fmt: skip
    return Row(f"convert_{name}", "memory", title, entries, figures)


def rows(pictures: Pictures, stack: list[str]) -> list[Row]:
    """All of them."""
    with_baseline = ("jpeg_baseline", *FRAMES)
    frame_syntaxes = [syntax for syntax in with_baseline if (many_of(syntax), syntax) in pictures.files]
    singles = [pair for pair in pictures.files if pair[0] in IMAGES and pair[1] in CODECS and pair != ("mr1024", "rle")]
    order = list(CODECS)
    return [
        *(codec_row(pictures, *pair) for pair in sorted(singles, key=lambda pair: order.index(pair[1]))),
        deflated_row(pictures),
        *(threads_row(pictures, syntax) for syntax in ("ev", *frame_syntaxes)),
        *(overhead_row(pictures, syntax) for syntax in frame_syntaxes),
        *(stall_row(pictures, syntax) for syntax in frame_syntaxes if syntax != "j2k_lossy"),  # its decoder is j2k's
        stack_row(stack),
        *(first_read_row(pictures, syntax) for syntax in ("ev", "rle")),
        *(conversion_row(pictures, name) for name in CONVERSIONS),
    ]


def processes(wanted: list[Row]) -> list[str]:
    """The libraries that take part."""
    return list(dict.fromkeys(entry.process for row in wanted for entry in row.entries))


__all__ = ["BARE", "OURS", "PEERS", "PLUGINS", "Entry", "Figure", "Pictures", "Row", "processes", "rows"]
