"""The data sets of the benchmark corpus: a CT image header, an enhanced CT of many frames, an RT Structure Set.

Everything follows from fixed seeds, so that two machines measure the same bytes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence

ROOT = "1.2.826.0.1.3680043.10.9999"
CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
ENHANCED_CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2.1"
RT_STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"


def data_set(**elements: Any) -> Dataset:
    """A data set of the given keywords."""
    ds = Dataset()
    put(ds, elements)
    return ds


def put(ds: Dataset, elements: dict[str, Any]) -> None:
    """Set elements by keyword."""
    for keyword, value in elements.items():
        setattr(ds, keyword, value)


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """An item of a code sequence (PS3.3 table 8.8-1)."""
    return data_set(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def file_meta(sop_class: str, sop_instance: str, transfer_syntax: str) -> FileMetaDataset:
    """File Meta Information (PS3.10 §7.1)."""
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = sop_class
    meta.MediaStorageSOPInstanceUID = sop_instance
    meta.TransferSyntaxUID = transfer_syntax
    meta.ImplementationClassUID = ROOT + ".1"
    meta.ImplementationVersionName = "BENCH_CORPUS_1"
    meta.SourceApplicationEntityTitle = "BENCH"
    return meta


def ct_header(patient: int, study: int, series: int, rng: np.random.Generator) -> Dataset:
    """About 150 elements, nested ones included: the CT Image IOD, some sequences and two private blocks."""
    ds = Dataset()
    put(ds, _IDENTIFICATION)
    put(ds, {"AccessionNumber": f"ACC{patient:05d}{study}", "SeriesDescription": f"Thorax 1.0 Br40 S{series}"})
    _references(ds, patient, study)
    _patient(ds, patient)
    put(ds, _ACQUISITION)
    ds.CTDIPhantomTypeCodeSequence = Sequence([code("113691", "DCM", "IEC Body Dosimetry Phantom")])
    _private_acquisition(ds, rng)
    _relationship(ds, patient, study, series)
    _private_image(ds, rng)
    put(ds, _IMAGE)
    _request(ds)
    for keyword in ("RequestAttributesSequence", "ReferencedImageSequence"):  # half of the sequences: undefined length
        ds[keyword].is_undefined_length = True
    for item in ds.ReferencedImageSequence:
        item.is_undefined_length_sequence_item = True
    return ds


_IDENTIFICATION = {
    "SpecificCharacterSet": "ISO_IR 192",
    "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL", "CT_SOM5 SPI"],
    "InstanceCreationDate": "20240611",
    "InstanceCreationTime": "101530.123000",
    "SOPClassUID": CT_IMAGE,
    "StudyDate": "20240611",
    "SeriesDate": "20240611",
    "AcquisitionDate": "20240611",
    "ContentDate": "20240611",
    "StudyTime": "100101.456000",
    "SeriesTime": "101010.789000",
    "AcquisitionTime": "101112.131415",
    "ContentTime": "101112.131415",
    "Modality": "CT",
    "Manufacturer": "BENCH MEDICAL SYSTEMS",
    "InstitutionName": "University Hospital Zürich",
    "InstitutionAddress": "Rämistrasse 100\r\n8091 Zürich",
    "ReferringPhysicianName": "Müller^Jürg^^Dr.",
    "TimezoneOffsetFromUTC": "+0100",
    "StationName": "CTAWP73491",
    "StudyDescription": "CT Thorax/Abdomen mit KM",
    "InstitutionalDepartmentName": "Radiology",
    "PhysiciansOfRecord": "Meier^Anna",
    "PerformingPhysicianName": "Keller^Peter",
    "OperatorsName": "OP^ONE",
    "ManufacturerModelName": "BENCHTOM Force",
    "DerivationDescription": "Filtered back projection, iterative strength 3",
}

_ACQUISITION = {
    "BodyPartExamined": "CHEST",
    "ScanOptions": "SPIRAL",
    "SliceThickness": "1.0",
    "KVP": "120",
    "ContrastBolusAgent": "Iomeron 400",
    "DataCollectionDiameter": "500.0",
    "DeviceSerialNumber": "73491",
    "SoftwareVersions": ["syngo CT VA50A", "BENCH 1.2.3"],
    "ProtocolName": "Thorax_Abdomen_KM",
    "ReconstructionDiameter": "380.0",
    "DistanceSourceToDetector": "1085.6",
    "DistanceSourceToPatient": "595.0",
    "GantryDetectorTilt": "0.0",
    "TableHeight": "161.5",
    "RotationDirection": "CW",
    "ExposureTime": "500",
    "XRayTubeCurrent": "234",
    "Exposure": "117",
    "FilterType": "WEDGE_3",
    "GeneratorPower": "66",
    "FocalSpots": ["0.9", "1.1"],
    "DateOfLastCalibration": "20240610",
    "TimeOfLastCalibration": "060000",
    "ConvolutionKernel": ["Br40d", "3"],
    "PatientPosition": "HFS",
    "SingleCollimationWidth": 0.6,
    "TotalCollimationWidth": 57.6,
    "TableSpeed": 138.2,
    "TableFeedPerRotation": 69.1,
    "SpiralPitchFactor": 1.2,
    "ExposureModulationType": "XYZ_EC",
    "CTDIvol": 7.894,
}

_IMAGE = {
    "SamplesPerPixel": 1,
    "PhotometricInterpretation": "MONOCHROME2",
    "PixelSpacing": ["0.7421875", "0.7421875"],
    "BitsAllocated": 16,
    "BitsStored": 16,
    "HighBit": 15,
    "PixelRepresentation": 1,
    "SmallestImagePixelValue": -2000,
    "LargestImagePixelValue": 2492,
    "PixelPaddingValue": -2000,
    "WindowCenter": ["50", "-600"],
    "WindowWidth": ["400", "1200"],
    "WindowCenterWidthExplanation": ["WINDOW1", "WINDOW2"],
    "RescaleIntercept": "-1024",
    "RescaleSlope": "1",
    "RescaleType": "HU",
    "LossyImageCompression": "00",
}

# Of the CT header, what an enhanced image tells frame by frame.
_PER_FRAME = [
    "ImageOrientationPatient",
    "PixelSpacing",
    "SliceThickness",
    "RescaleIntercept",
    "RescaleSlope",
    "RescaleType",
    "WindowCenter",
    "WindowWidth",
    "WindowCenterWidthExplanation",
]


def _references(ds: Dataset, patient: int, study: int) -> None:
    scheme = data_set(CodingSchemeDesignator="99BENCH", CodingSchemeUID=ROOT + ".99")
    ds.CodingSchemeIdentificationSequence = Sequence([scheme])
    ds.ProcedureCodeSequence = Sequence([code("RPID16", "RADLEX", "CT Chest Abdomen W Contrast")])
    study_reference = data_set(
        ReferencedSOPClassUID="1.2.840.10008.3.1.2.3.1", ReferencedSOPInstanceUID=f"{ROOT}.5.{patient}.{study}"
    )
    ds.ReferencedStudySequence = Sequence([study_reference])
    images = []
    for i in range(2):
        image = data_set(ReferencedSOPClassUID=CT_IMAGE, ReferencedSOPInstanceUID=f"{ROOT}.6.{patient}.{study}.{i}")
        image.PurposeOfReferenceCodeSequence = Sequence([code("121311", "DCM", "Localizer")])
        images.append(image)
    ds.ReferencedImageSequence = Sequence(images)


def _patient(ds: Dataset, patient: int) -> None:
    ds.PatientName = f"Patient{patient:05d}^Given{patient % 97}^^Dr."
    ds.PatientID = f"PID{patient:07d}"
    ds.IssuerOfPatientID = "BENCHHOSP"
    ds.PatientBirthDate = f"19{40 + patient % 60:02d}0{1 + patient % 9}1{patient % 10}"
    ds.PatientSex = "FM"[patient % 2]
    ds.PatientAge = "056Y"
    other = data_set(PatientID=f"ALT{patient:06d}", IssuerOfPatientID="OTHERHOSP", TypeOfPatientID="TEXT")
    ds.OtherPatientIDsSequence = Sequence([other])
    ds.PatientSize = "1.78"
    ds.PatientWeight = "81.5"
    ds.PatientComments = "Kein Kommentar"
    ds.PatientIdentityRemoved = "NO"


def _private_acquisition(ds: Dataset, rng: np.random.Generator) -> None:
    block = ds.private_block(0x0019, "BENCH CT VA0  COAD", create=True)
    for k in range(24):
        if k % 3 == 0:
            block.add_new(0x90 + k, "DS", f"{rng.uniform(0, 1000):.6f}")
        elif k % 3 == 1:
            block.add_new(0x90 + k, "SL", int(rng.integers(-1000, 1000)))
        else:
            block.add_new(0x90 + k, "LO", f"VALUE_{k}_{int(rng.integers(0, 9999))}")


def _relationship(ds: Dataset, patient: int, study: int, series: int) -> None:
    ds.StudyInstanceUID = f"{ROOT}.1.{patient}.{study}"
    ds.SeriesInstanceUID = f"{ROOT}.2.{patient}.{study}.{series}"
    ds.StudyID = f"{patient}"
    ds.SeriesNumber = series
    ds.AcquisitionNumber = 3
    ds.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    ds.FrameOfReferenceUID = f"{ROOT}.3.{patient}.{study}"
    ds.PositionReferenceIndicator = ""
    ds.ImageComments = "1 IMAGE"


def _private_image(ds: Dataset, rng: np.random.Generator) -> None:
    block = ds.private_block(0x0021, "BENCH MED", create=True)
    block.add_new(0x11, "DS", ["0.741", "0.741"])
    block.add_new(0x12, "OB", rng.integers(0, 256, 512, dtype=np.uint8).tobytes())
    item = Dataset()
    item.private_block(0x0021, "BENCH MED", create=True).add_new(0x20, "LO", "nested private")
    block.add_new(0x13, "SQ", Sequence([item]))


def _request(ds: Dataset) -> None:
    ds.RequestedProcedureDescription = "CT Thorax/Abdomen"
    ds.PerformedProcedureStepStartDate = "20240611"
    ds.PerformedProcedureStepStartTime = "100101"
    ds.PerformedProcedureStepID = "PPS1"
    ds.PerformedProcedureStepDescription = "CT^Thorax"
    request = data_set(
        RequestedProcedureDescription="CT Thorax",
        ScheduledProcedureStepDescription="CT Thorax",
        ScheduledProcedureStepID="SPS1",
        RequestedProcedureID="RP1",
    )
    request.ScheduledProtocolCodeSequence = Sequence([code("CTTHX", "99BENCH", "CT Thorax")])
    ds.RequestAttributesSequence = Sequence([request])


def _functional_groups(i: int) -> Dataset:
    """One item of the Per-frame Functional Groups Sequence (PS3.3 §C.7.6.16)."""
    content = data_set(
        FrameAcquisitionNumber=i + 1,
        FrameAcquisitionDateTime=f"20240611101112.{i:06d}",
        FrameReferenceDateTime=f"20240611101112.{i:06d}",
        FrameAcquisitionDuration=500.0,
        StackID="1",
        InStackPositionNumber=i + 1,
        DimensionIndexValues=[1, i + 1, 1],
    )
    frame_type = data_set(
        FrameType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE"],
        PixelPresentation="MONOCHROME",
        VolumetricProperties="VOLUME",
        VolumeBasedCalculationTechnique="NONE",
    )
    exposure = data_set(ExposureTimeInms=500.0, XRayTubeCurrentInmA=234.0 + i % 7, ExposureInmAs=117.0, CTDIvol=7.9)
    source = data_set(ReferencedSOPClassUID=CT_IMAGE, ReferencedSOPInstanceUID=f"{ROOT}.6.2.1.{i}")
    source.PurposeOfReferenceCodeSequence = Sequence(
        [code("121322", "DCM", "Source image for image processing operation")]
    )
    position = data_set(ImagePositionPatient=["-189.6289", "-352.1289", f"{-700.5 + i:.4f}"])
    orientation = data_set(ImageOrientationPatient=["1", "0", "0", "0", "1", "0"])
    rescale = data_set(RescaleIntercept="-1024", RescaleSlope="1", RescaleType="HU")
    window = data_set(WindowCenter=["50", "-600"], WindowWidth=["400", "1200"])
    return data_set(
        FrameContentSequence=Sequence([content]),
        PlanePositionSequence=Sequence([position]),
        PlaneOrientationSequence=Sequence([orientation]),
        PixelValueTransformationSequence=Sequence([rescale]),
        FrameVOILUTSequence=Sequence([window]),
        CTImageFrameTypeSequence=Sequence([frame_type]),
        CTExposureSequence=Sequence([exposure]),
        ReferencedImageSequence=Sequence([source]),
    )


def enhanced_ct(frames: int, rng: np.random.Generator) -> Dataset:
    """An Enhanced CT Image of 64 x 64 pixels without its Pixel Data."""
    ds = ct_header(2, 1, 1, rng)
    for keyword in _PER_FRAME:
        delattr(ds, keyword)
    put(ds, {"SOPClassUID": ENHANCED_CT_IMAGE, "SOPInstanceUID": ROOT + ".8.1", "InstanceNumber": 1})
    put(ds, {"NumberOfFrames": frames, "Rows": 64, "Columns": 64})
    measures = data_set(PixelSpacing=["0.7421875", "0.7421875"], SliceThickness="1.0")
    ds.SharedFunctionalGroupsSequence = Sequence([data_set(PixelMeasuresSequence=Sequence([measures]))])
    ds.PerFrameFunctionalGroupsSequence = Sequence([_functional_groups(i) for i in range(frames)])
    ds["PerFrameFunctionalGroupsSequence"].is_undefined_length = True
    return ds


def _contours(roi: int, contours: int) -> Sequence:
    items = []
    angle = np.linspace(0, 2 * np.pi, 150, endpoint=False)
    radius = 40 + 5 * np.sin(5 * angle + roi)
    for j in range(contours):
        image = data_set(ReferencedSOPClassUID=CT_IMAGE, ReferencedSOPInstanceUID=f"{ROOT}.4.3.1.1.{j + 1}")
        points = np.stack([radius * np.cos(angle), radius * np.sin(angle), np.full(150, -700.5 + j)], 1).ravel()
        contour = data_set(
            ContourImageSequence=Sequence([image]), ContourGeometricType="CLOSED_PLANAR", NumberOfContourPoints=150
        )
        contour.ContourData = [f"{v:.4f}" for v in points]
        items.append(contour)
    return Sequence(items)


def rt_structure_set(rois: int, contours: int, rng: np.random.Generator) -> Dataset:
    """An RT Structure Set of `rois` x `contours` contours of 150 points."""
    ds = ct_header(3, 1, 1, rng)
    for tag in list(ds.keys()):
        if ds[tag].tag.group in (0x0018, 0x0019, 0x0021, 0x0028):
            del ds[tag]
    put(ds, {"Modality": "RTSTRUCT", "SOPClassUID": RT_STRUCTURE_SET, "SOPInstanceUID": ROOT + ".8.2"})
    put(ds, {"StructureSetLabel": "RTstruct", "StructureSetName": "ROI"})
    put(ds, {"StructureSetDate": "20240611", "StructureSetTime": "101010"})
    structure_sets, roi_contours, observations = [], [], []
    for k in range(rois):
        roi = data_set(ROINumber=k + 1, ReferencedFrameOfReferenceUID=ds.FrameOfReferenceUID, ROIName=f"ROI_{k}")
        roi.ROIGenerationAlgorithm = "SEMIAUTOMATIC"
        structure_sets.append(roi)
        colour = [int(v) for v in rng.integers(0, 256, 3)]
        roi_contours.append(
            data_set(ROIDisplayColor=colour, ContourSequence=_contours(k, contours), ReferencedROINumber=k + 1)
        )
        observation = data_set(ObservationNumber=k + 1, ReferencedROINumber=k + 1)
        put(observation, {"RTROIInterpretedType": "ORGAN", "ROIInterpreter": ""})
        observations.append(observation)
    ds.StructureSetROISequence = Sequence(structure_sets)
    ds.ROIContourSequence = Sequence(roi_contours)
    ds.RTROIObservationsSequence = Sequence(observations)
    return ds
