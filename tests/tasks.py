"""Benchmark tasks of one's own, written on the spot."""

from __future__ import annotations

import json
from pathlib import Path


def write_task(folder: Path, name: str, *, rows: int = 6, extra: str = "") -> None:
    """Write a task of ``rows`` questions and its data into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    questions = [{"q": f"say {number}", "a": str(number)} for number in range(rows)]
    (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in questions), encoding="utf-8")
    (folder / f"{name}.yaml").write_text(
        f"task: {name}\ndataset_path: json\ndataset_kwargs:\n  data_files: {{test: {name}.jsonl}}\n"
        "test_split: test\noutput_type: generate_until\ndoc_to_text: '{{q}}'\ndoc_to_target: '{{a}}'\n"
        'generation_kwargs: {until: ["\\n"], max_gen_toks: 8}\n'
        "metric_list: [{metric: exact_match, aggregation: mean, higher_is_better: true}]\n" + extra,
        encoding="utf-8",
    )
