"""A few of the hardships of `starve.py`, and that it notices what must not be."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest

if os.name != "posix":
    pytest.skip("limits, pipes and mounts as POSIX has them", allow_module_level=True)
import resource

sys.path.insert(0, str(Path(__file__).resolve().parent))

import starve
import writers
from DicomRegInspectorLib import address_space, memory
from DicomRegInspectorLib.errors import UsageError, file_error

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
    names = ("closed stdout", "closed stderr", "230 MB of memory", "name not in UTF-8")
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
    monkeypatch.setattr(memory, "address_space_limit", lambda: 1 << 40)
    monkeypatch.setattr(memory, "address_space_left", lambda: size + (40 << 20))
    with pytest.raises(UsageError, match=r"not enough memory to load .* may take 1.1 TB.*raise it to"):
        memory.require_room_to_import("SimpleITK")
    monkeypatch.setattr(memory, "address_space_left", lambda: size + (4 << 30))
    memory.require_room_to_import("SimpleITK")


def test_an_archive_is_refused_before_its_libraries_end_the_process_for_want_of_memory() -> None:
    sizes = (230, 270, 420)
    outcome = starve.run(
        [BY_NAME["archive"]],
        [starve.Hardship(f"{size} MB", limit=(resource.RLIMIT_AS, size << 20), must_refuse=True) for size in sizes],
    )
    assert outcome.wrong == []
    for size, line in zip(sizes, outcome.lines, strict=True):
        assert f"may take {(size << 20) / 1e6:.0f} MB" in line and "raise it to" in line


def test_slicers_libraries_are_not_loaded_where_they_would_end_the_process_for_want_of_memory() -> None:
    pytest.importorskip("slicer_core")
    limits = [starve.Hardship(f"{size} MB", limit=(resource.RLIMIT_AS, size << 20)) for size in (325, 375)]
    outcome = starve.run([BY_NAME["demo"]], limits)
    assert outcome.wrong == []


def raised_over(error: Exception, cause: Exception) -> Exception:
    error.__context__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "is_lack"),
    [
        (MemoryError(), True),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), True),
        (RuntimeError("can't start new thread"), True),
        (ImportError("a.so: failed to map segment from shared object"), True),
        (raised_over(ImportError("no such extra"), ImportError("b.so: Cannot allocate memory")), True),
        (raised_over(SystemError("returned NULL without setting an exception"), MemoryError()), True),
        (SystemError("error return without exception set"), False),
        (ImportError("a.so: failed to map segment from shared object: Operation not permitted"), False),
        (ImportError("c.so: cannot allocate memory in static TLS block"), False),
        (OSError(errno.ENOSPC, "No space left on device"), False),
    ],
)
def test_lack_of_memory_is_known_by_whatever_name(
    error: Exception, is_lack: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert address_space.is_lack_of_memory(error) == is_lack
    said = str(file_error("a.dcm", error))
    assert ("needs more memory than there is" in said) == is_lack
    monkeypatch.setattr(address_space, "address_space_left", lambda: 1 << 20)
    assert address_space.is_lack_of_memory(error)


def test_what_must_not_be_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Careless(writers.Writer):
        def command(self, *more: str) -> list[str]:
            return [sys.executable, "-c", "open('out.csv', 'w').write('x' * 5000)"]

    monkeypatch.setattr(starve, "make_inputs", lambda folder, **size: None)
    limited, closed = HARDSHIPS["files of 2000 bytes"], HARDSHIPS["closed stdout"]
    outcome = starve.run([Careless("careless", ("map",), ("out.csv",))], [limited, closed])
    assert outcome.wrong == ["careless, files of 2000 bytes: half-written ['out.csv']"]
