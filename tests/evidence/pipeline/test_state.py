"""The state survives being written and read, and a file that is no state is refused, never guessed at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from forgelm.base.errors import IntegrityError
from forgelm.evidence.pipeline.state import (
    STATE_FILE,
    FinalStatus,
    PipelineState,
    StageState,
    StageStatus,
    add_totals,
    read_state,
    write_state,
)


def state(**changes: Any) -> PipelineState:
    stages = (
        StageState("sft", 0, "sft", StageStatus.COMPLETED, totals={"real_tokens": 5, "estimated_cost_usd": 1.0}),
        StageState("dpo", 1, "dpo", totals={"real_tokens": 7}),
    )
    return PipelineState("pl_2026-01-01_abcdef", "sha256:00", "0.1.0", "2026-01-01T00:00:00+00:00", stages, **changes)


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    written = state(final_status=FinalStatus.STOPPED, stopped_at="dpo").with_stage("dpo", status=StageStatus.FAILED)
    write_state(tmp_path, written)
    assert read_state(tmp_path) == written
    assert written.names == ("sft", "dpo")
    assert written.stage("dpo").status is StageStatus.FAILED


def test_a_sum_that_a_stage_has_no_part_of_is_no_sum() -> None:
    assert add_totals(state().stages) == {"real_tokens": 12}
    assert add_totals(()) == {}


def test_no_file_is_no_state(tmp_path: Path) -> None:
    assert read_state(tmp_path) is None


@pytest.mark.parametrize(
    "break_it",
    [
        lambda record: "{",
        lambda record: "[]",
        lambda record: "null",
        lambda record: json.dumps({**record, "stages": []}),
        lambda record: json.dumps({**record, "stages": [record["stages"][1]]}),
        lambda record: json.dumps({**record, "stages": [record["stages"][0], {**record["stages"][0], "index": 1}]}),
        lambda record: json.dumps({**record, "final_status": "fine"}),
        lambda record: json.dumps({**record, "stages": [{**record["stages"][0], "status": "fine"}]}),
        lambda record: json.dumps({key: value for key, value in record.items() if key != "started_at"}),
        lambda record: "[" * 100_000,
    ],
)
def test_what_is_no_state_is_refused(break_it: Any, tmp_path: Path) -> None:
    (tmp_path / STATE_FILE).write_text(break_it(json.loads(json.dumps(state().as_record()))))
    with pytest.raises(IntegrityError, match="not the state of a pipeline"):
        read_state(tmp_path)
