"""A stage says what it replaces and nothing that belongs to the whole chain."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from forgelm.config.pipeline import ROOT_ONLY, PipelineConfig

DPO = {"name": "dpo", "training": {"trainer_type": "dpo"}}


@pytest.mark.parametrize(
    ("stages", "said"),
    [
        ([], "at least 1 item"),
        ([DPO, DPO], "two stages are called 'dpo'"),
        ([{"name": "DPO"}], "should match pattern"),
        ([{"name": "a" * 33}], "should match pattern"),
        ([{"training": {"trainer_type": "dpo"}}], "Field required"),
        ([{"name": "dpo", "training": {"learning_rate": 1e-4}}], "says which trainer_type it is"),
        ([{"name": "dpo", "trainer": "dpo"}], "Extra inputs"),
        ("dpo", "list"),
        *[([{"name": "dpo", name: {}}], f"'{name}' is of the whole pipeline") for name in ROOT_ONLY],
    ],
)
def test_what_no_pipeline_can_be_is_refused(stages: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        PipelineConfig.model_validate({"stages": stages})


def test_the_folder_has_a_default() -> None:
    assert PipelineConfig.model_validate({"stages": [DPO]}).output_dir == "./pipeline_run"
