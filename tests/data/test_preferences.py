"""Comparisons, verdicts and prompts in every way people store them, and what is refused with its row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support import sections, write_rows

from forgelm.base.errors import DataError
from forgelm.config.root import ForgeConfig
from forgelm.data.preferences import read_label, unpair
from forgelm.data.prepare import prepare_run
from forgelm.data.problems import RowError
from forgelm.data.rows import PreparedData

U, A, B = ({"role": role, "content": text} for role, text in (("user", "u"), ("assistant", "a"), ("assistant", "b")))
S = {"role": "system", "content": "s"}


@pytest.fixture
def read(tmp_path: Path) -> Any:
    def prepare(trainer: str, *rows: Any, **data: Any) -> PreparedData:
        path = write_rows(tmp_path / "d.jsonl", list(rows))
        changes = {"training": {"trainer_type": trainer}, "data": {"shuffle": False, **data}}
        return prepare_run(ForgeConfig(**sections(path, tmp_path / "run", **changes)))

    return prepare


@pytest.mark.parametrize("trainer", ["dpo", "simpo", "orpo"])
@pytest.mark.parametrize(
    ("row", "prompt", "chosen"),
    [
        ({"prompt": "p", "chosen": "c", "rejected": "r"}, "p", "c"),
        ({"chosen": "Ask: two? Say: four", "rejected": "Ask: two? Say: five"}, "Ask: two? Say: ", "four"),
        ({"chosen": "same words", "rejected": "same word"}, "same ", "words"),
        ({"prompt": [U], "chosen": [A], "rejected": [B]}, [U], [A]),
        ({"prompt": "u", "chosen": [A], "rejected": [B]}, [U], [A]),
        ({"chosen": [U, A], "rejected": [U, B]}, [U], [A]),
        ({"prompt": "u", "chosen": [U, A], "rejected": [U, B]}, [U], [A]),
        ({"prompt": [U], "chosen": [U, A], "rejected": [U, B]}, [U], [A]),
        ({"prompt": [U], "chosen": [A], "rejected": [B], "system": "s"}, [S, U], [A]),
        ({"chosen": [U, A, U, A], "rejected": [U, A, U, B]}, [U, A, U], [A]),
    ],
)
def test_a_comparison_has_a_prompt_and_two_replies(read: Any, trainer: str, row: Any, prompt: Any, chosen: Any) -> None:
    prepared = read(trainer, row)
    assert prepared.format == "preference"
    assert prepared.train[0].value["prompt"] == prompt
    assert prepared.train[0].value["chosen"] == chosen


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"prompt": "p", "chosen": "c", "rejected": "c"}, "are the same"),
        ({"chosen": [U, A], "rejected": [U, A]}, "are the same"),
        ({"prompt": "p", "chosen": "c", "rejected": [A]}, "both must be one kind"),
        ({"prompt": [U], "chosen": "c", "rejected": "r"}, "all must be one kind"),
        ({"prompt": "p", "chosen": "", "rejected": "r"}, "chosen: the completion is empty"),
        ({"prompt": "p", "chosen": 1, "rejected": 2}, "'chosen' must be text, found a number"),
        ({"chosen": [A], "rejected": [B]}, "do not begin with the same message"),
        ({"prompt": "p", "chosen": None, "rejected": "r"}, "'chosen' is null"),
    ],
)
def test_a_comparison_that_compares_nothing_is_refused_with_its_row(read: Any, row: Any, reason: str) -> None:
    with pytest.raises(DataError) as caught:
        read("dpo", {"prompt": "p", "chosen": "c", "rejected": "r"}, row, format="preference")
    assert reason in str(caught.value)
    assert "d.jsonl:2" in str(caught.value)


@pytest.mark.parametrize("label", [True, 1, 1.0, "true", "True ", "1"])
def test_a_label_may_be_spelt_in_many_ways(label: Any) -> None:
    assert read_label(label) is True


@pytest.mark.parametrize("label", [2, "yes", None, [], 0.5])
def test_what_is_no_label_is_refused(label: Any) -> None:
    with pytest.raises(RowError, match="'label' must be true or false"):
        read_label(label)


@pytest.mark.parametrize(
    ("row", "prompt", "completion"),
    [
        ({"prompt": "p", "completion": "c", "label": True}, "p", "c"),
        ({"completion": "c", "label": True}, "", "c"),
        ({"prompt": [U], "completion": [A], "label": True}, [U], [A]),
        ({"prompt": "u", "completion": [A], "label": True}, [U], [A]),
        ({"prompt": [U], "completion": "a", "label": True}, [U], [A]),
        ({"completion": [U, A], "label": True}, [U], [A]),
    ],
)
def test_a_verdict_has_a_prompt_a_reply_and_a_label(read: Any, row: Any, prompt: Any, completion: Any) -> None:
    prepared = read("kto", row)
    assert prepared.format == "unpaired_preference"
    assert prepared.train[0].value == {"prompt": prompt, "completion": completion, "label": True}


def test_labels_of_two_types_are_refused_with_the_row(read: Any) -> None:
    rows = [{"prompt": "p", "completion": "c", "label": label} for label in (True, False, 1)]
    with pytest.raises(DataError, match="must be of one type") as caught:
        read("kto", *rows)
    assert "d.jsonl:3" in str(caught.value)


def test_a_label_that_is_none_is_refused_by_name(read: Any) -> None:
    with pytest.raises(DataError, match="'label' must be true or false"):
        read("kto", {"prompt": "p", "completion": "c", "label": "sports"})


def test_pairs_become_verdicts_that_stay_on_one_side(read: Any) -> None:
    rows = [{"prompt": f"p{n}", "chosen": "c", "rejected": "r"} for n in range(10)]
    prepared = read("kto", *rows, validation_split_ratio=0.3)
    assert prepared.format == "unpaired_preference"
    assert len(prepared.train) == 14
    held = {row.value["prompt"] for row in prepared.validation}
    assert held.isdisjoint(row.value["prompt"] for row in prepared.train)
    assert [row.value["label"] for row in prepared.validation] == [True, False] * 3


def test_unpairing_keeps_what_both_share() -> None:
    good, bad = unpair({"prompt": [U], "chosen": [A], "rejected": [B], "tools": [1]})
    assert good == {"prompt": [U], "completion": [A], "label": True, "tools": [1]}
    assert bad == {"prompt": [U], "completion": [B], "label": False, "tools": [1]}


@pytest.mark.parametrize(
    ("row", "prompt", "columns"),
    [
        ({"prompt": "p", "gold_answer": "4", "level": 2}, "p", {"gold_answer": "4", "level": 2}),
        ({"prompt": [U], "solution": "x"}, [U], {"solution": "x"}),
        ({"question": "u", "answer": "4"}, [U], {"answer": "4"}),
        ({"problem": "u", "system": "s"}, [S, U], {}),
        ({"prompt": "p", "completion": "c", "level": 1}, "p", {"level": 1}),
    ],
)
def test_a_prompt_keeps_every_other_column_for_the_rewards(read: Any, row: Any, prompt: Any, columns: Any) -> None:
    prepared = read("grpo", row)
    assert prepared.train[0].value == {"prompt": prompt, "columns": columns}


@pytest.mark.parametrize("prompt", ["  ", [U, A], [S]])
def test_a_prompt_that_asks_nothing_is_refused(read: Any, prompt: Any) -> None:
    with pytest.raises(DataError, match="prompt"):
        read("grpo", {"prompt": prompt})


def test_rows_of_another_trainer_name_it(read: Any) -> None:
    with pytest.raises(DataError, match="trainer_type sft trains on"):
        read("dpo", {"messages": [U, A]})
    with pytest.raises(DataError, match="trainer_type dpo, simpo, orpo or kto trains on"):
        read("grpo", {"chosen": "c", "rejected": "r"})
