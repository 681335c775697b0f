"""Whole batches of conversations, pairs and labels: the same as looking at every row."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from forgelm.audit.conversations import examine_rows
from forgelm.audit.reading.batch import ReadBatch
from forgelm.audit.rows.compiling import IS_AVAILABLE
from forgelm.audit.rows.engine import RowEngine, load_engine
from forgelm.audit.scan.turns import examine_batch, hash_prompts

ROLES = ["user", "assistant", "user", "assistant", "system", "tool", "human", "gpt", "nobody", None]
SAID = ["hello there", "fine, thanks", "some other words of an answer", "", "  ", "\u3000", "\u00a0x", "日本語", None]


NEEDS_NUMBA = pytest.mark.skipif(not IS_AVAILABLE, reason="numba is not installed")


@pytest.fixture(scope="module", params=[False, pytest.param(True, marks=NEEDS_NUMBA)])
def engine(request: pytest.FixtureRequest) -> RowEngine:
    return load_engine(compiled=request.param)


def _turns(chance: random.Random) -> list[dict[str, Any]]:
    if chance.random() < 0.6:
        opening = [{"role": "system", "content": "You help."}] if chance.random() < 0.3 else []
        pairs = chance.choice([1, 1, 2])
        return [*opening, *({"role": ROLES[turn % 2], "content": SAID[turn % 2]} for turn in range(2 * pairs))]
    return [{"role": chance.choice(ROLES), "content": chance.choice(SAID)} for _ in range(chance.choice([0, 1, 2, 3]))]


def _renamed(chance: random.Random) -> list[dict[str, Any]]:
    return [{"from": turn["role"], "value": turn["content"]} for turn in _turns(chance)]


def _with_calls(chance: random.Random) -> list[dict[str, Any]]:
    call = chance.choice([None, None, [{"name": "f"}]])
    return [turn | {"tool_calls": call} for turn in _turns(chance)]


def _pair(chance: random.Random) -> dict[str, Any]:
    words = " ".join(f"word{number}" for number in range(40))
    return {
        "prompt": chance.choice(SAID),
        "chosen": chance.choice([words, *SAID]),
        "rejected": chance.choice([words, words.replace("word39", "other"), words.upper(), *SAID]),
    }


SHAPES: dict[str, Callable[[random.Random], dict[str, Any]]] = {
    "messages": lambda chance: {"messages": chance.choice([_turns(chance), _turns(chance), None]), "id": 1},
    "sharegpt": lambda chance: {"conversations": _renamed(chance)},
    "tools": lambda chance: {"messages": _with_calls(chance)},
    "kto": lambda chance: {"prompt": chance.choice(SAID), "completion": "x", "label": chance.choice([True, False])},
    "kto with gaps": lambda chance: {"completion": chance.choice(SAID), "label": chance.choice([True, False, None])},
    "kto of numbers": lambda chance: {"completion": "x", "label": chance.choice([0, 1])},
    "dpo": _pair,
    "dpo of turns": lambda chance: {"chosen": _turns(chance), "rejected": _turns(chance)},
    "pairs of turns": lambda chance: {"prompt": _turns(chance), "completion": _turns(chance)},
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", range(4))
def test_a_table_says_what_its_rows_say(shape: str, seed: int, engine: RowEngine) -> None:
    chance = random.Random(seed)
    rows = [SHAPES[shape](chance) for _ in range(80)]
    table = pa.RecordBatch.from_pylist(rows)
    values = ReadBatch(None, rows, len(rows))
    by_rows = examine_batch(values, engine)
    by_table = examine_batch(ReadBatch(table, (), len(rows)), engine)
    assert by_table == by_rows
    assert by_rows.rows == 80
    assert np.array_equal(hash_prompts(ReadBatch(table, (), len(rows))), hash_prompts(values))


def test_a_null_column_is_no_column(engine: RowEngine) -> None:
    rows = [{"chosen": None, "rejected": None, "messages": None}, {"chosen": "a", "rejected": "b"}]
    assert examine_batch(ReadBatch(None, rows, 2), engine).issues == examine_rows([(1, rows[1])]).issues == {}


def test_tables_without_turns_are_only_counted(engine: RowEngine) -> None:
    table = pa.RecordBatch.from_pylist([{"text": "a"}] * 3)
    assert examine_batch(ReadBatch(table, (), 3), engine) == examine_rows(enumerate([{}] * 3))
    assert not hash_prompts(ReadBatch(table, (), 3)).any()


def test_parts_of_contents_and_odd_types_are_looked_at_one_by_one(engine: RowEngine) -> None:
    rows = [
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}], "chosen": 1, "rejected": 1},
        {"messages": [{"role": "user", "content": []}], "chosen": 1, "rejected": 2},
    ]
    found = examine_batch(ReadBatch(pa.RecordBatch.from_pylist(rows), (), 2), engine)
    assert found == examine_rows(enumerate(rows)) and found.issues["identical_pair"] == 1
