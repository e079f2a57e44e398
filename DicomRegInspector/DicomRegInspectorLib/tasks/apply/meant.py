"""Whether a registration is meant as it is read: what the image brought along and the one it is brought to say."""

from __future__ import annotations

from ...errors import Cancelled, DicomRegInspectorError
from ...findings import Finding
from ...progress import Progress
from ...registration.audit import audit_mapping
from ...registration.audit.scalar_image import ScalarImage
from .inputs import Input, read_place
from .request import ApplyRequest

_NOT_CHECKED = "Whether the registration is meant as it is read was not checked: "


def audit_images(
    request: ApplyRequest, given: Input, progress: Progress | None = None
) -> tuple[list[Finding], list[str]]:
    """Find out by input and reference how a registration is meant, see :func:`...registration.audit.audit_mapping`.

    Returns its findings, and in sentences what was not checked and why.
    """
    mapping = request.transform.mapping
    if mapping.is_identity:
        return [], []
    if not request.audit or not request.reference:
        reason = "that was not asked for." if request.reference else "there is no reference, an image, to compare with."
        return [], [_NOT_CHECKED + reason]
    try:
        reference = read_place(request.reference, request.quietly, progress=progress)
        images = [_scalar(each) for each in (reference, given)]
        fixed, moving = images[::-1] if request.transform.inverse else images
        modalities = {reference.modality, given.modality}
        same = None if "" in modalities else len(modalities) == 1
        subject = request.transform.subject
        audit = audit_mapping(mapping, fixed, moving, frames=subject.frames, same_modality=same, progress=progress)
    except Cancelled:
        raise
    except (DicomRegInspectorError, ValueError, MemoryError) as error:
        return [], [f"{_NOT_CHECKED}{str(error).rstrip('.') or 'there is not enough memory'}."]
    findings = list(audit.findings(subject.name))
    if findings:
        return findings, []
    return [], [audit.sentence]


def _scalar(given: Input) -> ScalarImage:
    volume = given.volume
    if volume.array.ndim != 3:
        raise ValueError("images in colour are not compared")
    return ScalarImage(volume.array, volume.index_to_lps, volume.frame_uid)
