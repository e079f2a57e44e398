"""What pip installs, with which versions, and that README, CI script and workflow say the same."""

from __future__ import annotations

import json
import re
import sysconfig
import tomllib
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import pytest
from follow_readme import set_up_commands
from list_module_files import tree_files
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

DISTRIBUTION = "dicom-reg-inspector"

SHIPPED_BY_SLICER = {"numpy": "2.4.6", "pydicom": "3.0.2", "scipy": "1.17.1", "slicer-core": "5.12.4.0"}
"""The versions of Slicer 5.12."""


@pytest.fixture(scope="session")
def project(project_root: Path) -> dict:
    return tomllib.loads((project_root / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="session")
def constraints(project_root: Path) -> dict[str, str]:
    """Exact versions by canonical name."""
    lines = (project_root / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pins}


@pytest.fixture(scope="session")
def readme_commands(project_root: Path) -> list[str]:
    """The set-up commands of the README."""
    return set_up_commands((project_root / "README.md").read_text(encoding="utf-8"))


def installed(name: str) -> Distribution:
    try:
        return distribution(name)
    except PackageNotFoundError:
        pytest.skip(f"{name} is not installed")


def requirements(project: dict, *extras: str) -> list[Requirement]:
    """The dependencies and those of the extras, without the project itself."""
    lines = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
    return [requirement for requirement in map(Requirement, lines) if requirement.name != DISTRIBUTION]


def test_two_commands_do_all_the_set_up_and_ci_runs_both(readme_commands: list[str], project_root: Path) -> None:
    main_job, tests = readme_commands
    assert main_job.endswith("/dicom-reg-inspector demo")
    assert "pytest" in tests.rpartition("&&")[2]
    script = [line.strip() for line in (project_root / ".ci" / "run").read_text(encoding="utf-8").splitlines()]
    assert {"readme 1", "readme 2", "check readme_main_job", "readme_tests || status=$?"} <= set(script)
    assert not any("-m venv" in line for line in script), "the script takes them from the README"


def test_the_set_up_commands_use_the_tested_versions_and_extras_that_exist(
    readme_commands: list[str], project: dict
) -> None:
    for command in readme_commands:
        install = re.search(r"pip install -c constraints\.txt '\.\[([\w,]+)\]'", command)
        assert install is not None, command
        assert set(install[1].split(",")) <= set(project["optional-dependencies"])


def test_the_workflow_runs_the_ci_script_on_every_python_that_is_declared(project: dict, project_root: Path) -> None:
    workflow = (project_root / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert "run: .ci/run" in workflow
    matrix = re.search(r"python: (\[.*\])", workflow)
    assert matrix is not None
    declared = declared_pythons(project)
    assert json.loads(matrix[1]) == declared
    assert all(version in SpecifierSet(project["requires-python"]) for version in declared)


def test_every_dependency_is_pinned_to_a_version_it_allows(project: dict, constraints: dict[str, str]) -> None:
    for requirement in requirements(project, *project["optional-dependencies"]):
        pin = constraints[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(pin), f"constraints.txt has {pin}, pyproject.toml asks for {requirement}"


def test_the_tested_versions_are_those_that_slicer_ships(constraints: dict[str, str]) -> None:
    assert {name: constraints[name] for name in SHIPPED_BY_SLICER} == SHIPPED_BY_SLICER


def test_constraints_hold_everything_that_the_tests_bring(project: dict, constraints: dict[str, str]) -> None:
    for name, version in closure(requirements(project, "headless", "test")).items():
        assert name in constraints, f"{name} {version} comes with the tests, but is not in constraints.txt"


def test_the_tested_versions_run_on_every_python_that_is_declared(project: dict, constraints: dict[str, str]) -> None:
    compared = 0
    for name, version in closure(requirements(project, "headless", "test")).items():
        package = distribution(name)
        if version == constraints.get(name):
            allowed = SpecifierSet(package.metadata.get("Requires-Python") or "")
            for python in declared_pythons(project):
                assert f"{python}.99" in allowed, f"{name} {version} does not run on Python {python}"
            compared += 1
    assert compared > 10


def test_no_dependency_is_under_a_licence_that_mit_code_cannot_be_shipped_with(project: dict) -> None:
    names = closure(requirements(project, "headless"))
    assert {"numpy", "pydicom", "slicer-core", "vtk"} <= set(names)
    for name in names:
        metadata = distribution(name).metadata
        said = [metadata.get("License-Expression") or (metadata.get("License") or "").partition("\n")[0]]
        said += [line for line in metadata.get_all("Classifier") or [] if line.startswith("License ::")]
        assert any(said), f"{name} does not say its licence"
        assert not re.search(r"\bA?GPL|GNU (Affero )?General Public", " ".join(said)), f"{name}: {said}"


def test_the_installed_package_is_this_version_with_every_file_and_the_command(project_root: Path) -> None:
    # Looked for where pip installs: a build leaves metadata in the checkout, too.
    package = next(iter(Distribution.discover(name=DISTRIBUTION, path=[sysconfig.get_path("purelib")])), None)
    if package is None:
        pytest.skip(f"{DISTRIBUTION} is not installed")
    origin = json.loads(package.read_text("direct_url.json") or "{}")
    if origin.get("dir_info", {}).get("editable"):
        pytest.skip("the package is installed in place")
    from DicomRegInspectorLib import __version__

    assert Version(package.version) == Version(__version__)
    installed_files = {str(file) for file in package.files or [] if file.suffix != ".pyc"}
    shipped = (name for names in tree_files(project_root / "DicomRegInspector").values() for name in names)
    library = {name for name in shipped if name.startswith("DicomRegInspectorLib/")}
    assert {name for name in installed_files if name.startswith("DicomRegInspectorLib/")} == library, (
        "the installed package is not this checkout (install it again), or pyproject.toml leaves files out"
    )
    (command,) = package.entry_points.select(group="console_scripts")
    assert (command.name, command.value) == (DISTRIBUTION, "DicomRegInspectorLib.cli:main")
    assert callable(command.load())


def declared_pythons(project: dict) -> list[str]:
    """Python versions as 3.x, in ascending order."""
    return re.findall(r"Programming Language :: Python :: (3\.\d+)", "\n".join(project["classifiers"]))


def closure(roots: list[Requirement]) -> dict[str, str]:
    """Versions, by canonical name, of what the requirements install on this platform, and what that brings."""
    found: dict[str, str] = {}
    waiting = list(roots)
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name in found or (requirement.marker is not None and not requirement.marker.evaluate({"extra": ""})):
            continue
        package = installed(name)
        found[name] = package.version
        waiting += map(Requirement, package.requires or [])
    return found
