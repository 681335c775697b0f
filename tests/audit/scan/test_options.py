"""Tools are loaded as asked, and what is missing is said first."""

from __future__ import annotations

import pytest

from forgelm.audit.scan.options import AuditOptions, load_tools
from forgelm.base.errors import ConfigError, OptionalDependencyError
from forgelm.base.extras import is_installed


def test_nothing_that_was_not_asked_for() -> None:
    tools = load_tools(AuditOptions(), compiled=False, matching="arrow")
    assert tools.engine.name == "numpy" and type(tools.scanner.engine).__name__ == "ArrowEngine"
    assert tools.recogniser is None and tools.count_tokens is None and tools.benchmarks is None


def test_a_language_without_a_model_is_refused() -> None:
    with pytest.raises((ConfigError, OptionalDependencyError)):
        load_tools(AuditOptions(pii_ml="qq"), compiled=False, matching="arrow")


@pytest.mark.skipif(is_installed("presidio_analyzer"), reason="presidio is installed")
def test_the_extra_for_names_is_named() -> None:
    with pytest.raises(OptionalDependencyError, match=r"forgelm\[ner\]"):
        load_tools(AuditOptions(pii_ml="en"), compiled=False, matching="arrow")
