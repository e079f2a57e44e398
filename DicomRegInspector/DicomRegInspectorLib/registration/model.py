"""A registration object as the standard means it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..errors import RegistrationError
from ..findings import Finding
from ..findings.about import about_item
from ..privacy import NOBODY, Identities
from ..space import as_points
from .checks import mapping_findings
from .conventions import DICOM, Conventions, Question
from .file.fiducials import FiducialSet
from .grid import Grid
from .mapping import InverseResult, Mapping, MappingError, MappingKind
from .matrices import is_singular
from .references import ImageReferences, ReferencedSeries
from .turns import Shift, turn_of


@dataclass(frozen=True)
class RegistrationItem:
    """One mapping of a registration file, between which frames it is, and what its file says of it.

    In DICOM one item of Deformable Registration Sequence (0064,0002) or of Registration Sequence (0070,0308).
    """

    path: Path
    number: int
    """Counts from 1 in the order of the file."""
    source_frame_uid: str
    registered_frame_uid: str
    mapping: Mapping
    """In LPS mm; what could be read of it where there is a :attr:`problem`."""
    problem: str | None = None
    """Why this item can neither be mapped nor loaded; None when it can."""
    header_findings: tuple[Finding, ...] = field(default=(), repr=False)
    """What the elements alone show; :attr:`findings` adds what the vectors show."""
    images: ImageReferences = field(default_factory=ImageReferences)
    """Images that it refers to by their UIDs: those of the source side, also where several items share one frame."""
    chain: tuple[np.ndarray, ...] = field(default=(), repr=False)
    """(4, 4) each: the matrices of a matrix item, of which :attr:`matrix` is the product; the first acts first."""
    rounded: frozenset[str] = frozenset()
    """Of ``pre-deformation matrix``, ``post-deformation matrix`` and ``matrix`` those that are rigid only as far as
    the digits tell that they were written with."""
    names_frames: bool = True
    """Whether its format has a place for frames of reference; those that have none are not missing."""

    @property
    def moves(self) -> str:
        """What it moves, as far as the file says: a frame of reference, images, or both."""
        parts = [f"frame {self.source_frame_uid}"] if self.source_frame_uid else []
        parts += [self.images.description] if self.images else []
        return ", ".join(parts) or ("it does not say what" if self.names_frames else "the format names no frames")

    @property
    def kind(self) -> MappingKind:
        """``matrix`` or ``deformable``."""
        return self.mapping.kind

    @property
    def pre(self) -> np.ndarray:
        """(4, 4) Pre Deformation Matrix, LPS mm; the identity where the item has none."""
        return self.mapping.pre

    @property
    def post(self) -> np.ndarray:
        """(4, 4) Post Deformation Matrix, LPS mm; the identity where the item has none."""
        return self.mapping.post

    @property
    def matrix(self) -> np.ndarray | None:
        """(4, 4) ``M_n ··· M_2 · M_1`` from the source frame into the Registered RCS; None for a deformable item."""
        return self.mapping.matrix

    @property
    def grid(self) -> Grid | None:
        """The deformation grid; None without one."""
        return self.mapping.grid

    @property
    def subject(self) -> str:
        """How findings and messages name this item."""
        return about_item(self.path, self.number)

    @property
    def description(self) -> str:
        """The item in a few words: kind, grid, matrices."""
        return self.mapping.description

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """Everything found about this item. The first use reads the vectors twice: for their lengths and for folding.

        Raises FileError when the file is gone or has changed since it was opened.
        """
        if self.problem is not None:
            return self.header_findings
        return self.header_findings + mapping_findings(self.mapping, self.subject)

    @property
    def displacement_mm(self) -> dict[str, float | None] | None:
        """Magnitude of the defined vectors in mm: ``max``, ``mean``, ``p50``, ``p95``, ``p99``; None without a grid."""
        if self.grid is None or self.problem is not None:
            return None
        statistics = self.grid.statistics
        percentiles = statistics.percentiles_mm or dict.fromkeys(("p50", "p95", "p99"))
        return {"max": statistics.max_mm, "mean": statistics.mean_mm, **percentiles}

    @property
    def _sampling_error(self) -> dict[str, Any] | None:
        error = None if self.problem is not None else self.mapping.sampling_error
        return None if error is None else error.to_dict()

    @property
    def turns(self) -> dict[str, dict[str, Any]]:
        """Pitch, roll and yaw of its matrices, by ``matrix`` (source to registered) or ``pre`` and ``post``."""
        if self.problem is not None:
            return {}
        matrices = {"pre": self.pre, "post": self.post} if self.matrix is None else {"matrix": self.matrix}
        return {name: turn_of(matrix[:3, :3]).to_dict() for name, matrix in matrices.items() if not is_singular(matrix)}

    def shift_at(self, point: Sequence[float], of: str) -> Shift:
        """Find how far a point of the registered frame is from where it goes.

        Parameters
        ----------
        point
            (3,) LPS mm.
        of
            What the point is, in words.

        Raises
        ------
        RegistrationError
            When the item cannot be used.
        """
        place = np.asarray(point, float)
        vector = self.grid.displacement(place[None])[0].tolist() if self.grid is not None else None
        shift = (self.map_points(place) - place).tolist()
        return Shift(tuple(place.tolist()), of, tuple(shift), None if vector is None else tuple(vector))

    def require_usable(self) -> None:
        """Raise what keeps this item from being used.

        Raises RegistrationError when :attr:`problem` says so.
        """
        if self.problem is not None:
            raise RegistrationError(self.path, f"item {self.number} cannot be used: {self.problem}")

    @contextmanager
    def naming_item(self) -> Iterator[None]:
        """Say of which item of which file it is what its mapping cannot do.

        Raises RegistrationError in place of a :class:`.mapping.MappingError`.
        """
        try:
            yield
        except MappingError as error:
            raise RegistrationError(self.path, f"item {self.number} {error}") from error

    def map_points(self, points: np.ndarray) -> np.ndarray:
        """Map points (..., 3) of the Registered RCS to the Source RCS, LPS mm; see :meth:`.mapping.Mapping.map_points`.

        RegistrationError takes the place of MappingError; it is raised too when the item cannot be used
        (:attr:`problem`).
        """
        points = as_points(points)
        self.require_usable()
        with self.naming_item():
            return self.mapping.map_points(points)

    def map_points_inverse(self, points: np.ndarray) -> InverseResult:
        """Map points (..., 3) of the Source RCS to the Registered RCS, LPS mm, with the residual of each.

        See :meth:`.mapping.Mapping.map_points_inverse`; errors as of :meth:`map_points`.
        """
        points = as_points(points)
        self.require_usable()
        with self.naming_item():
            return self.mapping.map_points_inverse(points)

    def to_dict(self) -> dict[str, Any]:
        """Return the item as the JSON report holds it."""
        grid = None
        if self.grid is not None:
            grid = {
                "dimensions": list(self.grid.dimensions),
                "spacing_mm": self.grid.spacing_mm.tolist(),
                "origin_lps_mm": self.grid.origin_lps_mm.tolist(),
                "directions_lps": self.grid.directions.tolist(),
            }
        return {
            "number": self.number,
            "kind": self.kind,
            "source_frame_of_reference_uid": self.source_frame_uid,
            "registered_frame_of_reference_uid": self.registered_frame_uid,
            "referenced_images": {
                "count": len(self.images.instance_uids) + self.images.not_kept,
                "series_instance_uids": list(self.images.series_uids),
            },
            "grid": grid,
            "pre_matrix_lps": self.pre.tolist(),
            "post_matrix_lps": self.post.tolist(),
            "matrix_lps": None if self.matrix is None else self.matrix.tolist(),
            "turns": self.turns,
            "displacement_mm": self.displacement_mm,
            "description": self.description,
            "sampling_error_mm": self._sampling_error,
            "problem": self.problem,
        }


@dataclass(frozen=True)
class Registration:
    """What a registration file holds: of DICOM a Spatial Registration, Deformable Spatial Registration or Fiducials.

    What a file's format has no place for is empty.
    """

    path: Path
    kind: Literal["matrix", "deformable", "fiducials"]
    """By what the object contains, whatever its SOP class says."""
    items: tuple[RegistrationItem, ...]
    frame_uid: str = ""
    """Frame of Reference UID (0020,0052) at the top: the Registered RCS."""
    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    study_uid: str = ""
    series_uid: str = ""
    series_description: str = ""
    manufacturer: str = ""
    content_label: str = ""
    transfer_syntax_uid: str = ""
    format: str = "DICOM"
    """What the file's format is called."""
    conventions: Conventions = DICOM
    """What the file means by its numbers."""
    left_open: frozenset[Question] = frozenset()
    """What nobody has said yet of these numbers; :func:`.file.read.read_registration` gives none that leave any."""
    referenced_series: tuple[ReferencedSeries, ...] = ()
    """Series that the object as a whole refers to, with the images of each that it names."""
    fiducial_sets: tuple[FiducialSet, ...] = ()
    """The named points of a Spatial Fiducials object, one set for each frame."""
    header_findings: tuple[Finding, ...] = field(default=(), repr=False)
    identities: Identities = field(default=NOBODY, repr=False, compare=False)
    """Whom the file names: no text here does."""

    @property
    def shown_name(self) -> str:
        """The file's name, for what is passed on: it may hold what the file says of the patient."""
        return self.identities.masked(self.path.name)

    def masked(self, identities: Identities) -> Registration:
        """Return it with texts that name none of these people either, whom other files name."""
        identities |= self.identities
        shown = identities.masked
        return replace(
            self,
            series_description=shown(self.series_description),
            manufacturer=shown(self.manufacturer),
            content_label=shown(self.content_label),
            fiducial_sets=tuple(fiducials.masked(identities) for fiducials in self.fiducial_sets),
            identities=identities,
        )

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found about the object, then about each item. The first use reads the vectors once."""
        return self.header_findings + tuple(finding for item in self.items for finding in item.findings)

    def to_dict(self) -> dict[str, Any]:
        """Return the object as the JSON report holds it."""
        return {
            "file": str(self.path),
            "format": self.format,
            "conventions": self.conventions.to_dict(),
            "sop_class_uid": self.sop_class_uid,
            "sop_instance_uid": self.sop_instance_uid,
            "kind": self.kind,
            "study_instance_uid": self.study_uid,
            "series_instance_uid": self.series_uid,
            "series_description": self.series_description,
            "manufacturer": self.manufacturer,
            "frame_of_reference_uid": self.frame_uid,
            "items": [item.to_dict() for item in self.items],
            "findings": [finding.to_dict() for finding in self.findings],
        }
