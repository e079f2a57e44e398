"""Texts from outside that Qt and VTK can take."""

from __future__ import annotations


def well_formed(text: str) -> str:
    r"""A text in which every character is one: bytes of a file name that Python could not decode become ``\ufffd``.

    Such names come from disks that were written with another encoding (PEP 383). Qt's Python shows an empty text for
    them and leaves an error behind, which the next call reports as its own; VTK's refuses them.

    >>> well_formed("M\udcfcller.dcm")
    'M\ufffdller.dcm'
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return "".join("\N{REPLACEMENT CHARACTER}" if "\ud800" <= one <= "\udfff" else one for one in text)
    return text
