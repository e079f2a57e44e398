"""Frames of enhanced objects: their planes and their values by functional groups (PS3.3 C.7.6.16)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...dicom.header import Header, decoded, numbers
from ...dicom.identity import identities_of
from ...dicom.private_elements import gradient_text
from ...dicom.raw_elements import first_item, raw_of, text_of, vector_of
from ...dicom.tags import Tag
from ...errors import errors_of_file
from .stacks import SLIDE, ULTRASOUND_VOLUME, Slice, precision_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

SHARED_GROUPS = 0x52009229
PER_FRAME_GROUPS = 0x52009230
DIMENSION_INDEX_SEQUENCE = 0x00209222
_DIMENSION_POINTER, _DIMENSION_VALUES = 0x00209165, 0x00209157
_PLANE_POSITION, _PLANE_ORIENTATION, _PIXEL_MEASURES = 0x00209113, 0x00209116, 0x00289110
_VOLUME_POSITION, _VOLUME_ORIENTATION = 0x0020930E, 0x0020930F
_SLIDE_POSITION = 0x0048021A
_FRAME_CONTENT, _DIFFUSION, _DIRECTION_SEQUENCE = 0x00209111, 0x00189117, 0x00189076
_PLACES = frozenset([0x00209057, 0x00200032, 0x00209301, 0x00201041, 0x0048021E, 0x0048021F, 0x0040072A, 0x0040073A])
"""Where Dimension Index Pointers point to when an index tells where a frame lies, not what is on it: In-Stack Position
Number, Image Position, Slice Location, places in a slide's pixel matrix."""

_NUMBERS = (
    (_FRAME_CONTENT, 0x00209128, "temporal position"),
    (0x00209310, 0x0020930D, "temporal position time offset"),
    (_DIFFUSION, 0x00189087, "b-value"),
    (0x00189114, 0x00189082, "echo time"),
    (0x00189115, 0x00189079, "inversion time"),
    (0x00189112, 0x00181314, "flip angle"),
    (0x00189118, 0x00209241, "cardiac phase"),
    (0x00189118, 0x00209153, "cardiac trigger delay"),
    (0x00209253, 0x00209245, "respiratory phase"),
    (0x0062000A, 0x0062000B, "segment"),
    (_FRAME_CONTENT, 0x00209156, "acquisition number"),
    (_PIXEL_MEASURES, 0x00180050, "slice thickness"),
    (_PIXEL_MEASURES, 0x00180088, "spacing between slices"),
    (0x00189325, 0x00180060, "kVp"),
)
"""(group sequence, element, name): numbers that frames may differ by; the names are those of single images' headers."""
_TEXTS = (
    (_FRAME_CONTENT, 0x00209056, "stack ID"),
    (_FRAME_CONTENT, 0x00189074, "acquisition date and time"),
    (0x00189251, 0x00189257, "ASL context"),
    (0x00189314, 0x00181210, "convolution kernel"),
    (0x00189226, 0x00089208, "complex image component"),
    (0x00189807, 0x00189808, "data type"),
    *((sequence, 0x00089007, "image type") for sequence in (0x00189226, 0x00189329, 0x00189751, 0x00189504)),
    *((sequence, 0x00089007, "image type") for sequence in (0x00189806, 0x00409092)),
)


def functional_group_slices(header: Header) -> list[Slice]:
    """Read the frames of an enhanced object: by their own functional groups first, else by the shared ones.

    Raises FileError when the file can no longer be read, or its functional groups cannot be parsed.

    Returns one slice for each frame, without a plane where it has none; nothing where the object has no functional
    groups.
    """
    from ...dicom.pydicom_header import read_elements

    wanted = [SHARED_GROUPS, PER_FRAME_GROUPS, DIMENSION_INDEX_SEQUENCE]
    dataset = read_elements(header.path, wanted, header.number_of_frames)
    with errors_of_file(header.path, "has functional groups that cannot be parsed"):
        shared = first_item(dataset, SHARED_GROUPS)
        frames = list(dataset[PER_FRAME_GROUPS].value) if PER_FRAME_GROUPS in dataset else []
        if not frames:
            return []
        groups = [_groups(shared, frame) for frame in frames]
        indices = _dimension_indices(dataset, groups)
        shown = _shown_of(header)
        return [
            _frame_slice(header, group, number, index, shown)
            for number, (group, index) in enumerate(zip(groups, indices, strict=True), start=1)
        ]


_Group = Callable[[int], "Dataset | None"]
_Shown = Callable[["Dataset | None", int], str]


def _shown_of(header: Header) -> _Shown:
    """What gives the text of an element, without whom the header names."""
    identities, character_set = identities_of(header.elements), header.raw(Tag.SPECIFIC_CHARACTER_SET)

    def shown(dataset: Dataset | None, tag: int) -> str:
        raw = raw_of(dataset, tag)
        return identities.masked(decoded(raw, character_set) if raw else text_of(dataset, tag))

    return shown


def _groups(shared: Dataset | None, frame: Dataset) -> _Group:
    """What gives the first item of a group sequence, the frame's own first; each is looked for once."""
    found: dict[int, Dataset | None] = {}

    def group(tag: int) -> Dataset | None:
        if tag not in found:
            own = first_item(frame, tag)
            found[tag] = own if own is not None else first_item(shared, tag)
        return found[tag]

    return group


def _frame_slice(header: Header, group: _Group, number: int, index: str, shown: _Shown) -> Slice:
    position = raw_of(group(_PLANE_POSITION), Tag.IMAGE_POSITION)
    orientation = raw_of(group(_PLANE_ORIENTATION), Tag.IMAGE_ORIENTATION)
    spacing = raw_of(group(_PIXEL_MEASURES), Tag.PIXEL_SPACING)
    values = dict(_values(group, shown))
    if index:
        values["dimension index"] = index
    place, plane, coordinates = numbers(position, 3), numbers(orientation, 6), ""
    if place is None and group(_VOLUME_POSITION) is not None:
        # Ultrasound volumes lie in a frame of reference of their own (C.7.6.16.2.21), not in the patient's.
        place = _exactly(3, vector_of(group(_VOLUME_POSITION), 0x00209301))
        plane = _exactly(6, vector_of(group(_VOLUME_ORIENTATION), 0x00209302))
        coordinates = ULTRASOUND_VOLUME
    elif place is None and group(_SLIDE_POSITION) is not None:
        coordinates = SLIDE
    return Slice(
        header,
        place,
        plane,
        numbers(spacing, 2),
        precision_of(position),
        precision_of(orientation),
        number,
        values,
        coordinates=coordinates,
        unread=tuple(
            (tag, raw)
            for tag, raw, value in (
                (Tag.IMAGE_POSITION, position, place),
                (Tag.IMAGE_ORIENTATION, orientation, plane),
                (Tag.PIXEL_SPACING, spacing, numbers(spacing, 2)),
            )
            if value is None and raw.strip(b" \0")
        ),
    )


def _exactly(count: int, values: tuple[float, ...]) -> tuple[float, ...] | None:
    return values if len(values) == count else None


def _values(group: _Group, shown: _Shown) -> Iterator[tuple[str, float | str]]:
    """What the frame says for itself; the first of several places of a value counts."""
    told = set()
    for sequence, tag, name in _NUMBERS:
        found = vector_of(group(sequence), tag)
        if found and name not in told:
            told.add(name)
            yield name, found[0]
    for sequence, tag, name in _TEXTS:
        text = shown(group(sequence), tag).upper()
        if text and name not in told:
            told.add(name)
            yield name, "\\".join(part.strip() for part in text.split("\\"))
    diffusion = group(_DIFFUSION)
    if diffusion is not None:
        direction = vector_of(first_item(diffusion, _DIRECTION_SEQUENCE), 0x00189089)
        # Zeros for images without diffusion weighting: they are a set like any other.
        yield "gradient", gradient_text(direction or (0.0, 0.0, 0.0))


def _dimension_indices(dataset: Dataset, groups: Sequence[_Group]) -> list[str]:
    """What Dimension Index Values (C.7.6.17) say of each frame besides its place; empty text where nothing."""
    values = [vector_of(group(_FRAME_CONTENT), _DIMENSION_VALUES) for group in groups]
    lengths = {len(value) for value in values}
    if lengths == {0} or len(lengths) != 1:
        return [""] * len(groups)
    table = np.array(values)
    pointers = []
    if DIMENSION_INDEX_SEQUENCE in dataset:
        pointers = [_pointer(item) for item in dataset[DIMENSION_INDEX_SEQUENCE].value]
    if len(pointers) == table.shape[1]:
        kept = [column for column, pointer in enumerate(pointers) if pointer not in _PLACES]
    else:
        kept = _not_places(table, groups)
    varying = [column for column in kept if np.ptp(table[:, column]) > 0]
    return ["\\".join(f"{value:g}" for value in row) for row in table[:, varying]] if varying else [""] * len(groups)


def _pointer(item: Dataset) -> int:
    found = item[_DIMENSION_POINTER].value if _DIMENSION_POINTER in item else None
    return int(found) if found is not None else 0


def _not_places(table: np.ndarray, groups: Sequence[_Group]) -> list[int]:
    """Columns that do not follow the frames' positions, where no pointers say which do."""
    positions = [raw_of(group(_PLANE_POSITION), Tag.IMAGE_POSITION) for group in groups]
    places = len(set(positions))
    kept = []
    for column in range(table.shape[1]):
        pairs = {(value, place) for value, place in zip(table[:, column].tolist(), positions, strict=True)}
        if not len(pairs) == places == len(set(table[:, column].tolist())):
            kept.append(column)
    return kept
