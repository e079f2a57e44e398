"""The manual's pages on finding codes, made of the table of codes and of examples that the library is run on.

``python Testing/manual/write_manual.py`` prints which pages differ (exit status 1 when some do); with ``--write`` it
writes them. Numbers may differ in their last digits from machine to machine; nothing else may.
"""

from __future__ import annotations

import json
import re
import sys
import warnings
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "findings"
if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parent), str(ROOT / "DicomRegInspector")]
    sys.path += [str(ROOT / "Testing" / room) for room in ("registration", "series", "relations", "structures")]

from DicomRegInspectorLib.findings import CODES, CodeInfo, Finding  # noqa: E402
from DicomRegInspectorLib.findings.explained import (  # noqa: E402
    FINDERS,
    GROUPS,
    SEVERITY_MEANINGS,
    related_codes,
    unit_of,
)

NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?(?![\w.])")
LISTED = 3
"""Entries of a list that an example shows."""


def pages() -> dict[str, str]:
    """Each page by its file name in docs/findings."""
    from finding_examples import examples

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shown = examples()
    made = {"README.md": _index()}
    for code, info in CODES.items():
        parts = [_head(code, info), _evidence(info)]
        parts += [_example(one.made, one.finding) for one in shown if one.code == code]
        parts.append(_see_also(related_codes(code)))
        made[f"{code}.md"] = "\n".join(parts)
    return made


def _index() -> str:
    lines = [
        "# Findings",
        "",
        "Every finding has a code that scripts can rely on, a severity, a message with numbers, what it is about, and",
        "evidence: the numbers again, each with its unit in its name. These pages are made of the table that the",
        "program itself uses, and their examples by running it.",
        "",
        "| severity | says |",
        "|---|---|",
        *(f"| {severity} | {words} |" for severity, words in SEVERITY_MEANINGS.items()),
        "",
        "| found by | is |",
        "|---|---|",
        *(f"| {name} | {words} |" for name, words in FINDERS.items()),
    ]
    for name, codes in GROUPS:
        lines += ["", f"## {name}", "", "| finding | code | severity | found by |", "|---|---|---|---|"]
        lines += [
            f"| [{info.title}]({code}.md) | `{code}` | {_severities(info)} | {', '.join(info.found_by)} |"
            for code, info in codes.items()
        ]
    return "\n".join([*lines, "", "Back to the [manual](../README.md).", ""])


def _severities(info: CodeInfo) -> str:
    return ", ".join(reversed(info.severities))


def _head(code: str, info: CodeInfo) -> str:
    sections = (
        ("What it means", info.meaning),
        ("How it is measured", info.measured),
        ("What to do", info.remedy),
    )
    finders = ", ".join(info.found_by)
    lines = [f"# {info.title}", "", "| code | severity | found by |", "|---|---|---|"]
    lines.append(f"| `{code}` | {_severities(info)} | [{finders}](README.md) |")
    for title, text in sections:
        lines += ["", f"## {title}", "", text]
    return "\n".join(lines)


def _evidence(info: CodeInfo) -> str:
    lines = ["", "## Evidence", "", "| key | unit | what it is |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| `{key}` | {unit_of(key)} | {text} |" for key, text in info.evidence.items())])


def _example(made: str, finding: Finding) -> str:
    lines = ["", "## Example", "", made, "", f"> **{finding.subject}:** {finding.message}"]
    if finding.evidence:
        evidence = _json(_short(dict(finding.evidence)))
        lines += ["", "Its evidence as `--json` writes it, long lists cut short:", "", "```json", evidence, "```"]
    return "\n".join(lines)


def _json(value: Any) -> str:
    """JSON with lists of plain values on one line."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return re.sub(r"\[[^\[\]{}]*\]", lambda found: f"[{' '.join(found[0][1:-1].split())}]", text)


def _short(value: Any) -> Any:
    """A value with six digits to each number and the first entries of long lists."""
    if isinstance(value, bool) or value is None or isinstance(value, str | int):
        return value
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: _short(one) for key, one in value.items()}
    shown = [_short(one) for one in value]
    if len(shown) <= LISTED + 3 and not any(isinstance(one, dict) for one in shown):
        return shown
    if len(shown) <= LISTED:
        return shown
    kept = 1 if isinstance(shown[0], dict) else LISTED
    return [*shown[:kept], f"… {len(shown) - kept} more"]


def _see_also(codes: list[str]) -> str:
    lines = ["", "## See also", "", *(f"- [{CODES[code].title}]({code}.md)" for code in codes)]
    return "\n".join([*lines, "- [all findings](README.md)", ""])


def differ(page: str, other: str) -> bool:
    """Whether two pages say different things: other words, or numbers that are not the same but for rounding."""
    if NUMBER.sub("#", page) != NUMBER.sub("#", other):
        return True
    ours, theirs = NUMBER.findall(page), NUMBER.findall(other)
    return any(
        abs(float(one) - float(another)) > 2e-3 * abs(float(one)) + 1e-6
        for one, another in zip(ours, theirs, strict=True)
    )


def different_pages() -> list[str]:
    """The names of pages that are missing, too many, or not what the table and the examples make."""
    made = pages()
    there = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.md")}
    odd = made.keys() ^ there.keys()
    return sorted(odd | {name for name in made.keys() & there.keys() if differ(made[name], there[name])})


def main(arguments: list[str]) -> int:
    """Print the differences, or write the pages."""
    if arguments == ["--write"]:
        FOLDER.mkdir(parents=True, exist_ok=True)
        made = pages()
        for path in FOLDER.glob("*.md"):
            if path.name not in made:
                path.unlink()
        for name, text in made.items():
            path = FOLDER / name
            if not path.exists() or differ(text, path.read_text(encoding="utf-8")):
                path.write_text(text, encoding="utf-8")
        return 0
    different = different_pages()
    print("\n".join(f"docs/findings/{name} is not what the table and the examples make" for name in different), end="")
    return int(bool(different))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
