"""Put into pages of the manual what their recipes print and their commands answer.

``python Testing/manual/write_outputs.py docs/cookbook.md`` runs the page's blocks on fresh sample data and writes their
outputs where they differ; outputs that are cut short with a line of three dots are named, not changed. Look at what
changes before committing it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(Path(__file__).parent), str(ROOT / "DicomRegInspector")]

from documents import blocks, with_outputs  # noqa: E402
from recipes import ELLIPSIS, commands, run_command, run_python, same_text, shows  # noqa: E402


def updated(page: Path) -> str:
    """The page with its outputs as they are now; the working folder holds the sample data."""
    text = page.read_text(encoding="utf-8")
    for block, output in with_outputs(page, "python"):
        if output is None or "In Slicer's Python console" in block.headings:
            continue
        printed = run_python(block)[1]
        if not same_text(output, printed):
            text = text.replace(f"{block.text}```\n\n```text\n{output}", f"{block.text}```\n\n```text\n{printed}")
    for block in blocks(page):
        for command in commands(block) if block.language == "console" else ():
            answer = run_command(command.line, Path.cwd())
            if shows(command.output, answer):
                continue
            if any(line.strip() == ELLIPSIS for line in command.output.splitlines()):
                print(f"{page.name}: {command.line} answers otherwise; its output is cut short, change it by hand:")
                print(answer)
                continue
            end = "" if not command.output.endswith("\n\n") else "\n"
            text = text.replace(f"$ {command.line}\n{command.output}", f"$ {command.line}\n{answer.rstrip()}\n{end}")
    return text


def main(arguments: list[str]) -> int:
    """Write the outputs of the pages named."""
    from DicomRegInspectorLib.samples import write_samples

    pages = [Path(name).resolve() for name in arguments]
    for page in pages:
        with TemporaryDirectory() as folder:
            os.chdir(folder)
            if page.name == "cookbook.md":
                write_samples(Path("samples"))
            page.write_text(updated(page), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
