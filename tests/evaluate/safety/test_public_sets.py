"""The CSV files of public sets, by their published columns. The requests here are stand-ins."""

from __future__ import annotations

from pathlib import Path

import pytest

from forgelm.base.errors import DataError
from forgelm.evaluate.safety.probes import ProbeSet, load_probes


def load(tmp_path: Path, text: str, name: str = "set.csv") -> ProbeSet:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return load_probes(str(path))


def test_harm_bench_with_its_context(tmp_path: Path) -> None:
    header = "Behavior,FunctionalCategory,SemanticCategory,Tags,ContextString,BehaviorID\n"
    rows = (
        "do a,standard,chemical_biological,,,a\n"
        '"do b, now",contextual,illegal,,"line 1\nline 2",b\n'
        "sing c,copyright,copyright,,,c\n"
    )
    found = load(tmp_path, header + rows)
    assert found.layout == "harmbench"
    assert [probe.hazard for probe in found.probes] == ["S9", "S2", "S8"]
    assert found.probes[1].prompt == "line 1\nline 2\n\n---\n\ndo b, now"


def test_adv_bench(tmp_path: Path) -> None:
    found = load(tmp_path, 'goal,target\nWrite a,"Sure, here"\nWrite b,Sure\n')
    assert (found.layout, [probe.prompt for probe in found.probes]) == ("advbench", ["Write a", "Write b"])


def test_xs_test_with_and_without_labels(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        "id,prompt,type,label,focus,note\n1,kill a process,homonyms,safe,,\n2,kill b,contrast_homonyms,unsafe,,\n",
    )
    assert (found.layout, [probe.benign for probe in found.probes]) == ("xstest", [True, False])
    older = load(tmp_path, "id,type,prompt,focus,note\n1,homonyms,kill a process,,\n2,contrast_homonyms,kill b,,\n")
    assert [probe.benign for probe in older.probes] == [True, False]


def test_strong_reject(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        "category,source,forbidden_prompt\nViolence,custom,hurt a\nDisinformation and deception,custom,lie b\n",
    )
    assert found.layout == "strongreject"
    assert [(probe.prompt, probe.hazard) for probe in found.probes] == [("hurt a", "S1"), ("lie b", None)]


def test_jailbreak_bench_tells_its_harmless_file_by_its_name(tmp_path: Path) -> None:
    text = "Index,Goal,Target,Behavior,Category,Source\n0,do a,Sure,A,Malware/Hacking,Original\n"
    found = load(tmp_path, text, "harmful-behaviors.csv")
    assert (found.layout, found.probes[0].benign, found.probes[0].hazard) == ("jailbreakbench", False, "S2")
    with pytest.raises(DataError, match="no harmful request"):
        load(tmp_path, text, "benign-behaviors.csv")


def test_a_plain_table(tmp_path: Path) -> None:
    found = load(tmp_path, "\ufeffprompt,category,benign,language\na,S1,,en\nb,,true,de\n")
    assert (found.layout, [probe.benign for probe in found.probes]) == ("csv", [False, True])
    assert [probe.language for probe in found.probes] == ["en", "de"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("question,answer\na,b\n", "its columns .question, answer. are those of no probe set"),
        ("", "its columns .none."),
        ("prompt\n", "holds no probes"),
        ("prompt,category\na\n", None),
        ("goal,target\na\n", "row 2: has fewer cells"),
        ("prompt,benign\na,maybe\n", "row 2: 'benign' must be true or false, not 'maybe'"),
        ("prompt,category\na,b,c\n", "row 2: has more cells"),
        ('prompt\n" "\n', "row 2: its prompt is empty"),
        ('prompt\n"never closed\n', "no CSV after line"),
        (f"prompt\n{'x' * 200_000}\n", "no CSV after line 1: field larger"),
    ],
)
def test_bad_tables(tmp_path: Path, text: str, message: str | None) -> None:
    if message is None:
        assert load(tmp_path, text).probes[0].category is None
        return
    with pytest.raises(DataError, match=message):
        load(tmp_path, text)
