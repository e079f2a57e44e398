"""Whether what a registration is applied to, and what it is brought to, lie in the frames that it is between."""

from __future__ import annotations

from ...errors import ChoiceError
from ...findings import Finding
from ..relations import near_misses
from .request import ApplyRequest


def check_frames(request: ApplyRequest, input_frame_uid: str, name: str) -> list[Finding]:
    """Compare the frame of what a transform is applied to with that of the transform.

    Returns ``reg-frame-unknown`` where they disagree and that was allowed.

    Raises ChoiceError where they disagree and nobody allowed it.
    """
    transform = request.transform
    wanted = transform.input_frame_uid
    return _compared(request, name, transform.sides[0], wanted, input_frame_uid, other=transform.output_frame_uid)


def check_reference(request: ApplyRequest, reference_frame_uid: str, name: str) -> list[Finding]:
    """Compare the frame of a reference with that which a transform leads to; as :func:`check_frames`."""
    transform = request.transform
    wanted = transform.output_frame_uid
    return _compared(request, name, transform.sides[1], wanted, reference_frame_uid, other=transform.input_frame_uid)


def said_of_frames(request: ApplyRequest, input_frame_uid: str) -> list[str]:
    """Return what could not be compared, in sentences."""
    wanted = request.transform.input_frame_uid
    if wanted and input_frame_uid:
        return []
    missing = [] if wanted else ["the transform"]
    missing += [] if input_frame_uid else ["the input"]
    says = "says" if len(missing) == 1 else "say"
    return [
        f"Frames of reference were not compared: {' and '.join(missing)} {says} none. That they fit is yours to know."
    ]


def _compared(request: ApplyRequest, name: str, side: str, wanted: str, found: str, *, other: str) -> list[Finding]:
    if not wanted or not found or wanted == found:
        return []
    near = near_misses(wanted, [found])
    message = f"{name} lies in the frame of reference {found}; the {side} frame of this transform is {wanted}."
    if found == other:
        message += (
            " It lies in the frame at the other end of the transform, which is to be applied the other way round."
        )
    elif near:
        message += " The two are nearly the same."
    if not request.any_frame:
        what = "the other direction" if found == other else "any frame, if you know that it fits"
        raise ChoiceError(
            f"{message} Its coordinates mean something else there: nothing was written. Choose {what}",
            "inverse",
            "any frame",
        )
    evidence = {"role": side, "frame_of_reference_uid": wanted, "near_misses": near, "frames_of_series": [found]}
    subject = request.transform.subject.name
    return [Finding("reg-frame-unknown", "warning", f"{message} Applied all the same, as asked.", subject, evidence)]
