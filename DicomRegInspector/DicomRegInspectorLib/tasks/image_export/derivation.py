"""What images say of what they were derived from, and by what (PS3.3 C.7.6.1.1.3, C.12.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...registration.file.write.dicom_object import Reference, dataset_of, reference_item

if TYPE_CHECKING:
    from pydicom import Dataset

MOST_DESCRIBED = 1024
"""Characters of a short text, ST (PS3.5 6.2)."""
_RESAMPLED = ("113085", "DCM", "Spatial resampling")
_SOURCE = ("121322", "DCM", "Source image for image processing operation")
_REGISTRATION = ("128444", "DCM", "Spatial Registration Reference")


@dataclass(frozen=True)
class Derivation:
    """How images came to be of others."""

    description: str
    """Derivation Description (0008,2111); names nobody."""
    registrations: tuple[Reference, ...] = ()
    """Registration objects that they were resampled by."""


def describe_derivation(
    dataset: Dataset, derivation: Derivation, sources: Sequence[Reference], *, is_image: bool = True
) -> None:
    """Tell what images were resampled of: description, code, sources, and the registrations it was done by.

    The last are in Referenced Instance Sequence (0008,114A) of the General Reference module, which is for instances
    that are no images (PS3.3 C.12.4).

    Parameters
    ----------
    is_image
        Whether the object has the modules General Image and General Reference; without them it gets the description.
    """
    dataset.DerivationDescription = derivation.description[:MOST_DESCRIBED]
    if not is_image:
        return
    dataset.DerivationCodeSequence = [code_item(_RESAMPLED)]
    if sources:
        dataset.SourceImageSequence = [_with_purpose(source, _SOURCE) for source in sources]
    if derivation.registrations:
        dataset.ReferencedInstanceSequence = [
            _with_purpose(registration, _REGISTRATION) for registration in derivation.registrations
        ]


def _with_purpose(reference: Reference, purpose: tuple[str, str, str]) -> Dataset:
    item = reference_item(reference)
    item.PurposeOfReferenceCodeSequence = [code_item(purpose)]
    return item


def code_item(code: tuple[str, str, str]) -> Dataset:
    """Return a code (value, scheme, meaning) as an item (PS3.3 table 8.8-1)."""
    value, scheme, meaning = code
    return dataset_of(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)
