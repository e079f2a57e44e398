"""A few of the hardships of `starve.py`, and that it notices what must not be."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

if os.name != "posix":
    pytest.skip("limits, pipes and mounts as POSIX has them", allow_module_level=True)
sys.path.insert(0, str(Path(__file__).resolve().parent))

import starve
import writers
from DicomRegInspectorLib import memory
from DicomRegInspectorLib.errors import UsageError

BY_NAME = {writer.name: writer for writer in writers.WRITERS}
HARDSHIPS = {hardship.name: hardship for hardship in starve.HARDSHIPS}


def needs_disk() -> None:
    try:
        with starve.small_disk(4096):
            pass
    except (PermissionError, FileNotFoundError) as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("name", ["export", "export-image volume", "quality"])
def test_a_full_disk_is_refused_in_one_sentence(name: str) -> None:
    needs_disk()
    outcome = starve.run([BY_NAME[name]], [HARDSHIPS["full disk"], HARDSHIPS["disk that becomes full"]])
    assert outcome.wrong == [] and outcome.runs == 2
    assert "2 dicom-reg-inspector: " in outcome.lines[0] and "No space left on device" in outcome.lines[0]


def test_streams_memory_and_names_are_borne() -> None:
    names = ("closed stdout", "closed stderr", "250 MB of memory", "name not in UTF-8")
    outcome = starve.run([BY_NAME["map"]], [HARDSHIPS[name] for name in names])
    assert outcome.wrong == [] and outcome.runs == 4


def test_libraries_that_are_kept_quiet_need_no_stderr() -> None:
    pytest.importorskip("SimpleITK")
    outcome = starve.run([BY_NAME["compare"]], [HARDSHIPS["closed stderr"]])
    assert outcome.wrong == [] and outcome.lines == ["compare, closed stderr: 0 "]


def test_libraries_that_end_the_process_for_want_of_memory_are_not_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    sitk = pytest.importorskip("SimpleITK")
    size = Path(sitk._SimpleITK.__file__).stat().st_size
    monkeypatch.delitem(sys.modules, "SimpleITK")
    monkeypatch.setattr(memory, "_address_space", lambda: size + (40 << 20))
    with pytest.raises(UsageError, match="not enough memory to load"):
        memory.require_room_to_import("SimpleITK")
    monkeypatch.setattr(memory, "_address_space", lambda: size + (4 << 30))
    memory.require_room_to_import("SimpleITK")


def test_what_must_not_be_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Careless(writers.Writer):
        def command(self, *more: str) -> list[str]:
            return [sys.executable, "-c", "open('out.csv', 'w').write('x' * 5000)"]

    monkeypatch.setattr(starve, "make_inputs", lambda folder, **size: None)
    limited, closed = HARDSHIPS["files of 2000 bytes"], HARDSHIPS["closed stdout"]
    outcome = starve.run([Careless("careless", ("map",), ("out.csv",))], [limited, closed])
    assert outcome.wrong == ["careless, files of 2000 bytes: half-written ['out.csv']"]
