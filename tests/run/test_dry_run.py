"""The dry run finds what would stop the run, and reports what would happen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from forgelm.base.errors import ConfigError
from forgelm.config.root import ForgeConfig
from forgelm.run.dry_run import check_run

Make = Callable[..., ForgeConfig]


def test_the_report_holds_the_run(make_config: Make) -> None:
    report = check_run(make_config(evaluation={"auto_revert": True}))
    assert report["success"] is True
    assert report["auto_revert"] is True
    assert report["data_format"] == "messages"
    assert report["token_ledger"]["target_tokens"] > 0
    assert report["output_dir"].endswith("/run/final_model")
    assert report["batching"]["mode"] == "padding_free"
    assert "with their rows joined" in report["batching"]["reason"]


@pytest.mark.parametrize(
    "changes",
    [
        {"model": {"name_or_path": "builtin/none"}},
        {"data": {"dataset_name_or_path": "none.jsonl"}},
        {"training": {"output_dir": "/dev/null/x"}},
        {"training": {"fp16": True}},
        {"model": {"max_length": 4}},
        {"compliance": {"annex_iv": {"8": {"statement": "It was drawn up.", "file": "nowhere.pdf"}}}},
    ],
)
def test_what_would_stop_the_run_stops_the_dry_run(make_config: Make, changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        check_run(make_config(**changes))
