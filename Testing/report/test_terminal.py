"""Text on screens: escapes, colours, signs an encoding lacks, and the progress bar."""

from __future__ import annotations

import io

import pytest
from DicomRegInspectorLib.report.text import progress
from DicomRegInspectorLib.report.text.terminal import Style, printable, write_text
from DicomRegInspectorLib.words import millimetres


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Größe 5 × 3°", "Größe 5 × 3°"),
        ("a\x1b[31m", "a\\x1b[31m"),
        ("a\r\nb\tc\0", "a\\x0d\\x0ab\\x09c\\x00"),
        ("\u202e\u2066\u200f", "\\u202e\\u2066\\u200f"),
        ("\u2028\u0085", "\\u2028\\x85"),
        ("\udcff", "\\udcff"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_what_a_terminal_would_act_on_is_spelled_out(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_colours_are_for_terminals_that_want_them() -> None:
    assert Style.of(Terminal(), {}).colour
    assert not Style.of(Terminal(), {"NO_COLOR": "1"}).colour
    assert not Style.of(Terminal(), {"TERM": "dumb"}).colour
    assert not Style.of(io.StringIO(), {}).colour
    assert Style(colour=False).paint("x", "error") == "x"
    assert Style(colour=True).paint("x", "error").startswith("\x1b[")


def test_an_encoding_without_the_signs_gets_words() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    write_text(stream, "5 × 3 mm, 18.5°, “Größe” → … 1–2")
    stream.flush()
    assert raw.getvalue().decode() == '5 x 3 mm, 18.5 deg, "Gr\\xf6\\xdfe" -> ... 1-2\n'


@pytest.mark.parametrize(
    ("value", "text"),
    [(4.0, "4"), (4.0021, "4.002"), (None, "-"), (0.0, "0"), (0.00004, "4e-05"), (-0.5, "-0.5"), (1200.0, "1200")],
)
def test_lengths_are_short(value: float | None, text: str) -> None:
    assert millimetres(value) == text


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_short_work_shows_no_bar(clock) -> None:
    stream = Terminal()
    with progress.ProgressBar(stream) as bar:
        assert bar(0, 10, "Reading")
        clock[0] += 0.19
        bar(5, 10, "Reading")
    assert stream.getvalue() == ""


def test_long_work_shows_how_far_it_is_and_cleans_up(clock) -> None:
    stream = Terminal()
    with progress.ProgressBar(stream) as bar:
        clock[0] += 1
        bar(25, 100, "Reading \x1b[31mheaders")
        bar(26, 100, "too soon to draw again")
    text = stream.getvalue()
    assert " 25 %  25 of 100" in text
    assert "too soon" not in text
    assert "\x1b[31m" not in text
    assert text.endswith("\r\x1b[K")


def test_no_terminal_no_bar(clock) -> None:
    stream = io.StringIO()
    with progress.ProgressBar(stream) as bar:
        clock[0] += 10
        assert bar(1, 2, "Reading")
    assert stream.getvalue() == ""
