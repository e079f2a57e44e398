"""Text for people: escaped where it comes from a file, wrapped, coloured only where that can be seen."""

from __future__ import annotations

import os
import re
import shutil
import textwrap
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO

from ...findings import Severity

PLAIN_WIDTH = 100
"""Columns where there is no terminal to ask."""
WIDEST = 120
"""Longer lines are hard to read."""

_COLOURS: dict[str, str] = {
    "bold": "\x1b[1m",
    "dim": "\x1b[2m",
    "error": "\x1b[1;31m",
    "warning": "\x1b[1;33m",
    "info": "\x1b[1;36m",
}
_RESET = "\x1b[0m"
_OWN = re.compile(f"({'|'.join(map(re.escape, (*_COLOURS.values(), _RESET)))})")
_WRITTEN_AT_ONCE = 32_768
"""Signs; a pipe holds that many."""

# Zs other than the blank can hide at the end of a line; Cf holds the marks that turn the reading direction.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

_ASCII = str.maketrans(
    {
        "×": "x",
        "°": " deg",
        "–": "-",
        "—": "-",
        "−": "-",
        "…": "...",
        "→": "->",
        "·": "*",
        "±": "+/-",
        "µ": "u",
        "≤": "<=",
        "≥": ">=",
        "’": "'",
        "“": '"',
        "”": '"',
        "∘": "o",
    }
)


def printable(text: object) -> str:
    r"""Make text from a file safe for a terminal: control characters, marks of reading direction and line breaks
    become ``\x1b`` or ``\u202e``.

    >>> printable("CT \x1b[31m head")
    'CT \\x1b[31m head'
    """
    words = str(text)
    if words.isprintable():  # nothing of all that can be in it
        return words
    return "".join(_escaped(character) if _is_unsafe(character) else character for character in words)


def printable_lines(text: str) -> str:
    """Make whole lines safe, whatever was forgotten in them: line breaks, tabs and own colours are left."""
    parts = _OWN.split(text)
    parts[::2] = [
        "\n".join("\t".join(map(printable, line.split("\t"))) for line in part.split("\n")) for part in parts[::2]
    ]
    return "".join(parts)


def _is_unsafe(character: str) -> bool:
    return unicodedata.category(character) in _UNSAFE


def _escaped(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


@dataclass(frozen=True)
class Style:
    """How a text is to look: how wide, and whether with colours."""

    width: int = PLAIN_WIDTH
    colour: bool = False

    @classmethod
    def of(cls, stream: TextIO | None, environment: Mapping[str, str] = os.environ) -> Style:
        """Find what a stream shows: colours only on a terminal that is not dumb, without NO_COLOR (no-color.org)."""
        is_terminal = stream is not None and stream.isatty()
        colour = is_terminal and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"
        width = shutil.get_terminal_size((PLAIN_WIDTH, 24)).columns if is_terminal else PLAIN_WIDTH
        return cls(max(min(width, WIDEST), 40), colour)

    def paint(self, text: str, role: Severity | str) -> str:
        """Return the text in the colour of a role: a severity, ``bold`` or ``dim``."""
        return f"{_COLOURS[role]}{text}{_RESET}" if self.colour else text

    def wrap(self, text: str, indent: int = 0, hanging: int | None = None) -> str:
        """Return lines of at most :attr:`width`; words longer than that (UIDs, file names) stay whole."""
        following = indent if hanging is None else hanging
        return textwrap.fill(
            text,
            self.width,
            initial_indent=" " * indent,
            subsequent_indent=" " * following,
            break_long_words=False,
            break_on_hyphens=False,
        )


def write_text(stream: TextIO, text: str) -> None:
    """Write a line or more, in plain ASCII signs where the stream's encoding lacks the others."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeError:
        text = text.translate(_ASCII).encode(encoding, "backslashreplace").decode(encoding)
    text = text if text.endswith("\n") else text + "\n"
    # Unbuffered (PYTHONUNBUFFERED), Python takes a write that was cut short for a whole one.
    for start in range(0, len(text), _WRITTEN_AT_ONCE):
        stream.write(text[start : start + _WRITTEN_AT_ONCE])
