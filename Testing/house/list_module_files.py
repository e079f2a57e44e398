"""The files that ship with the Slicer module, as DicomRegInspector/CMakeLists.txt has to list them.

``python Testing/house/list_module_files.py`` prints where lists and tree differ (exit status 1 when they do);
with ``--write`` it writes the lists from the tree.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

MODULE_FOLDER = Path(__file__).resolve().parents[2] / "DicomRegInspector"
SCRIPTS = "MODULE_PYTHON_SCRIPTS"
RESOURCES = "MODULE_PYTHON_RESOURCES"
NOT_SHIPPED = {"__pycache__", "CMakeLists.txt"}


def tree_files(module_folder: Path) -> dict[str, list[str]]:
    """What is in the folder, by the CMake variable that lists it; paths relative to the folder, sorted."""
    files = [
        path.relative_to(module_folder)
        for path in module_folder.rglob("*")
        if path.is_file() and not any(part in NOT_SHIPPED or part.endswith(".egg-info") for part in path.parts)
    ]
    return {
        SCRIPTS: sorted(file.as_posix() for file in files if file.suffix == ".py"),
        RESOURCES: sorted(file.as_posix() for file in files if file.suffix != ".py"),
    }


def listed_files(cmake: str, variable: str) -> list[str]:
    """What ``set(variable ...)`` lists, as it stands there."""
    return _block(cmake, variable).group("files").split()


def with_lists(cmake: str, files: dict[str, list[str]]) -> str:
    """The text of CMakeLists.txt with the lists replaced."""
    for variable, names in files.items():
        lines = "".join(f"  {name}\n" for name in names)
        block = _block(cmake, variable)
        cmake = f"{cmake[: block.start()]}set({variable}\n{lines}  ){cmake[block.end() :]}"
    return cmake


def _block(cmake: str, variable: str) -> re.Match[str]:
    block = re.search(rf"set\({variable}\b(?P<files>[^)]*)\)", cmake)
    if block is None:
        raise ValueError(f"CMakeLists.txt does not set {variable}")
    return block


def main(arguments: list[str]) -> int:
    """Print the differences, or write the lists."""
    path = MODULE_FOLDER / "CMakeLists.txt"
    cmake = path.read_text(encoding="utf-8")
    files = tree_files(MODULE_FOLDER)
    if arguments == ["--write"]:
        path.write_text(with_lists(cmake, files), encoding="utf-8")
        return 0
    differ = False
    for variable, names in files.items():
        listed = listed_files(cmake, variable)
        for name in sorted(set(names) ^ set(listed)):
            print(f"{variable}: {name} is {'not listed' if name in names else 'listed, but not there'}")
            differ = True
    return int(differ)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
