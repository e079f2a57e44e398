"""DICOM registration objects: their items, each as the standard means it, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...dicom import tags
from ...dicom.identity import identities_in
from ...dicom.tags import element_name
from ...dicom.values import text
from ...dicom.wanted_elements import ElementTree, Items, read_elements
from ...errors import FileError, RegistrationError
from ...findings import Finding
from ...findings.about import about_item, about_registration
from ...words import plural
from ..chain import chain_findings
from ..checks import order_findings, still_finding
from ..conventions import DICOM
from ..mapping import Mapping, in_order
from ..model import Registration, RegistrationItem
from .dicom_item import ItemReport, read_grid, read_matrix_chain, read_single_matrix
from .dicom_references import read_image_references, read_referenced_series
from .fiducials import read_fiducial_sets
from .unused import repeats_any, unused_findings

FORMAT = "DICOM"
ENDINGS = (".dcm",)
CONVENTIONS = DICOM


def recognises(head: bytes, path: Path) -> bool:
    """Tell whether it begins with the preamble and prefix of a DICOM file (PS3.10 section 7.1)."""
    return head[128:132] == b"DICM"


def read(path: Path) -> Registration:
    """Read as :func:`.read.read_registration`; also files without preamble, and say what is no DICOM."""
    try:
        tree = read_elements(
            path,
            tags.REGISTRATION_ELEMENTS,
            lists=tags.REFERENCE_LISTS,
            private_with=tags.TRANSFORMATION_MATRIX,
            keep=True,
        )
    except OSError as error:
        raise FileError(path, f"cannot be read ({error.strerror or error})") from error
    return _Reader(path, tree).read()


class _Reader:
    """One object on its way from elements to a Registration."""

    def __init__(self, path: Path, tree: ElementTree) -> None:
        self.path, self.tree, self.root = path, tree, tree.root
        self.identities = identities_in(path)
        self.frame_uid = self._text(self.root, tags.FRAME_OF_REFERENCE_UID)
        self.referenced_series = read_referenced_series(self.root, self._text(self.root, tags.STUDY_INSTANCE_UID))
        self.findings: list[Finding] = []

    def _text(self, items: Items, tag: int) -> str:
        return self.identities.masked(text(items.get(tag), self.root.get(tags.SPECIFIC_CHARACTER_SET)))

    def read(self) -> Registration:
        """The whole object."""
        sop_class = self._text(self.root, tags.SOP_CLASS_UID)
        deformable = self.root.sequence(tags.DEFORMABLE_REGISTRATION_SEQUENCE)
        matrix = self.root.sequence(tags.REGISTRATION_SEQUENCE)
        kind = self._kind(sop_class, bool(deformable), bool(matrix))
        self.findings += order_findings(self.tree.out_of_order, about_registration(self.path), repeats_any(self.root))
        items: list[RegistrationItem] = []
        for sequence, read_item in ((deformable, self._deformable_item), (matrix, self._matrix_item)):
            for item in sequence:
                items.append(read_item(item, len(items) + 1))
        self.findings += unused_findings(self.root, items)
        if all(item.problem is None for item in items):
            self.findings += still_finding([item.mapping for item in items], about_registration(self.path))
        if kind != "fiducials" and not self.frame_uid:
            self._warn(
                "reg-incomplete",
                f"{element_name(tags.FRAME_OF_REFERENCE_UID)} is missing: "
                "the file does not say which frame it registers to.",
            )
        return Registration(
            path=self.path,
            sop_class_uid=sop_class,
            sop_instance_uid=self._text(self.root, tags.SOP_INSTANCE_UID),
            kind=kind,
            frame_uid=self.frame_uid,
            study_uid=self._text(self.root, tags.STUDY_INSTANCE_UID),
            series_uid=self._text(self.root, tags.SERIES_INSTANCE_UID),
            series_description=self._text(self.root, tags.SERIES_DESCRIPTION),
            manufacturer=self._text(self.root, tags.MANUFACTURER),
            content_label=self._text(self.root, tags.CONTENT_LABEL),
            transfer_syntax_uid=self.tree.transfer_syntax,
            items=tuple(items),
            referenced_series=self.referenced_series,
            fiducial_sets=read_fiducial_sets(self.root, self.identities) if kind == "fiducials" else (),
            identities=self.identities,
            header_findings=tuple(self.findings),
        )

    def _warn(self, code: str, message: str, **evidence: object) -> None:
        self.findings.append(Finding(code, "warning", message, about_registration(self.path), evidence))

    def _kind(self, sop_class: str, has_deformable: bool, has_matrix: bool) -> str:
        """What the sequences say; a finding when the SOP class says otherwise."""
        if not has_deformable and not has_matrix:
            return self._kind_without_items(sop_class)
        content = tags.DEFORMABLE_REGISTRATION if has_deformable else tags.SPATIAL_REGISTRATION
        if sop_class != content or (has_deformable and has_matrix):
            named = tags.SOP_CLASSES.get(sop_class, sop_class or "nothing")
            holds = element_name(
                tags.DEFORMABLE_REGISTRATION_SEQUENCE if has_deformable else tags.REGISTRATION_SEQUENCE
            )
            if has_deformable and has_matrix:
                holds += f" and {element_name(tags.REGISTRATION_SEQUENCE)}"
            self._warn(
                "reg-sop-class-mismatch",
                f"SOP Class UID (0008,0016) says {named}, the file holds {holds}. It was read by what it holds.",
                sop_class_uid=sop_class,
                expected_sop_class_uid=content,
            )
        return "deformable" if has_deformable else "matrix"

    def _kind_without_items(self, sop_class: str) -> str:
        sets = self.root.sequence(tags.FIDUCIAL_SET_SEQUENCE)
        if sets or sop_class == tags.SPATIAL_FIDUCIALS:
            points = sum(len(fiducials.sequence(tags.FIDUCIAL_SEQUENCE)) for fiducials in sets)
            self.findings.append(
                Finding(
                    "reg-not-read",
                    "info",
                    f"Spatial Fiducials object with {plural(len(sets), 'set')} and {plural(points, 'fiducial')} "
                    f"in all; it maps no points itself.",
                    about_registration(self.path),
                    {"sets": len(sets), "fiducials": points},
                )
            )
            return "fiducials"
        wanted = {
            tags.DEFORMABLE_REGISTRATION: element_name(tags.DEFORMABLE_REGISTRATION_SEQUENCE),
            tags.SPATIAL_REGISTRATION: element_name(tags.REGISTRATION_SEQUENCE),
        }
        if sop_class in wanted:
            raise RegistrationError(
                self.path,
                f"is a {tags.SOP_CLASSES[sop_class]} object, but {wanted[sop_class]} is missing or empty; "
                f"{self._again(sop_class)}ask for a new export",
                code="reg-incomplete",
            )
        modality = self._text(self.root, tags.MODALITY) or "unknown"
        raise RegistrationError(
            self.path,
            f"is DICOM but no registration: it has neither {' nor '.join(wanted.values())} (modality {modality}, "
            f"SOP Class UID {sop_class or 'missing'})",
        )

    def _again(self, sop_class: str) -> str:
        """What to say of a sequence that is empty and stands in the file again."""
        sequences = {
            tags.DEFORMABLE_REGISTRATION: tags.DEFORMABLE_REGISTRATION_SEQUENCE,
            tags.SPATIAL_REGISTRATION: tags.REGISTRATION_SEQUENCE,
        }
        again = sequences[sop_class] in self.root.repeated
        return "it stands in the file a second time, which is not read; " if again else ""

    def _deformable_item(self, item: Items, number: int) -> RegistrationItem:
        report = ItemReport(about_item(self.path, number), identities=self.identities)
        has_grid = bool(item.sequence(tags.DEFORMABLE_GRID_SEQUENCE))
        pre = read_single_matrix(item, tags.PRE_MATRIX_SEQUENCE, "pre-deformation matrix", report, baked=has_grid)
        post = read_single_matrix(item, tags.POST_MATRIX_SEQUENCE, "post-deformation matrix", report)
        grid = read_grid(item, self.tree, report)
        return self._item(item, number, tags.SOURCE_FRAME_OF_REFERENCE_UID, report, Mapping(pre, grid, post))

    def _matrix_item(self, item: Items, number: int) -> RegistrationItem:
        report = ItemReport(about_item(self.path, number), identities=self.identities)
        chain = read_matrix_chain(item, report)
        mapping = Mapping(matrix=in_order(chain))
        report.findings += chain_findings(chain, report.subject)
        return self._item(item, number, tags.FRAME_OF_REFERENCE_UID, report, mapping, chain)

    def _used_fiducials(self, item: Items, subject: str) -> list[Finding]:
        """A note on the fiducials that the registration was made of: they are in another object."""
        used = [
            fiducial
            for level in (item, *item.sequence(tags.MATRIX_REGISTRATION_SEQUENCE))
            for fiducial in level.sequence(tags.USED_FIDUCIALS_SEQUENCE)
        ]
        if not used:
            return []
        uids = [uid for fiducial in used if (uid := self._text(fiducial, tags.FIDUCIAL_UID))]
        message = (
            f"{element_name(tags.USED_FIDUCIALS_SEQUENCE)} names {plural(len(used), 'fiducial')} that the matrix was "
            "made of; they stand in a Spatial Fiducials object and were not compared with it."
        )
        return [Finding("reg-not-read", "info", message, subject, {"fiducials": len(used), "fiducial_uids": uids[:50]})]

    def _item(
        self,
        item: Items,
        number: int,
        frame_tag: int,
        report: ItemReport,
        mapping: Mapping,
        chain: tuple[np.ndarray, ...] = (),
    ) -> RegistrationItem:
        frame = self._text(item, frame_tag)
        report.findings += self._used_fiducials(item, report.subject)
        images = read_image_references(item.get(tags.REFERENCED_IMAGES), self.referenced_series)
        # Type 1C: images alone say what is moved (PS3.3 C.20.2, C.20.3).
        if not frame and not images:
            message = (
                f"{element_name(frame_tag)} is missing from the item, and so is "
                f"{element_name(tags.REFERENCED_IMAGES)}: the file does not say which images it moves."
            )
            report.findings.append(Finding("reg-incomplete", "warning", message, report.subject, {}))
        return RegistrationItem(
            self.path,
            number,
            frame,
            self.frame_uid,
            mapping,
            report.problem,
            tuple(report.findings),
            images,
            chain,
            frozenset(report.rounded),
        )
