"""Write the table of `docs/limits.md` from `DicomRegInspectorLib.limits`, where each limit stands once.

``python Testing/manual/write_limits.py`` prints whether it differs (exit status 1); with ``--write`` it is brought
up to date.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "DicomRegInspector"))

from DicomRegInspectorLib.limits import LIMITS  # noqa: E402

PAGE = ROOT / "docs" / "limits.md"
HEAD = "| What | At most | Why | When it is met |\n|---|---|---|---|\n"


def table() -> str:
    """The limits as a table."""
    rows = []
    for limit in LIMITS:
        met = f"“{limit.shown.strip('; ')}”" if limit.is_said else limit.shown
        rows.append(f"| {limit.what} | {limit.text} | {limit.why} | {met} |\n")
    return HEAD + "".join(rows)


def updated(page: str) -> str:
    """The page with its table as it is now."""
    before, _, after = page.partition(HEAD)
    rest = after.split("\n\n", 1)
    return before + table() + ("\n" + rest[1] if len(rest) > 1 else "")


def main(arguments: list[str]) -> int:
    """Compare, or write."""
    text = PAGE.read_text(encoding="utf-8")
    if text == updated(text):
        return 0
    if "--write" in arguments:
        PAGE.write_text(updated(text), encoding="utf-8")
        return 0
    print(f"{PAGE} is not what the limits say; run with --write")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
