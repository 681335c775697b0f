"""What an evaluation found stands in the run folder, redacted, with the digests the log holds."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from forgelm.base.events import Event
from forgelm.base.files import RunFiles, sha256_file
from forgelm.evaluate.measurement import Measurement
from forgelm.evidence.evaluations import write_evaluations


def test_files_are_written_and_their_digests_reported(tmp_path: Path) -> None:
    heard: list[tuple[Event, dict[str, Any]]] = []
    files = {"text/samples.jsonl": [{"a": math.nan}, {"a": 2}], "text/results.json": {"api_key": "sk-secret-value"}}
    found = write_evaluations(
        RunFiles(tmp_path),
        [Measurement("text", 1.0, 2, "score", files=files)],
        lambda event, **fields: heard.append((event, fields)),
    )
    assert (tmp_path / "text/samples.jsonl").read_text() == '{"a":null}\n{"a":2}\n'
    assert "sk-secret-value" not in (tmp_path / "text/results.json").read_text()
    assert json.loads((tmp_path / "text/results.json").read_text())
    assert found == {path: sha256_file(tmp_path / path) for path in files}
    assert heard == [(Event.EVALUATIONS_RECORDED, {"files": found})]


def test_nothing_to_write_says_nothing(tmp_path: Path) -> None:
    heard: list[Event] = []
    assert write_evaluations(RunFiles(tmp_path), [Measurement("x", 1.0, 1, "u")], lambda e, **f: heard.append(e)) == {}
    assert heard == []
