"""A registration in the format of another program, and what that format or its readers do otherwise than DICOM says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..registration import Registration, RegistrationItem
from ..registration.choose import choose_item
from ..registration.file.write_transform import Undefined, WrittenTransform, format_of, write_transform
from ..registration.repairs import REPAIRS, Repair, repair_item
from ..words import plural

IN_SLICER = "3D Slicer adds the border's vector"


@dataclass(frozen=True)
class Export:
    """What was written."""

    output: Path
    description: str
    undefined_count: int
    """Vectors that the registration leaves undefined or infinite."""
    undefined: Undefined
    """What became of them."""
    outside: str = ""
    """What readers do outside the grid, where nothing is defined; empty where there is no grid."""
    sampled: str = ""
    """How far what was written is off between its nodes, where it was sampled; empty where it was not."""
    chosen: str = ""
    """How the item was chosen, where there were several and nobody said."""

    @property
    def loss(self) -> str:
        """What became zero, in a sentence; empty where nothing did."""
        if not self.undefined_count or self.undefined == "nan":
            return ""
        count = plural(self.undefined_count, "vector")
        if self.undefined == "zero":
            done = f"written as 0 mm: {count} that the file leaves undefined or infinite. The format cannot say so"
        else:
            done = (
                f"{count} that the file leaves undefined or infinite: NaN was written, but programs read NaN in "
                "NIfTI as 0 mm"
            )
        return f"{done}; do not use what lies there, for which map gives nan. .nrrd, .mha and .h5 keep NaN."

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user has to know, in sentences."""
        notes = [self.sampled] if self.sampled else []
        if self.undefined_count and self.undefined == "nan":
            notes.append(
                f"{plural(self.undefined_count, 'vector')} that the file leaves undefined or infinite: NaN. Programs "
                "sample nothing there; 3D Slicer, which interpolates cubically, a voxel further around."
            )
        if self.outside:
            notes.append(f"Outside the grid, where map gives nan: {self.outside}.")
        return tuple(notes)

    def to_dict(self) -> dict[str, Any]:
        """Return the export as a JSON report holds it."""
        return {
            "schema": 1,
            "written": str(self.output),
            "description": self.description,
            "undefined_vectors": self.undefined_count,
            "undefined_written_as": self.undefined,
            "outside_grid": self.outside or None,
            "notes": [*filter(None, [self.loss]), *self.notes],
        }


def export_registration(
    registration: Registration,
    output: Path,
    *,
    number: int | None = None,
    bake: bool = False,
    repair: Repair | None = None,
) -> Export:
    """Write one item of a registration to a file of another program, by the ending of its name.

    ``.h5`` and ``.tfm`` are ITK transform files, ``.nrrd``, ``.nii``, ``.nii.gz`` and ``.mha`` a displacement field
    on the registration's grid, pre and post matrices included. All map points in LPS mm from the registered to the
    source frame, as ITK and Slicer resample. Vectors pass through: memory does not grow with the grid, but for a
    repair, which computes them.

    Parameters
    ----------
    number
        Of the item, counting from 1; None: the only one, or the only one that moves anything.
    bake
        Put pre and post matrices into the vectors of a transform file, too, instead of beside them.
    repair
        Read the item in another way than the standard's. Of a reversed deformation the inverse is computed at the
        grid's nodes, undefined where there is none.

    Raises
    ------
    FileError
        When the registration cannot be used.
    UsageError
        When the format cannot hold what was asked for, or the file cannot be written; then nothing is left behind,
        and a file that was there is untouched.
    """
    format_of(output)
    if registration.kind == "fiducials":
        raise UsageError(f"{output}: fiducials are points, no transform; name a .mrb")
    choice = choose_item(registration, number)
    item = repair_item(choice.item, repair).item if repair else choice.item
    item.require_usable()
    with item.naming_item():
        written = write_transform(output, item.mapping.in_lps(), bake=bake)
    return Export(
        output,
        _description(item, written.form.is_field, repair),
        written.undefined_count,
        written.form.undefined,
        _outside(written),
        _sampled(item, written),
        choice.note,
    )


def _description(item: RegistrationItem, is_field: bool, repair: Repair | None) -> str:
    what = "a displacement field" if is_field else "an ITK transform"
    frames = f"from the registered frame {item.registered_frame_uid} to the source frame {item.source_frame_uid}"
    return f"{what}, {frames}{said_of_repair(repair)}"


def said_of_repair(repair: Repair | None) -> str:
    """Return what a description ends with when the file was read in another way than the standard's."""
    return f"; NOT as the standard says: {REPAIRS[repair]}" if repair else ""


def _sampled(item: RegistrationItem, written: WrittenTransform) -> str:
    error = item.mapping.sampling_error
    if error is None or error.max_mm is None or not written.has_grid:
        return ""
    return (
        f"Sampled from {item.description}: at the nodes exact, between them up to {error.max_mm:.3g} mm off (99 % of "
        f"{error.samples} points within {error.p99_mm:.3g} mm)."
    )


def _outside(written: WrittenTransform) -> str:
    if not written.has_grid:
        return ""
    does = "moves points by the matrices alone" if written.has_matrix else "leaves points where they are"
    return f"ITK ({', '.join(written.form.readers)}) {does}, from half a voxel on; {IN_SLICER}"
