"""The report as one HTML file that needs nothing else: no network, no script, no font, no picture beside it."""

from .contents import Contents, Digest, ItemDetails, Patient, Picture, Provenance
from .document import BEGINNING, html_report

__all__ = ["BEGINNING", "Contents", "Digest", "ItemDetails", "Patient", "Picture", "Provenance", "html_report"]
