"""Samples of waveforms: PS3.3 §C.10.9. Pure functions of a data set, named as pydicom's ``pydicom.waveforms``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from ._rapidicom import Dataset

__all__ = ["generate_multiplex", "multiplex_array"]

#: By Waveform Bits Allocated and Waveform Sample Interpretation. MB and AB are µ-law and A-law, given as they stand.
_SAMPLES = {
    (8, "SB"): "i1",
    (8, "UB"): "u1",
    (8, "MB"): "u1",
    (8, "AB"): "u1",
    (16, "SS"): "i2",
    (16, "US"): "u2",
    (32, "SL"): "i4",
    (32, "UL"): "u4",
    (64, "SV"): "i8",
    (64, "UV"): "u8",
}
_REQUIRED = (
    "NumberOfWaveformChannels",
    "NumberOfWaveformSamples",
    "WaveformBitsAllocated",
    "WaveformSampleInterpretation",
    "WaveformData",
)


def multiplex_array(ds: Dataset, index: int, as_raw: bool = True) -> npt.NDArray[Any]:
    """The multiplex group at ``index`` of the Waveform Sequence as a new array of shape ``(samples, channels)``.

    As it is stored, in native byte order; with ``as_raw=False`` float64 in the units of Channel Sensitivity, which
    Channel Sensitivity Correction Factor and Channel Baseline mend. ``AttributeError`` where elements are missing,
    ``IndexError`` where there is no such group, ``ValueError`` where there are fewer bytes than samples,
    ``NotImplementedError`` for other kinds of samples.
    """
    return _samples(_groups(ds)[index], index, as_raw)


def generate_multiplex(ds: Dataset, as_raw: bool = True) -> Iterator[npt.NDArray[Any]]:
    """Each multiplex group in turn, as ``multiplex_array`` gives it."""
    for index, group in enumerate(_groups(ds)):
        yield _samples(group, index, as_raw)


def _groups(ds: Dataset) -> Any:
    groups = ds.get("WaveformSequence")
    if groups is None:
        raise AttributeError("No (5400,0100) Waveform Sequence element found in the dataset")
    return groups


def _samples(group: Dataset, index: int, as_raw: bool) -> npt.NDArray[Any]:
    import numpy as np

    elements = {keyword: group.get_item(keyword) for keyword in _REQUIRED}
    if missing := [keyword for keyword, element in elements.items() if element is None or not element.value_length]:
        raise AttributeError(
            f"Unable to convert the waveform multiplex group with index {index} as the following required elements "
            f"are missing from the sequence item: {', '.join(missing)}"
        )
    kind = group.WaveformBitsAllocated, group.WaveformSampleInterpretation
    if kind not in _SAMPLES:
        raise NotImplementedError(
            f"Waveform Bits Allocated and Sample Interpretation are {kind}, which is no such pair"
        )
    dtype = np.dtype(_SAMPLES[kind]).newbyteorder("<" if group.is_little_endian else ">")
    shape = group.NumberOfWaveformSamples, group.NumberOfWaveformChannels
    raw, count = group["WaveformData"].raw, shape[0] * shape[1]
    if len(raw) < count * dtype.itemsize:
        raise ValueError(f"The Waveform Data has {len(raw)} bytes, {count * dtype.itemsize} are expected")
    stored = np.frombuffer(raw, dtype, count).reshape(shape)
    if as_raw:
        return stored.astype(dtype.newbyteorder("="))
    samples = stored.astype(np.float64)
    for channel, definition in zip(samples.T, group.get("ChannelDefinitionSequence") or (), strict=False):
        channel *= _number(definition, "ChannelSensitivity", 1)
        channel *= _number(definition, "ChannelSensitivityCorrectionFactor", 1)
        channel += _number(definition, "ChannelBaseline", 0)
    return samples


def _number(definition: Dataset, keyword: str, otherwise: float) -> float:
    value = definition.get(keyword)
    return otherwise if value is None else value
