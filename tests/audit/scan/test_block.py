"""One batch of rows to its state, whoever calls."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from forgelm.audit.findings import Finding
from forgelm.audit.pii.entities import EntityRecogniser
from forgelm.audit.reading.batch import ReadBatch
from forgelm.audit.scan.block import audit_batch, audit_table
from forgelm.audit.scan.options import AuditOptions, Tools, load_tools

ROWS = [
    {"text": "mail bob@example.org", "other": {"list": ["x", "AKIAIOSFODNN7EXAMPLQ"]}},
    {"text": "  ", "other": None},
    {"text": "nul \0 and al@example.org", "other": {"list": []}},
]


@pytest.fixture(scope="module")
def tools() -> Tools:
    return load_tools(AuditOptions(findings_shown=1))


@pytest.mark.parametrize("as_table", [True, False])
def test_what_is_known_of_a_batch(as_table: bool, tools: Tools) -> None:
    if as_table:
        state = audit_table(pa.RecordBatch.from_pylist(ROWS), tools)
    else:
        state = audit_batch(ReadBatch(None, ROWS, 3), tools)
    assert state.found == {("pii", "email", "medium"): 2, ("secret", "aws_access_key", "critical"): 1}
    assert [(found.kind, found.row, found.field) for found in state.findings] == [
        ("email", 0, "text"),
        ("aws_access_key", 0, "other.list[1]"),
    ]
    assert state.rows == 3 and state.blank == 1
    assert state.problems.counts == {"nul": 1} and state.problems.places == {"nul": (2,)}
    assert state.kept[0].characters.tolist() == [20, 2, 24]


def test_no_rows_and_no_texts(tools: Tools) -> None:
    assert audit_batch(ReadBatch(None, (), 4), tools).rows == 0
    assert audit_batch(ReadBatch(None, [{"n": 1}], 1), tools).blank == 1


class _Names:
    """Finds every "Ann", as Presidio would answer."""

    def analyze(self, text: str, **_: Any) -> list[Any]:
        at = text.find("Ann")
        found = type("Result", (), {"start": at, "end": at + 3, "entity_type": "PERSON"})
        return [found] if at >= 0 else []


def test_names_are_found_beside_values_where_a_model_is_given() -> None:
    base = load_tools(AuditOptions())
    tools = Tools(base.options, base.engine, base.scanner, EntityRecogniser("en", _Names()))
    state = audit_batch(ReadBatch(None, [{"text": "Ann, bob@example.org"}, {"text": "no one"}], 2), tools)
    assert [(found.kind, found.span) for found in state.findings] == [("person", (0, 3)), ("email", (5, 20))]
    assert all(isinstance(found.span, tuple) for found in state.findings) and Finding
