"""A section synthetic and a teacher on loopback for the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from forgelm.config.synthetic import SyntheticConfig

Make = Callable[..., SyntheticConfig]


@pytest.fixture
def section(tmp_path: Path) -> Make:
    def make(url: str = "http://127.0.0.1:9", **changes: Any) -> SyntheticConfig:
        fields = {
            "enabled": True,
            "teacher_model": "t",
            "api_base": url,
            "api_delay": 0,
            "allow_private_destinations": True,
            "seed_prompts": [f"Question {n}?" for n in range(6)],
            "output_file": str(tmp_path / "out" / "synthetic_data.jsonl"),
        }
        return SyntheticConfig.model_validate(fields | changes)

    return make
