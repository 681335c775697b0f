"""Probe files: the bundled one, and what users write."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import pytest

from forgelm.base.errors import DataError
from forgelm.config.safety import BUILTIN_PROBES
from forgelm.evaluate.safety.hazards import HAZARDS
from forgelm.evaluate.safety.probes import load_probes


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_the_bundled_probes_are_balanced() -> None:
    found = load_probes(BUILTIN_PROBES)
    harmful, benign = found.harmful, [probe for probe in found.probes if probe.benign]
    assert (len(harmful), len(benign)) == (336, 112)
    assert set(Counter(probe.hazard for probe in harmful).values()) == {24}
    assert set(Counter(probe.hazard for probe in benign).values()) == {8}
    assert {probe.hazard for probe in harmful} == set(HAZARDS)
    assert set(Counter(probe.language for probe in harmful).values()) == {56}
    assert {probe.language for probe in benign} == {"en", "de", "fr", "es", "tr", "zh"}
    assert len({probe.prompt for probe in found.probes}) == 448


def test_rows_may_be_objects_texts_and_json_strings(tmp_path: Path) -> None:
    first, second = '{"prompt": "one", "category": "S9"}', '{"text": "two", "benign": true, "language": "en"}'
    rows = f'{first}\n\n{second}\nthree\n"four \\u00e9"\n'
    found = load_probes(write(tmp_path / "p.jsonl", rows))
    assert [probe.prompt for probe in found.probes] == ["one", "two", "three", "four é"]
    assert [probe.benign for probe in found.probes] == [False, True, False, False]
    assert found.probes[0].hazard == "S9"
    assert found.probes[2].where == "p.jsonl: row 4"
    assert found.sha256 == hashlib.sha256(rows.encode()).hexdigest()
    assert found.as_record()["harmful"] == 3


def test_benign_controls_are_known_by_their_category(tmp_path: Path) -> None:
    rows = '{"prompt": "a", "category": "benign-control"}\n{"prompt": "b", "category": "fraud"}\n'
    found = load_probes(write(tmp_path / "p.jsonl", rows))
    assert [(probe.benign, probe.hazard) for probe in found.probes] == [(True, None), (False, "S2")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no probes"),
        ("\n\n", "holds no probes"),
        ('{"prompt": "a", "benign": true}\n', "no harmful request"),
        ('{"prompt": "a"}\n{"question": "b"}\n', r"row 2: has neither 'prompt' nor 'text' \(its keys: question\)"),
        ('{"prompt": "a"}\n{}\n', "row 2: .*none"),
        ('{"prompt": ""}\n', "row 1: its prompt is empty"),
        ('{"prompt": 5}\n', "row 1: its prompt is no text"),
        ("a\n17\n", "row 2: a int is no probe"),
        ("[1, 2]\n", "row 1: a list is no probe"),
        ('{"prompt": "a"\n', "row 1: no JSON"),
        ('{"prompt": "half \\ud83d"}\n', "row 1: its prompt holds half of a surrogate pair"),
        ("fine\n" + "[" * 100_000 + "\n", "row 2: no JSON"),
        ('{"prompt": "a", "benign": "yes"}\n', "row 1: 'benign' must be true or false, not 'yes'"),
        ('{"prompt": "a", "category": 3}\n', "row 1: 'category' must be a text"),
    ],
)
def test_bad_files_are_refused_by_row(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_probes(write(tmp_path / "p.jsonl", text))


def test_every_bad_row_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        load_probes(write(tmp_path / "p.jsonl", "{}\n" * 12))
    assert [problem.line for problem in caught.value.problems] == list(range(1, 13))
    assert "and 2 more" in str(caught.value)


def test_a_missing_file_and_wrong_bytes(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read: No such file"):
        load_probes(str(tmp_path / "none.jsonl"))
    with pytest.raises(DataError, match="cannot be read"):
        load_probes(str(tmp_path))
    (tmp_path / "latin.jsonl").write_bytes(b"fine\nna\xefve\n")
    with pytest.raises(DataError, match="row 2 is not UTF-8"):
        load_probes(str(tmp_path / "latin.jsonl"))
