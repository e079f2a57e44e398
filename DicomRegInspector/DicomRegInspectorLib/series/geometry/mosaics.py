"""Slices tiled side by side in one image: Siemens' mosaics and UIH's grids, taken apart into the slices they hold."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ...dicom.header import Header, numbers
from ...dicom.private_elements import gradient_text
from ...dicom.raw_elements import raw_of, text_of, vector_of
from ...dicom.siemens_csa import csa_values
from ...dicom.tags import DEFLATED_LITTLE_ENDIAN, STORAGE, Tag
from ...errors import FileError, errors_of_file
from ...limits import TILES
from .stacks import UNPLACED, Slice, Tile, axes_of, precision_of, slice_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

MR_IMAGE = STORAGE + "4"
ACQUISITION_MATRIX = 0x00181310
LARGEST_FIELD_MM = 600.0
"""No scanner's field of view is wider both ways; an MR image that is shows several slices side by side."""
MOST_TILES = TILES.value
LOOKED_THROUGH = 1 << 16
"""Bytes at the beginning of a file in which the makers' names are looked for."""
_BLOCKS = range(0x10, 0x18)
"""Where a private creator is looked for: nearly always at 0x10 (PS3.5 section 7.8.1)."""
_NAMES = frozenset(["NumberOfImagesInMosaic", "SliceNormalVector"])
_CREATORS = {0x0019: "SIEMENS MR HEADER", 0x0029: "SIEMENS CSA HEADER", 0x0065: "IMAGE PRIVATE HEADER"}
_PRIVATE = {0x0019: (0x0A, 0x0C, 0x0E), 0x0029: (0x10, 0x20), 0x0065: (0x09, 0x37, 0x50, 0x51)}
_PROTOCOL_SLICES = re.compile(rb"sSliceArray\.lSize\s*=\s*(\d{1,4})\b")


@dataclass(frozen=True)
class Mosaic:
    """What one image of several slices was taken apart into."""

    slices: tuple[Slice, ...]
    """In the order of the tiles; a single one without a plane where the tiles cannot be placed."""
    maker: str
    """``Siemens`` or ``UIH``; empty where nothing says."""
    assumed: tuple[str, ...] = ()
    """What the file does not say, and was taken for granted, in words."""

    @property
    def is_split(self) -> bool:
        """Whether the slices are known."""
        return self.slices[0].tile is not None


class MosaicReader:
    """Tells which images are mosaics; looks into the first of each kind only, since private headers take time."""

    def __init__(self) -> None:
        self._plain: set[tuple[object, ...]] = set()

    def read(self, header: Header) -> Mosaic | None:
        """Return the slices of an image, if it holds several side by side; None for any other image.

        Raises FileError when the file can no longer be read.
        """
        if header.sop_class_uid != MR_IMAGE or header.number_of_frames > 1 or not header.is_image:
            return None
        kind = (header.study_uid, header.series_uid, header.image_type, header.rows, header.columns)
        named = "MOSAIC" in header.image_type or "VFRAME" in header.image_type
        if kind in self._plain and not named:
            return None
        try:
            mosaic = _mosaic(header) if named or _may_be_one(header) else None
        except FileError:
            if named:
                raise
            mosaic = None  # Whatever is wrong with its private elements, the image is a slice like any other.
        if mosaic is None:
            self._plain.add(kind)
        return mosaic


def _may_be_one(header: Header) -> bool:
    """Whether it is worth parsing private elements: only scanners of two makers write mosaics, or it is too wide."""
    spacing = header.pixel_spacing_mm or (0.0, 0.0)
    is_wide = min(header.rows * spacing[0], header.columns * spacing[1]) > LARGEST_FIELD_MM
    if is_wide or header.transfer_syntax_uid == DEFLATED_LITTLE_ENDIAN:
        return True
    try:
        with open(header.path, "rb", buffering=0) as file:
            begin = file.read(LOOKED_THROUGH).upper()
    except OSError:
        return False
    return any(creator.encode() in begin for creator in _CREATORS.values())


def _mosaic(header: Header) -> Mosaic | None:
    from ...dicom.pydicom_header import read_elements

    tags = [ACQUISITION_MATRIX]
    for group, elements in _PRIVATE.items():
        for block in _BLOCKS:
            tags += [group << 16 | block, *(group << 16 | block << 8 | element for element in elements)]
    dataset = read_elements(header.path, tags)
    with errors_of_file(header.path, "has private elements that cannot be parsed"):
        named = "MOSAIC" in header.image_type
        blocks = {group: _block(dataset, group, creator, named=named) for group, creator in _CREATORS.items()}
        if blocks[0x0065] is not None:
            grid = _uih_grid(header, dataset, blocks[0x0065])
            if grid is not None:
                return grid
        return _siemens_mosaic(header, dataset, blocks)


def _block(dataset: Dataset, group: int, creator: str, *, named: bool) -> int | None:
    """Tag of a private block's first element; None where the creator has none.

    Where an anonymizer took the creators' names, an image that is called a mosaic is believed to have the usual block.
    """
    creators = [text_of(dataset, group << 16 | block).upper() for block in _BLOCKS]
    if creator in creators:
        return group << 16 | _BLOCKS[creators.index(creator)] << 8
    return group << 16 | _BLOCKS[0] << 8 if named and not any(creators) and group != 0x0065 else None


def _siemens_mosaic(header: Header, dataset: Dataset, blocks: dict[int, int | None]) -> Mosaic | None:
    private, csa_block = blocks[0x0019], blocks[0x0029]
    csa = csa_values(raw_of(dataset, csa_block | 0x10), _NAMES) if csa_block is not None else {}
    count = 0
    if private is not None:
        count = int((vector_of(dataset, private | 0x0A) or (0,))[0])
    if count < 2:
        count = _whole((csa.get("NumberOfImagesInMosaic") or ("0",))[0])
    assumed = []
    if count < 2 and csa_block is not None and "MOSAIC" in header.image_type:
        # The series header quotes the protocol: how many slices it asked for.
        told = _PROTOCOL_SLICES.search(raw_of(dataset, csa_block | 0x20))
        count = int(told[1]) if told is not None else 0
        assumed = ["their number is that of the protocol, for want of NumberOfImagesInMosaic"] if count else []
    acquired = max(vector_of(dataset, ACQUISITION_MATRIX) or (0,))
    side = math.ceil(math.sqrt(count)) if 2 <= count <= MOST_TILES else 0
    # A slice that was cut out of its mosaic may keep the private header; it is as large as what was acquired.
    is_cut = 0 < max(header.rows, header.columns) <= acquired / 0.75
    if side and not is_cut and not header.rows % side and not header.columns % side:
        normal = [_decimal(value) for value in csa.get("SliceNormalVector", ())]
        values = _diffusion(dataset, private)
        direction = normal if len(normal) == 3 and None not in normal else None
        return _split(header, count, side, direction, values, assumed)
    return _unsplit(header, acquired)


def _unsplit(header: Header, acquired: float) -> Mosaic | None:
    """An image that must hold several slices by its size, or by its name and its size, but does not say how many."""
    spacing = header.pixel_spacing_mm
    if spacing is None or min(header.rows * spacing[0], header.columns * spacing[1]) <= LARGEST_FIELD_MM:
        return None
    tiles = [size / acquired if acquired else 0.0 for size in (header.rows, header.columns)]
    by_matrix = all(number >= 2 and number == int(number) for number in tiles)
    if not by_matrix and "MOSAIC" not in header.image_type:
        return None
    plain = slice_of(header)
    return Mosaic((replace(plain, position_lps_mm=None, coordinates=UNPLACED),), "", ("how many slices there are",))


def _split(
    header: Header,
    count: int,
    side: int,
    normal: list[float | None] | None,
    values: dict[str, float | str],
    assumed: list[str],
) -> Mosaic:
    """The tiles of a mosaic, row by row.

    Image Position is what it would be if the whole mosaic lay centred where one tile does: that of a tile is half the
    difference of their sizes further along rows and columns (nibabel's documentation of mosaics).
    """
    plain = slice_of(header)
    rows, columns = header.rows // side, header.columns // side
    tiles = [Tile(k // side * rows, k % side * columns, rows, columns) for k in range(count)]
    values = {**values, "instance": float(header.instance_number or 0)}
    position, orientation, spacing = plain.position_lps_mm, plain.orientation, plain.pixel_spacing_mm
    step = abs(header.spacing_between_slices_mm or 0.0)
    if not step:
        step = header.slice_thickness_mm or 0.0
        assumed.append("Slice Thickness (0018,0050) is taken for their distance, for want of Spacing Between Slices")
    is_plane = orientation is not None and np.linalg.norm(np.cross(orientation[:3], orientation[3:])) > 0.5
    if position is None or orientation is None or not is_plane or spacing is None or step <= 0:
        unplaced = (replace(plain, position_lps_mm=None, tile=tile, frame_values=values) for tile in tiles)
        return Mosaic(tuple(unplaced), "Siemens")
    row, column, along = axes_of(orientation)
    sign = float(np.sign(np.dot(along, np.array(normal, dtype=np.float64)))) if normal is not None else 0.0
    if not sign:
        sign = 1.0
        assumed.append("they are taken to follow each other along the normal, for want of SliceNormalVector")
    first = np.array(position) + row * spacing[1] * (header.columns - columns) / 2
    first = first + column * spacing[0] * (header.rows - rows) / 2
    slices = tuple(
        replace(
            plain,
            position_lps_mm=tuple(float(value) for value in first + k * step * sign * along),
            frame_values=values,
            tile=tile,
        )
        for k, tile in enumerate(tiles)
    )
    return Mosaic(slices, "Siemens", tuple(assumed))


def _diffusion(dataset: Dataset, private: int | None) -> dict[str, float | str]:
    """b-value and gradient direction as Siemens' private elements have them."""
    values: dict[str, float | str] = {}
    if private is None:
        return values
    b_value = vector_of(dataset, private | 0x0C)
    if b_value:
        values["b-value"] = float(b_value[0])
        direction = vector_of(dataset, private | 0x0E)
        values["gradient"] = gradient_text(direction or (0.0, 0.0, 0.0))
    return values


def _uih_grid(header: Header, dataset: Dataset, block: int) -> Mosaic | None:
    """The tiles of a UIH grid, row by row; each item of its frame sequence has the position of one."""
    sequence = block | 0x51
    items = list(dataset[sequence].value or ()) if sequence in dataset else []
    number = vector_of(dataset, block | 0x50)
    count = int(number[0]) if number else len(items)
    if not 2 <= count <= MOST_TILES or len(items) not in (0, count):
        return None
    across = math.ceil(math.sqrt(count))
    down = math.ceil(count / across)
    if header.columns % across or header.rows % down:
        return None
    rows, columns = header.rows // down, header.columns // across
    plain = slice_of(header)
    values: dict[str, float | str] = {"instance": float(header.instance_number or 0)}
    b_value = vector_of(dataset, block | 0x09)
    if b_value:
        direction = vector_of(dataset, block | 0x37) or (0.0, 0.0, 0.0)
        values |= {"b-value": b_value[0], "gradient": gradient_text(direction)}
    slices = []
    for k in range(count):
        item = items[k] if items else None
        raw = raw_of(item, Tag.IMAGE_POSITION)
        own = raw_of(item, Tag.IMAGE_ORIENTATION)
        slices.append(
            replace(
                plain,
                position_lps_mm=numbers(raw, 3),
                orientation=numbers(own, 6) or plain.orientation,
                precision_mm=precision_of(raw),
                frame_values=values,
                tile=Tile(k // across * rows, k % across * columns, rows, columns),
            )
        )
    return Mosaic(tuple(slices), "UIH")


def _whole(text: str) -> int:
    value = _decimal(text)
    return int(value) if value is not None and value == int(value) else 0


def _decimal(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
