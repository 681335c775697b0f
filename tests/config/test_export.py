from __future__ import annotations

from typing import Any, get_args

import pytest

from forgelm.base.errors import ConfigError
from forgelm.config.export import ExportConfig
from forgelm.publish.gguf.recipes import QUANTS


def test_nothing_is_exported_unless_asked_for(build: Any) -> None:
    assert build().export is None
    found = build(export={}).export
    assert (found.format, found.quant, found.output, found.rehearse) == ("gguf", "q4_k_m", None, True)
    assert (found.parity_rows, found.min_reply_agreement) == (8, 0.75)


def test_every_quantisation_can_be_named() -> None:
    assert set(get_args(ExportConfig.model_fields["quant"].annotation)) == set(QUANTS)


@pytest.mark.parametrize("wrong", [{"quant": "q1"}, {"parity_rows": 0}, {"min_reply_agreement": 2}, {"to": "x"}])
def test_what_cannot_be_meant_is_refused(build: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="export"):
        build(export=wrong)
