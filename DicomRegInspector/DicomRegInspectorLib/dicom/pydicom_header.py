"""Headers by pydicom, for every file that the fast walk of :mod:`.fast_header` does not understand."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .. import limits
from ..errors import FileError, NotDicomError, TruncatedFileError, errors_of_file
from . import tags
from .deflated_source import InflatedBeginning
from .header import Header
from .pixel_extent import length_values, pixel_extent
from .source import BoundedFile
from .tags import Tag

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom.dataset import Dataset

MAX_INFLATED = limits.INFLATED_HEADER.value
MOST_READS, MOST_READS_OF_FRAME = limits.HEADER_PIECES.value, limits.HEADER_PIECES_OF_FRAME

_TEXT_VRS = frozenset(
    ["AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UN", "UR", "UT"]
)
_DIRECTORY_RECORDS = 0x00041220
_INFLATED_FIRST = (1 << 16, 1 << 20)
"""Bytes that nearly every header is within, and those with long private values."""
_REGISTRATION_SEQUENCES = (tags.DEFORMABLE_REGISTRATION_SEQUENCE, tags.REGISTRATION_SEQUENCE)
_FIRST_BULK_TAG = tags.DEFORMABLE_REGISTRATION_SEQUENCE


class _LimitedReads:
    """A stream for pydicom that gives so many pieces and then refuses."""

    def __init__(self, stream: Any, name: str, most: int) -> None:
        self._read = stream.read
        self.seek, self.tell = stream.seek, stream.tell
        self.name = name
        self._most = self._left = most

    def read(self, size: int = -1, /) -> bytes:
        """The next ``size`` bytes."""
        self._left -= 1
        if self._left < 0:
            raise FileError(self.name, limits.HEADER_PIECES.met.format(f"{self._most:,}"))
        return self._read(size)


class _Stop:
    """pydicom's ``stop_when``: where reading ends, with a check of every length against the file on the way."""

    def __init__(self, stream: Any, size: int, name: str, *, last_tag: int, after_last: bool) -> None:
        self.stream = stream
        self.size = size
        self.name = name
        self.last_tag = last_tag
        self.after_last = after_last
        self.was_asked = False
        self.last_seen = False
        self.stopped_at = 0
        self.length = 0
        self.value_offset = 0
        self.end = 0

    def __call__(self, tag: int, vr: str | None, length: int) -> bool:
        self.was_asked = True
        behind_sequence = self.length == tags.UNDEFINED and not self.stopped_at
        self.value_offset = self.stream.tell()
        self.length = length
        # A second call for one element happens when pydicom probes its encoding; the answer stays the same.
        if tag > self.last_tag or self.last_seen:
            self.stopped_at = int(tag)
            if behind_sequence:  # whose end only the next element tells
                self.end = self.value_offset - (12 if vr is not None and vr.encode() in tags.LONG_VRS else 8)
            return True
        if length == tags.UNDEFINED:
            self.end = 0
        else:
            self.end = self.value_offset + length
            if self.end > self.size:
                raise TruncatedFileError(
                    self.name, tags.truncation_problem(int(tag), length, self.size - self.value_offset)
                )
        self.last_seen = self.after_last and tag == self.last_tag
        return False

    def check_tail(self) -> None:
        """An element that begins within the last 8 bytes cannot be whole."""
        if self.length == tags.UNDEFINED and not self.stopped_at:
            self.end = self.size
        left = self.size - self.end
        if not self.stopped_at and not self.last_seen and self.end and 0 < left < 8:
            raise TruncatedFileError(self.name, tags.partial_element_problem(left))


@contextmanager
def _pydicom_errors(name: str) -> Iterator[None]:
    """Turn whatever pydicom raises into a FileError."""
    with errors_of_file(name, "has a header that cannot be parsed"):
        try:
            yield
        except EOFError as error:
            raise TruncatedFileError(name, "is cut off within its header. Copy or export it again.") from error
        except OSError as error:
            # pydicom raises one without a number whatever happened where it reads the header of an item.
            if error.errno is not None:
                raise
            if isinstance(error.__context__, FileError | RecursionError):
                raise error.__context__ from None
            raise TruncatedFileError(
                name, "is cut off within a sequence of its header. Copy or export it again."
            ) from error


def slow_header(name: str, descriptor: int, head: bytes, size: int) -> Header:
    """Return the header by pydicom. Same result as the fast walk wherever both can read a file.

    Raises
    ------
    NotDicomError, TruncatedFileError, FileError
    """
    with BoundedFile(descriptor, size, name) as stream, _pydicom_errors(name):
        if tags.DEFLATED_LITTLE_ENDIAN.encode() in head[:2048]:
            return _deflated_header(name, size)
        meta, dataset, stop = _read(stream, size, name)
        if not _identified(dataset) and not _is_directory(meta):
            # Out of order, or not an image: whatever identifies the object may stand further on.
            meta, dataset, stop = _read(stream, size, name, last_tag=_FIRST_BULK_TAG - 1)
        elements = _elements(meta, dataset)
        if not stop.was_asked and head[128:132] == b"DICM" and not _is_directory(meta):
            raise TruncatedFileError(name, "is cut off: it ends before its dataset begins. Copy or export it again.")
        _require_content(name, head, elements)
        syntax = _syntax(meta)
        extent = pixel_extent(
            descriptor, length_values(elements), syntax, size, stop.end, lambda: _locate_pixel_data(stream, size, name)
        )
        return Header(name, syntax, elements, size, *extent, stop.stopped_at in _REGISTRATION_SEQUENCES)


def _read(stream: Any, size: int, name: str, *, last_tag: int = tags.LAST_TAG) -> tuple[Dataset, Dataset, _Stop]:
    from pydicom.filereader import read_partial

    stream.seek(0)
    stream = _LimitedReads(stream, name, MOST_READS)
    stop = _Stop(stream, size, name, last_tag=last_tag, after_last=last_tag == tags.LAST_TAG)
    in_directory = tags.MEDIA_STORAGE_DIRECTORY.encode() in stream.read(1024)
    stream.seek(0)
    stop_when = _DirectoryStop(stop) if in_directory else stop
    dataset = read_partial(stream, stop_when=stop_when, force=True, specific_tags=list(tags.WANTED))
    stop.check_tail()
    return dataset.file_meta, dataset, stop


class _DirectoryStop:
    """Stops at the records of a media directory, which are of no interest and may be many.

    Other elements of group 0004 are left in data sets by exporters and mean nothing there.
    """

    def __init__(self, stop: Callable[[int, str | None, int], bool]) -> None:
        self._stop = stop

    def __call__(self, tag: int, vr: str | None, length: int) -> bool:
        return tag == _DIRECTORY_RECORDS or self._stop(tag, vr, length)


def _is_directory(meta: Dataset) -> bool:
    return str(meta.get("MediaStorageSOPClassUID", "")) == tags.MEDIA_STORAGE_DIRECTORY


def _syntax(meta: Dataset) -> str:
    return str(meta.get("TransferSyntaxUID") or "").rstrip("\0")


def _identified(dataset: Dataset) -> bool:
    return all(
        dataset.get_item(tag) is not None for tag in (Tag.SOP_CLASS_UID, Tag.SOP_INSTANCE_UID, Tag.SERIES_INSTANCE_UID)
    )


def _deflated_header(name: str, size: int) -> Header:
    """The header of a deflated file: no more is inflated than it takes, and of an image to tell whether it is whole."""
    from pydicom.filereader import read_dataset

    meta, beginning = _inflating(name)
    with beginning:
        for most in (*_INFLATED_FIRST, MAX_INFLATED):
            beginning.extend(most)
            data = bytes(beginning.data)
            inflated = _LimitedReads(io.BytesIO(data), name, MOST_READS)
            stop = _Stop(inflated, len(data), name, last_tag=tags.LAST_TAG, after_last=True)
            is_part = most < MAX_INFLATED and len(data) >= most
            try:
                dataset = read_dataset(inflated, False, True, stop_when=stop, specific_tags=list(tags.WANTED))
            except Exception as error:  # pydicom raises anything where its data end
                if is_part:
                    continue
                if len(data) < MAX_INFLATED or not isinstance(error, TruncatedFileError):
                    raise
                problem = f"{limits.INFLATED_HEADER.sentence} Export it with an uncompressed transfer syntax."
                raise FileError(name, problem) from error
            if stop.stopped_at or not is_part:
                break
        is_registration = stop.stopped_at in _REGISTRATION_SEQUENCES
        if not is_registration:  # whose reader tells, and inflates it all
            beginning.look_ahead(MAX_INFLATED)
        cut_off = beginning.is_cut_off
    if cut_off:
        stop.check_tail()
    elements = _elements(meta, dataset)
    _require_content(name, b"", elements)
    state = "cut off" if cut_off else "unchecked"
    return Header(name, tags.DEFLATED_LITTLE_ENDIAN, elements, size, state, has_registration_sequence=is_registration)


def _inflating(name: str) -> tuple[Dataset, InflatedBeginning]:
    """The file meta information, and the deflate stream after it: explicit little endian (PS3.5 annex A.5)."""
    from pydicom.filereader import read_file_meta_info

    meta = read_file_meta_info(name)
    if _syntax(meta) != tags.DEFLATED_LITTLE_ENDIAN or "FileMetaInformationGroupLength" not in meta:
        raise FileError(name, "names the deflated transfer syntax where it has no meaning.")
    return meta, InflatedBeginning(name, 132 + 12 + int(meta.FileMetaInformationGroupLength))


def _locate_pixel_data(stream: Any, size: int, name: str) -> tuple[int, int] | None:
    """Offset and length of Pixel Data's value; None where there is none."""
    from pydicom.filereader import read_partial

    stream.seek(0)
    stop = _Stop(stream, size, name, last_tag=tags.PIXEL_DATA - 1, after_last=False)
    read_partial(stream, stop_when=stop, force=True, specific_tags=[Tag.SPECIFIC_CHARACTER_SET])
    return (stop.value_offset, stop.length) if stop.stopped_at == tags.PIXEL_DATA else None


def pixel_data_by_pydicom(descriptor: int, size: int, name: str) -> tuple[int, int] | None:
    """Return offset and length of Pixel Data's value in any file; None where there is none.

    Raises TruncatedFileError when an element before Pixel Data ends beyond the file.
    """
    with BoundedFile(descriptor, size, name) as stream, _pydicom_errors(name):
        return _locate_pixel_data(stream, size, name)


def read_elements(path: str, wanted: list[int], frames: int = 1) -> Dataset:
    """Return the named elements of a file, wherever they stand before Pixel Data.

    ``frames``: how many the file says it has; so many more pieces are read.

    Raises FileError when the file cannot be read any more or its elements cannot be parsed.
    """
    from pydicom.filereader import read_dataset, read_partial

    most = MOST_READS + MOST_READS_OF_FRAME * max(frames, 1)
    try:
        with open(path, "rb") as file, _pydicom_errors(path):
            size = os.fstat(file.fileno()).st_size
            with BoundedFile(file.fileno(), size, path) as stream:
                if tags.DEFLATED_LITTLE_ENDIAN.encode() in stream.read(2048):
                    with _inflating(path)[1] as beginning:
                        inflated = io.BytesIO()
                        inflated.writelines(beginning.pieces(MAX_INFLATED))
                        count = inflated.tell()
                        inflated.seek(0)
                    limited = _LimitedReads(inflated, path, most)
                    stop = _Stop(limited, count, path, last_tag=tags.PIXEL_DATA - 1, after_last=False)
                    return read_dataset(limited, False, True, stop_when=stop, specific_tags=list(wanted))
                stream.seek(0)
                limited = _LimitedReads(stream, path, most)
                stop = _Stop(limited, size, path, last_tag=tags.PIXEL_DATA - 1, after_last=False)
                return read_partial(limited, stop_when=stop, force=True, specific_tags=list(wanted))
    except OSError as error:
        raise FileError(path, f"cannot be read ({error.strerror or error}).") from error


def _elements(meta: Dataset, dataset: Dataset) -> dict[int, bytes]:
    """Raw values of the wanted elements as the fast walk gives them: text as it is, numbers little endian."""
    elements: dict[int, bytes] = {}
    media_class = str(meta.get("MediaStorageSOPClassUID", "") or "")
    for tag, vr in tags.WANTED.items():
        if tag >> 16 == 2:
            continue
        element = dataset.get_item(tag)
        if element is None:
            continue
        allowed = {"UN", vr.decode()} if vr in tags.BINARY_SIZES else _TEXT_VRS
        allowed = {vr.decode()} if tag in tags.LENIENT else allowed
        usable = element.VR is None or element.VR in allowed
        value = _character_set(element.value) if tag == Tag.SPECIFIC_CHARACTER_SET else element.value or b""
        if usable and isinstance(value, bytes):
            little = getattr(element, "is_little_endian", True)
            elements[tag] = value if little or vr not in tags.BINARY_SIZES else _swapped(value, tags.BINARY_SIZES[vr])
    if media_class:
        elements[Tag.MEDIA_STORAGE_SOP_CLASS_UID] = media_class.encode("ascii", "replace")
    return elements


def _character_set(value: Any) -> bytes:
    """pydicom decodes this element on its own; here it is as it was, without padding."""
    if isinstance(value, bytes):
        names = value.decode("ascii", "replace").split("\\")
    else:
        names = [value or ""] if value is None or isinstance(value, str) else [str(name) for name in value]
    return "\\".join(name.strip(" \0") for name in names).encode("ascii", "replace")


def _swapped(value: bytes, size: int) -> bytes:
    return b"".join(value[start : start + size][::-1] for start in range(0, len(value), size))


def _require_content(name: str, head: bytes, elements: dict[int, bytes]) -> None:
    identifying = (
        Tag.MEDIA_STORAGE_SOP_CLASS_UID,
        Tag.SOP_CLASS_UID,
        Tag.SERIES_INSTANCE_UID,
        Tag.MODALITY,
        Tag.ROWS,
    )
    if any(elements.get(tag) for tag in identifying):
        return
    if head[128:132] == b"DICM" or not head:
        raise FileError(name, "begins as DICOM does, but says neither what it is nor what it belongs to. Get it again.")
    raise NotDicomError(name, "is not DICOM: it begins like an element, but no DICOM object follows.")
