"""What is said of a transform that was saved as DICOM. No Qt here."""

from __future__ import annotations

from slicer.i18n import tr as _

from ...tasks.dicom_export.outgoing import DicomExport


def export_in_words(written: DicomExport) -> str:
    """Return where it is, what it is, how near it comes, what has to be known, and what is wrong with it."""
    parts = [_("Saved in {file}: {description}.").format(file=written.output, description=written.description)]
    parts += [written.said_between, written.said_rounding, *written.notes]
    parts += [_sentence(finding.message) for finding in written.findings if finding.severity != "info"]
    return " ".join(filter(None, parts))


def _sentence(message: str) -> str:
    text = message[:1].upper() + message[1:]
    return text if text.endswith(".") else f"{text}."
