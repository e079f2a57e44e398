"""Answers in the DICOM JSON model are what json.loads says; neighbours share what is written alike."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from DicomRegInspectorLib.archive.dicomweb.json_model import parsed


def data_set(number: int) -> dict[str, Any]:
    """An instance like its neighbours but for two elements, one of which stands at the end now and then."""
    elements: dict[str, Any] = {f"{0x00080000 + key:08X}": {"vr": "LO", "Value": [f'"}},{{ {key}']} for key in range(9)}
    elements["00080004"] = {"vr": "DS", "Value": [number, number / 7, None]}
    elements["0009000A"] = {"vr": "SQ", "Value": [{"00080100": {"vr": "SH"}}, {}]}
    if number % 3 == 0:
        elements["00090010"] = {"vr": "PN", "Value": [{"Alphabetic": f"Å^{number % 2}"}]}
    return elements


@pytest.mark.parametrize("indent", [None, 1, "\t"])
@pytest.mark.parametrize("separators", [None, (",", ":"), (" ,\n", " :\t")])
def test_data_sets_are_what_json_says(indent: Any, separators: Any) -> None:
    text = json.dumps([data_set(number) for number in range(20)], indent=indent, separators=separators)
    found = parsed(text)
    assert found == json.loads(text)
    assert [list(each) for each in found] == [list(each) for each in json.loads(text)]
    assert found[0]["00080001"] is found[19]["00080001"]
    assert found[0]["00080004"] is not found[1]["00080004"]


def test_data_sets_that_have_little_in_common_are_what_json_says() -> None:
    """Elements come, go, change places and values, and stand twice, at random."""
    chance = random.Random(5)
    for _ in range(300):
        rows = []
        for _ in range(chance.randrange(1, 7)):
            keys = [f"{key:08X}" for key in chance.choices(range(6), k=chance.randrange(1, 9))]
            if chance.random() < 0.7:
                keys.sort()
            blank = chance.choice(["", "", " "])
            members = [f'{blank}"{key}"{blank}:{{"vr":"IS","Value":[{chance.randrange(2)}]}}{blank}' for key in keys]
            rows.append("{" + ",".join(members) + "}")
        text = "[" + ",".join(rows) + "]\n"
        assert parsed(text) == json.loads(text)


@pytest.mark.parametrize(
    "text",
    ["[]", "[{}]", '{"a": 1}', "[1]", "[null, {}]", '[{"a": 1}, {}]', '[{"a": 1}, 2]', '[{"\\u0041": 1}, {"A": 2}]',
     '[{"": 1}]', '[{"a": NaN}]', '[{"a": 1}, {"a": 1, "b": 2}]', " 7 "],
)  # fmt: skip
def test_other_json_is_what_it_is(text: str) -> None:
    assert repr(parsed(text)) == repr(json.loads(text))


WHOLE = json.dumps([data_set(number) for number in range(3)])


@pytest.mark.parametrize(
    "text",
    ["", "[", '[{"a": 1}', '[{"a": 1},]', '[{"a": 1,}]', '[{"a" 1}]', '[{"a": 1}] x', '[{"a": 1}{"a": 1}]', "<html>",
     '[{"a": 1}, {"a": 1]', '[{"a": }]', "\ufeff[]", *(WHOLE[:end] for end in range(1, len(WHOLE), 17))],
)  # fmt: skip
def test_what_is_no_json_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"Expecting|Extra data|Unterminated|BOM|property name|Invalid"):
        parsed(text)


def test_nesting_without_end_is_an_error() -> None:
    with pytest.raises(RecursionError):
        parsed('[{"a": ' + "[" * 200_000)
