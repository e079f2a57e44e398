"""Findings know what they are about: which file, item, series and slices, whatever their names look like."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
from DicomRegInspectorLib import inspect_paths
from DicomRegInspectorLib.findings import About, Finding
from DicomRegInspectorLib.findings.about import about_item, about_node, about_registration, about_series


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        (about_item("/data/item 7 of x.dcm", 2), "item 2 of item 7 of x.dcm"),
        (About("pair", "1.2.3", "a/reg.dcm", 1, (4, 5)).subject, "item 1 of reg.dcm"),
        (about_registration("/data/reg.dcm"), "reg.dcm"),
        (about_series("1.2.3"), "series 1.2.3"),
        (about_series(""), "series (without a UID)"),
        (about_node("item 1 of T"), "item 1 of T"),
    ],
)
def test_words_are_made_of_data_and_not_the_other_way_round(subject: str, words: str) -> None:
    finding = Finding("reg-near-zero", "warning", "nothing moves", subject)
    assert finding.subject == words == finding.to_dict()["subject"]
    assert finding.about is not None and finding.about.words == words
    assert type(finding.to_dict()["subject"]) is str
    assert pickle.loads(pickle.dumps(finding)).about == finding.about


def test_slices_in_the_evidence_make_a_stack_of_a_series() -> None:
    finding = Finding("slice-gap", "error", "a slice is missing", about_series("1.2.3"), {"slices": [14, 15]})
    assert finding.about == About("stack", "1.2.3", slices=(14, 15))
    assert finding.to_dict()["about"] == {"kind": "stack", "uid": "1.2.3", "slices": [14, 15]}


def test_words_alone_are_no_data() -> None:
    finding = Finding("slice-gap", "error", "a slice is missing", "item 1 of reg.dcm")
    assert finding.about is None
    assert "about" not in finding.to_dict()


def test_the_json_of_real_data_says_what_each_finding_is_about(tilted_irregular_ct: Path) -> None:
    told = json.loads(json.dumps(inspect_paths([tilted_irregular_ct]).to_dict()))
    (series,) = told["series"]
    assert told["findings"]
    for finding in told["findings"]:
        assert finding["about"]["uid"] == series["series_instance_uid"]
        assert finding["about"].get("slices", []) == finding["evidence"].get("slices", [])
        assert finding["about"]["kind"] == ("stack" if "slices" in finding["evidence"] else "series")
