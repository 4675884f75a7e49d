"""SQL over an index: one row a Study, Series or SOP Instance, and whether the slices of a Series are a regular volume.

In DuckDB's words, over the view ``index``. Columns that the index lacks are null.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

# What the tables are made of, and its type where the index does not have it.
_COLUMNS = {
    **dict.fromkeys(("path", "transfer_syntax", "SOPInstanceUID", "SOPClassUID"), "varchar"),
    **dict.fromkeys(("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"), "varchar"),
    **dict.fromkeys(("PatientID", "PatientName", "PatientSex", "StudyID", "StudyTime", "AccessionNumber"), "varchar"),
    **dict.fromkeys(("StudyDescription", "SeriesDescription", "ReferringPhysicianName", "Modality"), "varchar"),
    **dict.fromkeys(("BodyPartExamined", "ProtocolName", "Manufacturer", "ManufacturerModelName"), "varchar"),
    **dict.fromkeys(("PatientBirthDate", "StudyDate", "SeriesDate"), "date"),
    **dict.fromkeys(("size", "SeriesNumber", "InstanceNumber", "NumberOfFrames", "pixel_offset"), "bigint"),
    **dict.fromkeys(("Rows", "Columns"), "integer"),
    **dict.fromkeys(("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"), "double[]"),
}

# Of a value that a Study or Series should have once, the least where it has several, so that each run says the same.
_STUDY = (
    *("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "AccessionNumber"),
    *("StudyID", "StudyDescription", "ReferringPhysicianName"),
)
_SERIES = (
    *("PatientID", "StudyDate", "StudyDescription", "Modality", "SeriesNumber", "SeriesDate", "SeriesDescription"),
    *("BodyPartExamined", "ProtocolName", "Manufacturer", "ManufacturerModelName", "FrameOfReferenceUID"),
    *("Rows", "Columns"),
)
_INSTANCE = ("StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID", "Modality", "InstanceNumber", "Rows", "Columns")


def studies(columns: Iterable[str]) -> str:
    """One row a Study Instance UID."""
    return f"""
    with {_files(columns)}
    select StudyInstanceUID, {_least(_STUDY)},
        list_sort(list(distinct Modality) filter (Modality is not null)) as ModalitiesInStudy,
        count(distinct SeriesInstanceUID) as NumberOfStudyRelatedSeries,
        count(distinct SOPInstanceUID) as NumberOfStudyRelatedInstances,
        {_TOTALS}
    from file where StudyInstanceUID is not null group by StudyInstanceUID order by StudyInstanceUID
    """


def series(columns: Iterable[str]) -> str:
    """One row a Series Instance UID, and whether its slices are a regular volume."""
    return f"""
    with {_files(columns)}, {_GEOMETRY}
    select StudyInstanceUID, SeriesInstanceUID, {", ".join(_SERIES)},
        NumberOfSeriesRelatedInstances, frame_count, file_count, size,
        {", ".join(f"case when has_geometry then {name} end as {name}" for name in _CHECKS)},
        case when has_geometry then coalesce({" and ".join(_CHECKS)}, false) end as regularly_spaced_3d_volume,
        slice_spacing, case when has_geometry then obliquity_degrees end as obliquity_degrees
    from checked order by StudyInstanceUID, SeriesNumber, SeriesInstanceUID
    """


def instances(columns: Iterable[str]) -> str:
    """One row a SOP Instance UID; ``path`` is the least of those that hold it."""
    return f"""
    with {_files(columns)}
    select SOPInstanceUID, {_least(_INSTANCE)}, max(frame_count) as frame_count, count(*) as file_count,
        sum(size)::bigint as size, min(path) as path, arg_min(transfer_syntax, path) as transfer_syntax
    from file where SOPInstanceUID is not null group by SOPInstanceUID order by SOPInstanceUID
    """


_TOTALS = "sum(frame_count)::bigint as frame_count, count(*) as file_count, sum(size)::bigint as size"


def _files(columns: Iterable[str]) -> str:
    """One row a file; how many frames it has: Number of Frames, 1 of an image without it. PS3.3 C.7.6.6"""
    present = set(columns)
    chosen = [name if name in present else f"null::{kind} as {name}" for name, kind in _COLUMNS.items()]
    is_image = "pixel_offset is not null or (Rows is not null and Columns is not null)"
    frames = f"case when {is_image} then greatest(coalesce(NumberOfFrames, 1), 1) else 0 end"
    return f"file as (select *, {frames} as frame_count from (select {', '.join(chosen)} from index))"


def _least(names: Iterable[str]) -> str:
    return ", ".join(f"min({name}) as {name}" for name in names)


_CHECKS = (
    *("single_orientation", "orthogonal_orientation", "unique_slice_positions", "consistent_in_plane_row"),
    *("consistent_in_plane_col", "consistent_pixel_spacing", "consistent_image_dimensions"),
    *("single_frame_of_reference", "uniform_slice_spacing", "no_missing_slices"),
)
# In mm, but for cosines. 0.2 and 0.1 are those of idc-index, 0.2 that of dcm2niix too.
_INTERVAL, _IN_PLANE, _COSINE, _ORTHOGONAL, _SAME_PLACE = 0.2, 0.1, 1e-4, 0.01, 1e-3

_ROW, _COLUMN, _NORMAL, _POSITION = (tuple(f"{name}_{axis}" for axis in "xyz") for name in ("r", "c", "n", "p"))


def _dot(a: Sequence[str], b: Sequence[str]) -> str:
    return "(" + " + ".join(f"{one} * {other}" for one, other in zip(a, b, strict=True)) + ")"


def _same(*names: str) -> str:
    """In every slice, and the same."""
    return " and ".join(f"(count({name}) = count(*) and min({name}) = max({name}))" for name in names)


def _spread(expression: str) -> str:
    return f"(max({expression}) - min({expression}))"


def _numbers(column: str, names: Sequence[str]) -> str:
    return ", ".join(f"{column}[{i}] as {name}" for i, name in enumerate(names, 1))


_CROSS_PRODUCT = "r_y * c_z - r_z * c_y as n_x, r_z * c_x - r_x * c_z as n_y, r_x * c_y - r_y * c_x as n_z"

# PS3.3 C.7.6.2.1.1: Image Orientation (Patient) is the direction of the first row, then of the first column; the normal
# of a slice is their cross product. Slices are ordered by their position along it, never by Instance Number.
_GEOMETRY = f"""
slice as (
    select *, {_numbers("PixelSpacing", ("spacing_of_rows", "spacing_of_columns"))},
        {_numbers("ImageOrientationPatient", (*_ROW, *_COLUMN))}, {_numbers("ImagePositionPatient", _POSITION)},
        {_CROSS_PRODUCT}, nullif(sqrt({_dot(_NORMAL, _NORMAL)}), 0) as n_length,
        {_dot(_POSITION, _NORMAL)} / n_length as place,
        coalesce(frame_count = 1 and len(ImageOrientationPatient) = 6 and len(ImagePositionPatient) = 3
            and isfinite({" + ".join((*_ROW, *_COLUMN, *_POSITION))}), false) as is_placed
    from file where SeriesInstanceUID is not null
),
measured as (
    select min(StudyInstanceUID) as StudyInstanceUID, SeriesInstanceUID, {_least(_SERIES)},
        count(distinct SOPInstanceUID) as NumberOfSeriesRelatedInstances, {_TOTALS},
        bool_and(is_placed) as has_geometry,
        {" and ".join(f"{_spread(cosine)} <= {_COSINE}" for cosine in (*_ROW, *_COLUMN))} as single_orientation,
        bool_and(greatest(abs({_dot(_ROW, _ROW)} - 1) / 2, abs({_dot(_COLUMN, _COLUMN)} - 1) / 2,
            abs({_dot(_ROW, _COLUMN)})) <= {_ORTHOGONAL}) as orthogonal_orientation,
        {_spread(_dot(_POSITION, _ROW))} < {_IN_PLANE} as consistent_in_plane_row,
        {_spread(_dot(_POSITION, _COLUMN))} < {_IN_PLANE} as consistent_in_plane_col,
        {_same("spacing_of_rows", "spacing_of_columns")} as consistent_pixel_spacing,
        {_same("Rows", "Columns")} as consistent_image_dimensions,
        {_same("FrameOfReferenceUID")} as single_frame_of_reference,
        degrees(acos(least(min(greatest(abs(n_x), abs(n_y), abs(n_z)) / n_length), 1))) as obliquity_degrees,
        case when has_geometry then list_sort(list_distinct(list(place))) else [] end as places
    from slice group by SeriesInstanceUID
),
spaced as (
    select *, [places[i + 1] - places[i] for i in range(1, len(places))] as intervals,
        list_median(intervals) as slice_spacing,
        (places[len(places)] - places[1]) / nullif(len(places) - 1, 0) as mean_interval
    from measured
),
checked as (
    select *, len(places) = NumberOfSeriesRelatedInstances
            and (len(places) = 1 or list_min(intervals) > {_SAME_PLACE}) as unique_slice_positions,
        greatest(list_max(intervals) - mean_interval, mean_interval - list_min(intervals)) < {_INTERVAL}
            as uniform_slice_spacing,
        list_max(intervals) < 1.5 * slice_spacing as no_missing_slices
    from spaced
)"""
