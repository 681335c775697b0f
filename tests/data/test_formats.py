from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forgelm.base.errors import DataError
from forgelm.config.data import DataConfig
from forgelm.data.formats import is_conversational, normalise
from forgelm.data.rows import PreparedData, RawDataset, Row, RowFormat

Load = Callable[..., PreparedData]
Collect = Callable[[PreparedData], list[Any]]

U, A = {"role": "user", "content": "u"}, {"role": "assistant", "content": "a"}
TURNS = {"prompt": [U], "completion": [A]}


@pytest.mark.parametrize(
    ("row", "value", "row_format"),
    [
        ({"messages": [U, A]}, {"messages": [U, A]}, RowFormat.MESSAGES),
        (
            {"conversations": [{"from": "human", "value": "u"}, {"from": "gpt", "value": "a"}]},
            {"messages": [U, A]},
            RowFormat.MESSAGES,
        ),
        (
            {"messages": [{"role": "human", "content": "u"}, {"role": "gpt", "content": "a"}]},
            {"messages": [U, A]},
            RowFormat.MESSAGES,
        ),
        ({"instruction": "u", "input": "", "output": "a"}, TURNS, RowFormat.PROMPT_COMPLETION),
        ({"User": "u", "Assistant": "a"}, TURNS, RowFormat.PROMPT_COMPLETION),
        ({"question": "u", "answer": "a"}, TURNS, RowFormat.PROMPT_COMPLETION),
        ({"prompt": [U], "completion": [A]}, TURNS, RowFormat.PROMPT_COMPLETION),
        ({"prompt": "u ", "completion": "a"}, {"prompt": "u ", "completion": "a"}, RowFormat.PROMPT_COMPLETION),
        ({"prompt": "u", "response": "a"}, {"prompt": "u", "completion": "a"}, RowFormat.PROMPT_COMPLETION),
        ({"text": "t\n\tt"}, {"text": "t\n\tt"}, RowFormat.TEXT),
    ],
)
def test_every_shape_becomes_one_of_three_formats(
    load: Load, all_values: Collect, row: dict[str, Any], value: dict[str, Any], row_format: RowFormat
) -> None:
    prepared = load([{**row, "id": 1}, {**row, "id": 2}])
    assert all_values(prepared) == [value, value]
    assert prepared.format is row_format
    assert "columns not used: id" in " ".join(prepared.notes)
    assert is_conversational(prepared.train[0]) == ("text" not in value and value.get("prompt") not in ("u", "u "))


def test_the_mapping_and_what_was_changed_are_reported(load: Load) -> None:
    rows = [
        {"conversations": [{"from": "human", "value": f"{n}\x00"}, {"from": "gpt", "value": "a"}]} for n in range(5)
    ]
    prepared = load(rows)
    source = prepared.sources[0]
    assert (source.detected, source.mapping) == ("sharegpt", (("messages", "conversations"),))
    notes = " ".join(prepared.notes)
    assert "role human read as user (5 rows, first at " in notes
    assert "control characters removed (5 rows" in notes
    assert "rows.jsonl:1)" in notes


def test_columns_are_mapped_as_the_user_says(load: Load, all_values: Collect) -> None:
    rows = [{"Frage": "u", "Antwort": "a", "prompt": "not this"}]
    prepared = load(rows, columns={"prompt": "Frage", "completion": "Antwort"})
    assert all_values(prepared) == [{"prompt": "u", "completion": "a"}]
    assert prepared.sources[0].mapping == (("prompt", "Frage"), ("completion", "Antwort"))
    assert prepared.sources[0].columns == ("Frage", "Antwort", "prompt")
    assert any("column 'prompt' is replaced by 'Frage'" in note for note in prepared.notes)


def test_columns_can_be_swapped(load: Load, all_values: Collect) -> None:
    prepared = load([{"prompt": "a", "completion": "u"}], columns={"prompt": "completion", "completion": "prompt"})
    assert all_values(prepared) == [{"prompt": "u", "completion": "a"}]
    assert not any("replaced" in note for note in prepared.notes)


def test_a_mapped_column_that_is_not_there_suggests_the_nearest(load: Load) -> None:
    with pytest.raises(DataError, match=r"data\.columns\.text: .* no column 'Txt' \(found: Text, id\)\n.*'Text'"):
        load([{"Text": "a", "id": 1}], columns={"text": "Txt"})


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"messages": []}, "'messages' holds no messages"),
        ({"messages": None}, "'messages' is null"),
        ({"messages": [U]}, "ends with a user message"),
        ({"messages": [{"role": "user", "content": 3}, A]}, "the content must be text, found a number"),
        ({"messages": [U, {"role": "assistant", "content": "\x00 "}]}, "is empty"),
    ],
)
def test_a_bad_row_is_named_by_its_line(load: Load, row: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError) as caught:
        load([{"messages": [U, A]}, row, {"messages": [U, A]}])
    assert "1 of its 3 rows cannot be trained on" in str(caught.value)
    assert message in str(caught.value)
    assert [problem.line for problem in caught.value.problems] == [2]


def test_all_bad_rows_are_counted_and_five_shown(load: Load) -> None:
    with pytest.raises(DataError) as caught:
        load([{"text": "ok"}, *[{"text": ""}] * 8])
    assert "8 of its 9 rows" in str(caught.value)
    assert "and 3 more" in str(caught.value)
    assert len(caught.value.problems) == 5


def test_an_empty_cell_of_a_pair_is_an_empty_cell_and_no_other_shape(load: Load) -> None:
    with pytest.raises(DataError, match=r"rows\.jsonl:2: 'completion' is null"):
        load([{"prompt": "p", "completion": "c"}, {"prompt": "p", "completion": None}])


def test_code_keeps_its_lines_and_cleaning_can_be_switched_off(load: Load, all_values: Collect) -> None:
    code = "if x:\n    y  =  1\n\n\tz\x07"
    assert all_values(load([{"text": code}])) == [{"text": code[:-1]}]
    assert all_values(load([{"text": code}], clean_text=False)) == [{"text": code}]
    with pytest.raises(DataError, match="U\\+0000"):
        load([{"text": "a\x00"}], clean_text=False)
    with pytest.raises(DataError, match="U\\+D800"):
        load([{"text": "a\ud800"}], clean_text=False)


def test_an_extra_dataset_without_the_mapped_columns_is_read_by_its_own_names() -> None:
    config = DataConfig(dataset_name_or_path="d", columns={"prompt": "q", "completion": "a"})
    raw = RawDataset("x", "local_file", {"train": [Row({"prompt": "p", "completion": "c"}, "x", 1)]}, (), (), {})
    done = normalise(raw, config, is_extra=True)
    assert done.splits["train"][0].value == {"prompt": "p", "completion": "c"}
    assert "has none of the columns in data.columns" in done.notes[0]
    with pytest.raises(DataError, match=r"data\.columns\.prompt"):
        normalise(raw, config)


names = st.sampled_from(
    [
        *("messages", "conversations", "prompt", "completion", "response", "text", "instruction", "input", "output"),
        *("system", "tools", "history", "question", "answer", "chosen", "rejected", "label", "User", "Assistant", "x"),
    ]
)
keys = st.sampled_from(["role", "from", "content", "value", "tool_calls", "name", "arguments", "function", "weight"])
words = st.sampled_from(["user", "human", "gpt", "assistant", "system", "tool", "function_call", "", "{}", "[1]", "[["])
scalars = st.none() | st.booleans() | st.integers() | st.floats() | words | st.text(max_size=8)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys | st.text(max_size=3), inner, max_size=3)
)
said = st.fixed_dictionaries({"role": words, "content": words}) | st.fixed_dictionaries({"from": words, "value": words})
cells = anything | st.lists(said, max_size=4) | words
rows = st.lists(st.dictionaries(names, cells, max_size=4) | anything, min_size=1, max_size=4)
same = st.tuples(names, names, st.lists(st.tuples(cells, cells), min_size=1, max_size=3)).map(
    lambda drawn: [{drawn[0]: first, drawn[1]: second} for first, second in drawn[2]]
)
some_text = st.text(min_size=1, max_size=8)
turns = st.tuples(some_text, some_text | words).map(
    lambda drawn: [{"role": "user", "content": drawn[0]}, {"role": "assistant", "content": drawn[1]}]
)
plausible = st.one_of(
    st.lists(st.fixed_dictionaries({"text": some_text}), min_size=1, max_size=3),
    st.lists(st.fixed_dictionaries({"prompt": some_text, "completion": some_text}), min_size=1, max_size=3),
    st.lists(st.fixed_dictionaries({"messages": turns}, optional={"tools": cells}), min_size=1, max_size=3),
    st.lists(
        st.fixed_dictionaries({"instruction": some_text, "output": some_text}, optional={"input": some_text}),
        min_size=1,
        max_size=3,
    ),
)


@settings(max_examples=600, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(plausible | rows | same, st.sampled_from(["auto", "messages", "alpaca", "text"]), st.booleans())
def test_any_rows_normalise_or_are_refused_as_data(values: list[Any], asked: Any, clean: bool) -> None:
    config = DataConfig(dataset_name_or_path="d", format=asked, clean_text=clean)
    raw = RawDataset("d.jsonl", "local_file", {"train": [Row(v, "d.jsonl", 1) for v in values]}, (), (), {})
    try:
        done = normalise(raw, config)
    except DataError as error:
        assert str(error).encode()
        return
    assert len(done.splits["train"]) == len(values)
    for row in done.splits["train"]:
        assert json.dumps(row.value, ensure_ascii=False).encode()
        assert row.value["completion" if done.format == "prompt_completion" else done.format.value]
