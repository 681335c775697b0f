"""Every field of ``model``, ``lora`` and ``distributed`` has a test in which its value changes what happens.

Or in which it is refused with a reason; ``docs/shown_by.yaml`` names it. Those of ``training`` stand in
``train/test_arguments.py``.
"""

from __future__ import annotations

from types import MappingProxyType

import pytest
from compatibility import load_links
from pages import ROOT
from pydantic import BaseModel

from forgelm.config.distributed import DistributedConfig
from forgelm.config.model import LoraConfig, ModelConfig
from forgelm.config.moe import MoeConfig
from forgelm.config.multimodal import MultimodalConfig

SECTIONS: MappingProxyType[str, type[BaseModel]] = MappingProxyType(
    {
        "model": ModelConfig,
        "model.moe": MoeConfig,
        "model.multimodal": MultimodalConfig,
        "lora": LoraConfig,
        "distributed": DistributedConfig,
    }
)


FIELDS = tuple(f"{name}.{field}" for name, section in SECTIONS.items() for field in section.model_fields)


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_has_a_test_that_speaks_of_it(field: str) -> None:
    name = load_links()["field"][field].partition("::")[0]
    assert field.rpartition(".")[2] in (ROOT / "tests" / name).read_text(encoding="utf-8")
