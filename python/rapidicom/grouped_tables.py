"""SQL over an index: one row a Study, Series or SOP Instance, and whether the slices of a Series are a regular volume.

In DuckDB's words, over the view ``index``. Columns that the index lacks are null.
"""

from __future__ import annotations

from collections.abc import Iterable

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
    *("BodyPartExamined", "ProtocolName", "Manufacturer", "ManufacturerModelName", "Rows", "Columns"),
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
    """One row a Series Instance UID."""
    return f"""
    with {_files(columns)}, {_GEOMETRY}
    select * from (
        select any_value(StudyInstanceUID) as StudyInstanceUID, SeriesInstanceUID, {_least(_SERIES)},
            count(distinct SOPInstanceUID) as NumberOfSeriesRelatedInstances,
            {_TOTALS}
        from file where SeriesInstanceUID is not null group by SeriesInstanceUID
    ) left join geometry using (SeriesInstanceUID) order by StudyInstanceUID, SeriesNumber, SeriesInstanceUID
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


# In mm, but for the cosines. 0.2 and 0.1 are those of idc-index, 0.2 that of dcm2niix too.
_SLICE_INTERVAL, _IN_PLANE, _COSINE, _ORTHOGONAL, _SAME_PLACE = 0.2, 0.1, 1e-4, 0.01, 1e-3


def _dot(a: str, b: str) -> str:
    return " + ".join(f"{a}[{i}] * {b}[{i}]" for i in (1, 2, 3))


# PS3.3 C.7.6.2.1.1: Image Orientation (Patient) is the direction of the first row, then of the first column; the normal
# of the slice is their cross product. Slices are ordered by their position along it, never by Instance Number.
_GEOMETRY = f"""
slice as (
    select distinct on (SOPInstanceUID) SeriesInstanceUID, FrameOfReferenceUID, frame_count, Rows, Columns,
        PixelSpacing, ImageOrientationPatient as orientation, ImagePositionPatient as position,
        orientation[1:3] as along_row, orientation[4:6] as along_column,
        len(orientation) = 6 and len(position) = 3
            and list_bool_and(list_transform(orientation || position, lambda x: isfinite(x))) as has_geometry
    from file where SeriesInstanceUID is not null and SOPInstanceUID is not null and frame_count > 0
),
of_series as (
    select SeriesInstanceUID from slice group by SeriesInstanceUID
    having bool_and(coalesce(has_geometry, false)) and max(frame_count) = 1
),
placed as (
    select *, [
        along_row[2] * along_column[3] - along_row[3] * along_column[2],
        along_row[3] * along_column[1] - along_row[1] * along_column[3],
        along_row[1] * along_column[2] - along_row[2] * along_column[1]
    ] as normal, sqrt({_dot("normal", "normal")}) as normal_length,
    ({_dot("position", "normal")}) / nullif(normal_length, 0) as place
    from slice semi join of_series using (SeriesInstanceUID)
),
spaced as (
    select *, lead(place) over (partition by SeriesInstanceUID order by place) - place as interval_to_next from placed
),
measured as (
    select SeriesInstanceUID, count(*) as slices,
        {" and ".join(f"max(orientation[{i}]) - min(orientation[{i}]) <= {_COSINE}" for i in range(1, 7))}
            as single_orientation,
        bool_and(abs({_dot("along_row", "along_row")} - 1) <= {2 * _ORTHOGONAL}
            and abs({_dot("along_column", "along_column")} - 1) <= {2 * _ORTHOGONAL}
            and abs({_dot("along_row", "along_column")}) <= {_ORTHOGONAL}) as orthogonal_orientation,
        coalesce(min(interval_to_next) > {_SAME_PLACE}, true) as unique_slice_positions,
        max({_dot("position", "along_row")}) - min({_dot("position", "along_row")}) < {_IN_PLANE}
            as consistent_in_plane_row,
        max({_dot("position", "along_column")}) - min({_dot("position", "along_column")}) < {_IN_PLANE}
            as consistent_in_plane_col,
        count(PixelSpacing) = slices and count(distinct PixelSpacing) = 1 as consistent_pixel_spacing,
        count(Rows) = slices and count(Columns) = slices
            and count(distinct Rows) = 1 and count(distinct Columns) = 1 as consistent_image_dimensions,
        count(FrameOfReferenceUID) = slices and count(distinct FrameOfReferenceUID) = 1 as single_frame_of_reference,
        (max(place) - min(place)) / nullif(slices - 1, 0) as mean_interval,
        greatest(max(interval_to_next) - mean_interval, mean_interval - min(interval_to_next)) < {_SLICE_INTERVAL}
            as uniform_slice_spacing,
        median(interval_to_next) as slice_spacing,
        max(interval_to_next) < 1.5 * slice_spacing as no_missing_slices,
        degrees(acos(least(max(list_max(list_transform(normal, lambda x: abs(x))) / nullif(normal_length, 0)), 1)))
            as obliquity_degrees
    from spaced group by SeriesInstanceUID
),
geometry as (
    select SeriesInstanceUID, single_orientation, orthogonal_orientation, unique_slice_positions,
        consistent_in_plane_row, consistent_in_plane_col, consistent_pixel_spacing, consistent_image_dimensions,
        single_frame_of_reference, uniform_slice_spacing, no_missing_slices,
        coalesce(single_orientation and orthogonal_orientation and unique_slice_positions
            and consistent_in_plane_row and consistent_in_plane_col and consistent_pixel_spacing
            and consistent_image_dimensions and single_frame_of_reference
            and uniform_slice_spacing and no_missing_slices, false) as regularly_spaced_3d_volume,
        slice_spacing, obliquity_degrees
    from measured
)"""
