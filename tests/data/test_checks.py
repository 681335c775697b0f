from __future__ import annotations

from typing import Any

import pytest

from forgelm.data.checks import check_row
from forgelm.data.problems import RowError

S = {"role": "system", "content": "s"}
U = {"role": "user", "content": "u"}
A = {"role": "assistant", "content": "a"}
T = {"role": "tool", "content": "t"}
CALL = {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f", "arguments": {}}}]}
THOUGHT = {"role": "assistant", "content": "", "reasoning_content": "hm"}
BLANK = {"role": "assistant", "content": " \n"}


def check(value: dict[str, Any]) -> set[str]:
    remarks: set[str] = set()
    check_row(value, remarks)
    return remarks


@pytest.mark.parametrize(
    "value",
    [
        {"messages": [U, A]},
        {"messages": [S, U, A, U, A]},
        {"messages": [U, CALL, T, A]},
        {"messages": [U, THOUGHT]},
        {"messages": [U, CALL]},
        {"prompt": [S, U], "completion": [A]},
        {"prompt": [U], "completion": [CALL, T, A]},
        {"prompt": [U, BLANK, U], "completion": [A]},
        {"prompt": "p", "completion": " c"},
        {"text": " t"},
    ],
)
def test_usable_rows_pass_without_a_remark(value: dict[str, Any]) -> None:
    assert check(value) == set()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"messages": [U]}, "ends with a user message"),
        ({"messages": [U, A, U]}, "ends with a user message"),
        ({"messages": [U, CALL, T]}, "ends with a tool message"),
        ({"messages": [S]}, "ends with a system message"),
        ({"messages": [U, S, A]}, "message 2 is a system message"),
        ({"messages": [S, S, U, A]}, "message 2 is a system message"),
        ({"messages": [U, BLANK]}, r"reply \(message 2\) is empty"),
        ({"messages": [U, BLANK, U, A]}, r"reply \(message 2\) is empty"),
        ({"prompt": [U], "completion": [BLANK]}, "is empty"),
        ({"prompt": [U], "completion": [U, A]}, "not the assistant's or a tool's"),
        ({"prompt": [U], "completion": [CALL, T]}, "must end with the assistant's reply"),
        ({"prompt": [S], "completion": [A]}, "no user message"),
        ({"prompt": "p", "completion": "  "}, "completion is empty"),
        ({"text": "\n\n"}, "'text' is empty"),
    ],
)
def test_rows_that_teach_nothing_are_refused(value: dict[str, Any], message: str) -> None:
    with pytest.raises(RowError, match=message):
        check(value)


@pytest.mark.parametrize(
    ("value", "remark"),
    [
        ({"messages": [U, U, A]}, "two user messages in a row"),
        ({"messages": [U, A, A]}, "two assistant messages in a row"),
        ({"messages": [A]}, "starts with an assistant message"),
        ({"messages": [{"role": "user", "content": " "}, A]}, "empty user message"),
        ({"prompt": "", "completion": "c"}, "empty prompt"),
    ],
)
def test_odd_rows_are_remarked_on(value: dict[str, Any], remark: str) -> None:
    assert check(value) == {remark}
