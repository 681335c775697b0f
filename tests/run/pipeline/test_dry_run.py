"""A dry run looks at the data of every stage and lists what is wrong with all of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import order_rows, sections, write_rows

from forgelm.base.errors import ConfigError
from forgelm.config.root import ForgeConfig
from forgelm.run.pipeline.dry_run import check_pipeline


def build(tmp_path: Path, *data: str) -> ForgeConfig:
    rows = write_rows(tmp_path / "rows.jsonl", order_rows(12))
    stages = [
        {
            "name": f"stage_{index}",
            "training": {"trainer_type": "sft", "output_dir": str(tmp_path / f"out{index}")},
            "data": {"dataset_name_or_path": str(tmp_path / name)},
        }
        for index, name in enumerate(data)
    ]
    return ForgeConfig(**sections(rows, tmp_path / "x", pipeline={"output_dir": str(tmp_path / "c"), "stages": stages}))


def test_each_stage_is_reported(tmp_path: Path) -> None:
    report = check_pipeline(build(tmp_path, "rows.jsonl", "rows.jsonl"))
    assert report["success"]
    assert [stage["name"] for stage in report["stages"]] == ["stage_0", "stage_1"]
    assert [stage["input_source"] for stage in report["stages"]] == ["root", "chain"]
    assert report["stages"][1]["train_rows"] > 0


def test_what_is_wrong_is_listed_for_every_stage(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        check_pipeline(build(tmp_path, "none.jsonl", "rows.jsonl", "gone.jsonl"))
    assert [problem.path for problem in caught.value.problems] == [
        "pipeline.stages[0] (stage_0)",
        "pipeline.stages[2] (stage_2)",
    ]
