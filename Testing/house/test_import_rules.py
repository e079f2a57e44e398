"""Who may import whom, and when: the contracts of pyproject.toml, and that they would notice a violation."""

from __future__ import annotations

import ast
import importlib
import os
import shutil
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pydicom.data
import pytest

LIBRARY = "DicomRegInspectorLib"
APPLICATION = ("slicer", "vtk", "vtkmodules", "qt", "ctk", "DICOMLib", "PySide6")
WITH_APPLICATION = ("__main__", "cli", "panel", "scene")
"""The rooms that may reach it: the panel and the scene themselves, the command line through the scene."""
WITHOUT_APPLICATION = (
    "address_space", "archive", "dicom", "errors", "findings", "kit", "lazy", "limits", "memory",
    "output_file", "privacy", "progress", "registration", "report", "samples", "series", "space",
    "structures", "tasks", "version", "volumes", "words",
)  # fmt: skip

IMPORT_EVERYTHING_WITHOUT_THE_APPLICATION = f"""
import importlib, pkgutil, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {APPLICATION!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
room = importlib.import_module("{LIBRARY}." + sys.argv[1])
for found in pkgutil.walk_packages(getattr(room, "__path__", []), room.__name__ + "."):
    importlib.import_module(found.name)
print("imported")
"""


def contracts(project_root: Path) -> list[dict]:
    """The import contracts as pyproject.toml has them."""
    settings = tomllib.loads((project_root / "pyproject.toml").read_text(encoding="utf-8"))
    return settings["tool"]["importlinter"]["contracts"]


def rooms(project_root: Path) -> list[str]:
    """Dotted names, within the library, of each room and module that layers name: all of them must be there."""
    names = []
    for contract in contracts(project_root):
        if contract["type"] == "layers":
            (container,) = contract["containers"]
            inside = container.removeprefix(LIBRARY).lstrip(".")
            layers = (
                name for layer in contract["layers"] for name in layer.replace("|", " ").replace(":", " ").split()
            )
            names += [f"{inside}.{name}".lstrip(".") for name in layers]
    return names


@pytest.fixture
def empty_rooms(project_root: Path, tmp_path: Path) -> Path:
    """A checkout with the project's import rules and its rooms, empty, to be spoiled."""
    shutil.copy(project_root / "pyproject.toml", tmp_path)
    library = project_root / "DicomRegInspector" / LIBRARY
    for name in ("", *rooms(project_root)):
        place = Path(*name.split("."))
        file = place / "__init__.py" if (library / place).is_dir() else place.with_suffix(".py")
        made = tmp_path / "DicomRegInspector" / LIBRARY / file
        made.parent.mkdir(parents=True, exist_ok=True)
        made.touch()
    return tmp_path


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter on the checkout in a folder."""
    if find_spec("importlinter") is None:
        pytest.skip("import-linter is not installed")
    environment = {**os.environ, "PYTHONPATH": str(folder / "DicomRegInspector"), "COLUMNS": "200"}
    program = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
    return subprocess.run(
        [sys.executable, "-c", program, "--no-cache", "--no-logo"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )


def run_python(project_root: Path, *arguments: object) -> str:
    """What a fresh interpreter prints that finds the library in the checkout."""
    environment = {**os.environ, "PYTHONPATH": str(project_root / "DicomRegInspector")}
    done = subprocess.run([sys.executable, *map(str, arguments)], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_import_rules_hold(project_root: Path) -> None:
    result = lint_imports(project_root)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 broken" in result.stdout


@pytest.mark.parametrize(
    ("where", "planted", "contract"),
    [
        ("registration/__init__.py", "from .. import series", "Dependencies point one way"),
        ("series/__init__.py", "from ..registration import read_registration", "Dependencies point one way"),
        ("registration/__init__.py", "from .. import scene", "Dependencies point one way"),
        ("findings/__init__.py", "from .. import errors, series", "Dependencies point one way"),
        ("report/__init__.py", "from ..scene import load_registration", "Dependencies point one way"),
        ("a_new_room.py", "", "Dependencies point one way"),
        ("registration/__init__.py", "def later():\n    import slicer", "What thinks runs without"),
        ("series/__init__.py", "import vtk.util.numpy_support", "What thinks runs without"),
        ("tasks/__init__.py", "from vtkmodules.vtkCommonCore import vtkObject", "What thinks runs without"),
        ("report/__init__.py", "import qt", "What thinks runs without"),
        ("cli/__init__.py", "def later():\n    import slicer", "The command line reaches Slicer"),
        ("scene/__init__.py", "import qt", "Only the panel knows Qt"),
        ("series/geometry/__init__.py", "from ..pixels import volume", "Inside the series room"),
        ("series/pixel_checks/__init__.py", "from ..write import write_back", "Inside the series room"),
        ("scene/__init__.py", "def later():\n    from .. import panel", "Dependencies point one way"),
        ("scene/__init__.py", "from .. import report", "Dependencies point one way"),
        ("panel/__init__.py", "from .. import cli", "Dependencies point one way"),
        ("cli/__init__.py", "from .. import panel", "Dependencies point one way"),
        ("tasks/__init__.py", "from .. import report", "Dependencies point one way"),
        ("volumes/__init__.py", "from .. import samples", "Dependencies point one way"),
        ("samples/__init__.py", "from ..tasks import inspect", "Dependencies point one way"),
        ("series/__init__.py", "from .. import volumes", "Dependencies point one way"),
        ("dicom/__init__.py", "from ..series import geometry", "Dependencies point one way"),
        ("dicom/__init__.py", "from .. import registration", "Dependencies point one way"),
        ("words.py", "from . import dicom", "Dependencies point one way"),
        ("space.py", "from .dicom import tags", "Dependencies point one way"),
        ("version.py", "from . import tasks", "Dependencies point one way"),
        ("progress.py", "def later():\n    from . import series", "Dependencies point one way"),
        ("errors.py", "from . import registration", "Dependencies point one way"),
        ("progress.py", "import vtk", "What thinks runs without"),
        ("volumes/__init__.py", "def later():\n    import slicer", "What thinks runs without"),
        ("dicom/__init__.py", "import slicer", "What thinks runs without"),
        ("words.py", "def later():\n    import qt", "What thinks runs without"),
        ("space.py", "import vtk", "What thinks runs without"),
        ("version.py", "import slicer", "What thinks runs without"),
        ("dicom/tags.py", "from . import header", "Inside the DICOM room"),
        ("dicom/pixel_extent.py", "def later():\n    from .pydicom_header import x", "Inside the DICOM room"),
        ("dicom/a_new_module.py", "", "Inside the DICOM room"),
        ("registration/vectors.py", "from .grid import x", "Inside the registration room"),
        ("registration/model.py", "def later():\n    from .repairs import x", "Inside the registration room"),
        ("registration/measures/__init__.py", "from ..audit import x", "Inside the registration room"),
        ("registration/a_new_room/__init__.py", "", "Inside the registration room"),
        ("tasks/inspect.py", "from .quality import x", "Inside the tasks room"),
        ("tasks/relations.py", "from .inspect import x", "Inside the tasks room"),
        ("tasks/a_new_task.py", "", "Inside the tasks room"),
        ("report/text/__init__.py", "from ..html import x", "Inside the report room"),
        ("report/a_new_form.py", "", "Inside the report room"),
        ("scene/transforms/__init__.py", "from ..quality import x", "Inside the scene room"),
        ("scene/quality/__init__.py", "def later():\n    from ..pictures import x", "Inside the scene room"),
        ("scene/a_new_module.py", "", "Inside the scene room"),
        ("panel/settings/__init__.py", "from .. import job", "Inside the panel"),
        ("panel/series/__init__.py", "from ..panel import x", "Inside the panel"),
        ("panel/a_new_section/__init__.py", "", "Inside the panel"),
    ],
)
def test_the_import_rules_notice(where: str, planted: str, contract: str, empty_rooms: Path) -> None:
    file = empty_rooms / "DicomRegInspector" / LIBRARY / where
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"{planted}\n", encoding="utf-8")
    result = lint_imports(empty_rooms)
    assert result.returncode == 1, result.stdout + result.stderr
    broken = [line for line in result.stdout.splitlines() if line.rstrip().endswith("BROKEN")]
    assert any(line.startswith(contract) for line in broken), result.stdout


def test_every_room_that_thinks_is_held_to_run_without_the_application(project_root: Path) -> None:
    (contract,) = (contract for contract in contracts(project_root) if contract["id"] == "no-slicer")
    held = {name.removeprefix(f"{LIBRARY}.") for name in contract["source_modules"]}
    (outermost,) = (contract for contract in contracts(project_root) if contract["id"] == "rooms")
    there = {name for name in rooms(project_root) if "." not in name}
    assert outermost["containers"] == [LIBRARY]
    assert held == set(WITHOUT_APPLICATION) == there - set(WITH_APPLICATION)
    assert set(APPLICATION) == set(contract["forbidden_modules"])


def test_the_import_rules_let_the_rooms_use_what_is_below_them(empty_rooms: Path) -> None:
    library = empty_rooms / "DicomRegInspector" / LIBRARY
    (library / "panel" / "__init__.py").write_text("import qt, slicer\nfrom ..scene import load\n")
    (library / "scene" / "__init__.py").write_text("import slicer, vtk\nfrom ..tasks import inspect\n")
    (library / "tasks" / "__init__.py").write_text("import numpy\nfrom .. import findings, registration, series\n")
    (library / "cli" / "__init__.py").write_text(
        "def run():\n    from ..scene import load\n    from .. import report\n"
    )
    result = lint_imports(empty_rooms)
    assert result.returncode == 0, result.stdout + result.stderr


def test_importing_the_library_loads_nothing_heavy(project_root: Path) -> None:
    heavy = ("numpy", "pydicom", "scipy", "SimpleITK", *APPLICATION)
    program = f"import sys, {LIBRARY}; print([name for name in {heavy!r} if name in sys.modules])"
    assert run_python(project_root, "-c", program) == "[]"


@pytest.mark.parametrize(
    ("arguments", "status"), [(["--help"], 0), (["--version"], 0), (["map", "--help"], 0), (["inspect"], 2), (["x"], 2)]
)
def test_a_line_of_help_or_complaint_loads_no_room(arguments: list[str], status: int, project_root: Path) -> None:
    program = f"import sys; from {LIBRARY}.cli import main; status = main(); print(status, *sys.modules)"
    loaded_status, *loaded = run_python(project_root, "-c", program, *arguments).splitlines()[-1].split()
    assert int(loaded_status) == status
    assert {name.partition(".")[0] for name in loaded} & {"numpy", "pydicom", "SimpleITK", *APPLICATION} == set()
    rooms_loaded = {".".join(name.split(".")[1:2]) for name in loaded if name.startswith(f"{LIBRARY}.")}
    if status == 0:
        assert rooms_loaded == {"address_space", "cli", "errors", "findings", "lazy", "version"}
        assert f"{LIBRARY}.findings.codes" not in loaded
    else:  # the terminal's words, which have to know what it can show
        assert rooms_loaded == {"address_space", "cli", "errors", "findings", "lazy", "report", "version"}
        assert {name for name in loaded if name.startswith(f"{LIBRARY}.report.")} == {
            f"{LIBRARY}.report.text",
            f"{LIBRARY}.report.text.terminal",
        }


@pytest.mark.parametrize("room", WITHOUT_APPLICATION)
def test_a_room_imports_without_slicer_vtk_and_qt(room: str, project_root: Path) -> None:
    assert run_python(project_root, "-c", IMPORT_EVERYTHING_WITHOUT_THE_APPLICATION, room) == "imported"


@pytest.mark.parametrize("name", ["DicomRegInspector", "DicomRegInspectorPlugin"])
def test_slicers_start_up_does_not_pay_for_pydicom(name: str, project_root: Path) -> None:
    # Slicer imports every module file when it starts: what they import at file scope, and what that imports in turn.
    folder = project_root / "DicomRegInspector"
    loaded = modules_imported_at_start(folder, folder / f"{name}.py")
    assert f"{folder / name}.py" in map(str, loaded["files"])
    assert loaded["packages"] & {"pydicom", "highdicom", "scipy", "SimpleITK", "matplotlib"} == set()


def modules_imported_at_start(folder: Path, module_file: Path) -> dict[str, set]:
    """Files of the project and names of packages that importing a file loads, from imports outside of functions."""
    files: set[Path] = set()
    packages: set[str] = set()
    waiting = [module_file]
    while waiting:
        file = waiting.pop()
        if file in files:
            continue
        files.add(file)
        for name in file_scope_imports(file, folder):
            packages.add(name.split(".")[0])
            parts = name.split(".")
            for depth in range(1, len(parts) + 1):
                place = folder.joinpath(*parts[:depth])
                waiting += [path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()]
    return {"files": files, "packages": packages}


def file_scope_imports(file: Path, folder: Path) -> list[str]:
    """Absolute dotted names that a file imports outside of functions; type-checking blocks are left out."""
    names: list[str] = []
    package = list(file.relative_to(folder).parent.parts)
    waiting: list[ast.AST] = [ast.parse(file.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting += node.orelse
            continue
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            names += [module, *(f"{module}.{alias.name}" for alias in node.names)]
        waiting += ast.iter_child_nodes(node)
    return names


@pytest.mark.parametrize("package", [LIBRARY, f"{LIBRARY}.findings", f"{LIBRARY}.registration", f"{LIBRARY}.series"])
def test_every_public_name_can_be_imported_and_no_other(package: str) -> None:
    module = importlib.import_module(package)
    for name in module.__all__:
        assert getattr(module, name) is not None
    with pytest.raises(AttributeError, match=f"{package}.*has no attribute 'nothing'"):
        _ = module.nothing


def test_inspecting_images_loads_neither_registrations_nor_what_reads_pixels(project_root: Path) -> None:
    image = Path(pydicom.data.__file__).parent / "test_files" / "CT_small.dcm"
    program = f"import sys; from {LIBRARY}.cli import main; main(); print(*sys.modules)"
    loaded = run_python(project_root, "-c", program, "inspect", image).splitlines()[-1].split()
    assert f"{LIBRARY}.series.geometry.series" in loaded
    rooms = (
        "registration",
        "series.pixel_checks",
        "series.pixels",
        "series.regularize",
        "series.write",
        "tasks.relations",
    )
    found = {name for name in loaded if name.startswith(tuple(f"{LIBRARY}.{room}" for room in rooms))}
    # What a user says of files that leave it open: names alone.
    assert found <= {f"{LIBRARY}.registration", f"{LIBRARY}.registration.conventions"}
    assert "pydicom" not in loaded
