"""Reads DICOM at the speed of the machine.

The names are pydicom's where pydicom has one, the standard's word where it has none.
"""

from . import errors as errors
from ._rapidicom import STANDARD_EDITION as STANDARD_EDITION
from ._rapidicom import DataElement as DataElement
from ._rapidicom import Dataset as Dataset
from ._rapidicom import Frames as Frames
from ._rapidicom import Index as Index
from ._rapidicom import Limits as Limits
from ._rapidicom import RecordBatch as RecordBatch
from ._rapidicom import Scan as Scan
from ._rapidicom import Schema as Schema
from ._rapidicom import Sequence as Sequence
from ._rapidicom import __version__ as __version__
from ._rapidicom import dcmread as dcmread
from ._rapidicom import index as index
from ._rapidicom import is_dicom as is_dicom
from ._rapidicom import iter_pixels as iter_pixels
from ._rapidicom import pixel_array as pixel_array
from ._rapidicom import scan as scan
from .errors import DicomError as DicomError
from .errors import FileChangedError as FileChangedError
from .errors import IncompleteFrameWarning as IncompleteFrameWarning
from .errors import InternalError as InternalError
from .errors import InvalidDicomError as InvalidDicomError
from .errors import LimitError as LimitError
from .errors import NoImageError as NoImageError
from .errors import PixelDecodeError as PixelDecodeError
from .errors import SampleRangeWarning as SampleRangeWarning
from .errors import TruncatedError as TruncatedError
from .errors import UnsupportedTransferSyntaxError as UnsupportedTransferSyntaxError
from .errors import ValueDecodeError as ValueDecodeError
from .person_name import PersonName as PersonName
from .tag import Tag as Tag
from .uid import UID as UID

TYPE_CHECKING = False
if TYPE_CHECKING:
    from . import delta as delta
    from . import dicomdir as dicomdir
    from . import pixels as pixels
    from . import polars as polars
    from . import pydicom as pydicom
    from . import pynetdicom as pynetdicom
    from . import remote as remote
    from . import spark as spark
    from . import video as video
    from .delta import IndexReport as IndexReport
    from .delta import build_index as build_index
    from .index_table import IndexTable as IndexTable
    from .index_table import open_index as open_index
    from .read_warning import ReadWarning as ReadWarning
    from .read_warning import WarningCode as WarningCode

__all__ = [
    "STANDARD_EDITION",
    "UID",
    "DataElement",
    "Dataset",
    "DicomError",
    "FileChangedError",
    "Frames",
    "IncompleteFrameWarning",
    "Index",
    "IndexReport",
    "IndexTable",
    "InternalError",
    "InvalidDicomError",
    "LimitError",
    "Limits",
    "NoImageError",
    "PersonName",
    "PixelDecodeError",
    "ReadWarning",
    "RecordBatch",
    "SampleRangeWarning",
    "Scan",
    "Schema",
    "Sequence",
    "Tag",
    "TruncatedError",
    "UnsupportedTransferSyntaxError",
    "ValueDecodeError",
    "WarningCode",
    "__version__",
    "build_index",
    "dcmread",
    "delta",
    "dicomdir",
    "errors",
    "index",
    "is_dicom",
    "iter_pixels",
    "open_index",
    "pixel_array",
    "pixels",
    "polars",
    "pydicom",
    "pynetdicom",
    "remote",
    "scan",
    "spark",
    "video",
]


if not TYPE_CHECKING:
    _MODULES = frozenset({"delta", "dicomdir", "pixels", "polars", "pydicom", "pynetdicom", "remote", "spark", "video"})
    _HOMES = {
        "IndexReport": "delta",
        "IndexTable": "index_table",
        "ReadWarning": "read_warning",
        "WarningCode": "read_warning",
        "build_index": "delta",
        "open_index": "index_table",
    }

    def __getattr__(name):
        """What is imported when first asked for: ``enum``, ``typing`` and numpy take longer than all of the above."""
        from importlib import import_module

        if name in _MODULES:
            return import_module(f".{name}", __name__)
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
