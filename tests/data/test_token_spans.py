"""A tokenizer's spans: they cover the words; what is no tokenizer is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from forgelm.base.errors import ConfigError
from forgelm.data.token_spans import load_token_spans
from forgelm.model.revision import resolve_revision


def test_spans_and_refusal(tmp_path: Path) -> None:
    place = resolve_revision("builtin/ember", revision=None, offline=True, token=None)
    text = "an order of tea"
    spans = load_token_spans(place.path)(text)
    assert "".join(text[start:end] for start, end in spans).replace(" ", "") == text.replace(" ", "")
    with pytest.raises(ConfigError, match="does not load"):
        load_token_spans(str(tmp_path))
