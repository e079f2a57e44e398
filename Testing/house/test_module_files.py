"""What the Slicer package holds: the CMake lists against the tree."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from list_module_files import RESOURCES, SCRIPTS, listed_files, tree_files, with_lists

# Slicer's CMake package reduced to what it is told: each macro writes its arguments to a file.
STAND_IN_PACKAGE = {
    "SlicerConfig.cmake": """
        set(Slicer_USE_FILE ${CMAKE_CURRENT_LIST_DIR}/use.cmake)
        set(Slicer_EXTENSION_GENERATE_CONFIG ${CMAKE_CURRENT_LIST_DIR}/nothing.cmake)
        set(Slicer_EXTENSION_CPACK ${CMAKE_CURRENT_LIST_DIR}/package.cmake)
    """,
    "nothing.cmake": "",
    "use.cmake": """
        set(BUILD_TESTING ON)
        macro(slicerMacroBuildScriptedModule)
          cmake_parse_arguments(MY "WITH_GENERIC_TESTS" "NAME" "SCRIPTS;RESOURCES" ${ARGN})
          foreach(file ${MY_SCRIPTS} ${MY_RESOURCES})
            file(APPEND ${CMAKE_BINARY_DIR}/told "file ${CMAKE_CURRENT_SOURCE_DIR}/${file}\\n")
          endforeach()
        endmacro()
        macro(slicer_add_python_unittest)
          cmake_parse_arguments(MY "" "SCRIPT;TESTNAME_PREFIX" "SLICER_ARGS" ${ARGN})
          get_filename_component(script ${MY_SCRIPT} ABSOLUTE)
          get_filename_component(name ${MY_SCRIPT} NAME_WE)
          add_test(NAME py_${MY_TESTNAME_PREFIX}${name} COMMAND nothing)
          set(options ${MY_TESTNAME_PREFIX} ${MY_SLICER_ARGS} ${script})
          list(JOIN options " " options)
          file(APPEND ${CMAKE_BINARY_DIR}/told "test ${options}\\n")
        endmacro()
        macro(slicer_add_python_test)
          slicer_add_python_unittest(${ARGN})
        endmacro()
    """,
    "package.cmake": """
        foreach(name HOMEPAGE CATEGORY CONTRIBUTORS DESCRIPTION ICONURL SCREENSHOTURLS DEPENDS LICENSE_FILE README_FILE)
          file(APPEND ${CMAKE_BINARY_DIR}/told "${name} ${EXTENSION_${name}}\\n")
        endforeach()
    """,
}


@pytest.fixture(scope="session")
def module_folder(project_root: Path) -> Path:
    return project_root / "DicomRegInspector"


@pytest.fixture(scope="session")
def module_cmake(module_folder: Path) -> str:
    return (module_folder / "CMakeLists.txt").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def told_to_slicer(project_root: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What the extension's CMake files tell Slicer, by kind, as CMake itself reads them."""
    cmake = shutil.which("cmake")
    if cmake is None:
        pytest.skip("cmake is not installed")
    folder = tmp_path_factory.mktemp("configure")
    for name, text in STAND_IN_PACKAGE.items():
        (folder / name).write_text(text)
    build = folder / "build"
    # Nothing is compiled, so no compiler and no make have to be there.
    nothing = shutil.which("true")
    tools = {"CMAKE_C_COMPILER": nothing, "CMAKE_CXX_COMPILER": nothing, "CMAKE_MAKE_PROGRAM": nothing}
    believed = {"CMAKE_C_COMPILER_FORCED": 1, "CMAKE_CXX_COMPILER_FORCED": 1}
    settings = {"Slicer_DIR": folder, **tools, **believed}
    configured = subprocess.run(
        [cmake, "-S", project_root, "-B", build, *(f"-D{name}={value}" for name, value in settings.items())],
        capture_output=True,
        text=True,
    )
    assert configured.returncode == 0, configured.stderr
    told: dict[str, list[str]] = {}
    for line in (build / "told").read_text().splitlines():
        kind, _, value = line.partition(" ")
        told.setdefault(kind, []).append(value)
    return told


@pytest.mark.parametrize("variable", [SCRIPTS, RESOURCES])
def test_every_file_of_the_module_folder_ships_and_nothing_else(
    variable: str, module_folder: Path, module_cmake: str
) -> None:
    listed = listed_files(module_cmake, variable)
    assert listed == tree_files(module_folder)[variable], (
        "lists and tree differ (or a list is not sorted); `python Testing/house/list_module_files.py --write` mends it"
    )


def test_a_file_that_is_not_listed_is_noticed(module_folder: Path, module_cmake: str, tmp_path: Path) -> None:
    copy = tmp_path / module_folder.name
    shutil.copytree(module_folder, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "DicomRegInspectorLib" / "forgotten.py").touch()
    (copy / "Resources" / "forgotten.svg").touch()
    assert set(tree_files(copy)[SCRIPTS]) - set(listed_files(module_cmake, SCRIPTS)) >= {
        "DicomRegInspectorLib/forgotten.py"
    }
    rewritten = with_lists(module_cmake, tree_files(copy))
    assert "DicomRegInspectorLib/forgotten.py" in listed_files(rewritten, SCRIPTS)
    assert "Resources/forgotten.svg" in listed_files(rewritten, RESOURCES)


def test_only_the_module_and_the_plugin_lie_directly_in_the_module_folder(module_folder: Path) -> None:
    # Slicer takes every Python file there for a module of its own.
    assert {path.name for path in module_folder.glob("*.py")} == {"DicomRegInspector.py", "DicomRegInspectorPlugin.py"}


def test_every_folder_of_the_library_is_a_package(module_folder: Path) -> None:
    library = module_folder / "DicomRegInspectorLib"
    for source in library.rglob("*.py"):
        assert (source.parent / "__init__.py").is_file(), f"{source.parent} has no __init__.py"


def test_cmake_hands_every_shipped_file_to_slicer(told_to_slicer: dict[str, list[str]], module_folder: Path) -> None:
    shipped = tree_files(module_folder)
    assert sorted(told_to_slicer["file"]) == sorted(
        str(module_folder / file) for files in shipped.values() for file in files
    )


def test_what_runs_in_slicer_is_registered_with_and_without_a_main_window(
    told_to_slicer: dict[str, list[str]], module_folder: Path
) -> None:
    self_test = str(module_folder / "DicomRegInspector.py")
    whole = str(module_folder.parent / "Testing" / "in_slicer" / "run.py")
    assert Path(whole).is_file()
    assert sorted(told_to_slicer["test"]) == sorted(
        [
            self_test,
            f"nomainwindow_ --no-main-window {self_test}",
            f"DicomRegInspector_in_slicer_ {whole}",
            f"nomainwindow_DicomRegInspector_in_slicer_ --no-main-window {whole}",
        ]
    )


def test_cmake_knows_licence_and_readme(told_to_slicer: dict[str, list[str]], project_root: Path) -> None:
    assert told_to_slicer["LICENSE_FILE"] == [str(project_root / "LICENSE")]
    assert told_to_slicer["README_FILE"] == [str(project_root / "README.md")]
