"""Declarations: refused when they say nothing, by the place they stand in."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from forgelm.base.errors import ConfigError
from forgelm.config.load import load_config
from forgelm.config.root import ForgeConfig


def compliance(**fields: Any) -> dict[str, Any]:
    return {"compliance": fields}


def datasets(*items: dict[str, Any]) -> dict[str, Any]:
    return {"data": {"dataset_name_or_path": "d.jsonl", "governance": {"datasets": list(items)}}}


def test_items_and_dates_are_read(build: Any) -> None:
    config: ForgeConfig = build(
        **compliance(
            declared_by="Jane Doe",
            declared_on="2026-11-20",
            annex_iv={"1f": {"not_applicable": "It is software only."}, "3": {"statement": "It logs its answers."}},
            gpai={"release_date": date(2026, 12, 1), "licence": "mit"},
        )
    )
    assert config.compliance is not None
    assert config.compliance.declared_on == date(2026, 11, 20)
    assert config.compliance.annex_iv["3"].statement == "It logs its answers."
    assert "2026-11-20" in config.to_yaml()


def test_an_item_may_be_written_as_a_number(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(
        "model: {name_or_path: m}\nlora: {}\ntraining: {}\ndata: {dataset_name_or_path: d}\n"
        "compliance:\n  annex_iv:\n    3: {statement: It logs its answers.}\n    1b: {statement: A till calls it.}\n"
    )
    found = load_config(path).compliance
    assert found is not None
    assert sorted(found.annex_iv) == ["1b", "3"]


@pytest.mark.parametrize(
    ("given", "path", "message"),
    [
        (compliance(annex_iv={"2g": {"statement": "n/a"}}), "compliance.annex_iv.2g.statement", "placeholder"),
        (
            compliance(annex_iv={"2g": {"not_applicable": "..."}}),
            "compliance.annex_iv.2g.not_applicable",
            "placeholder",
        ),
        (compliance(annex_iv={"2g": {}}), "compliance.annex_iv.2g.statement", "either a statement or not_applicable"),
        (
            compliance(annex_iv={"2g": {"statement": "So it is.", "not_applicable": "So it is not."}}),
            "compliance.annex_iv.2g.statement",
            "either",
        ),
        (
            compliance(annex_iv={"8": {"not_applicable": "None is needed.", "file": "d.pdf"}}),
            "compliance.annex_iv.8.file",
            "has no document",
        ),
        (compliance(annex_iv={"1": {"statement": "All of it."}}), "compliance.annex_iv.1", "not an allowed key"),
        (compliance(annex_iv={"2i": {"statement": "All of it."}}), "compliance.annex_iv.2i", "not an allowed key"),
        (compliance(declared_by="tbd"), "compliance.declared_by", "placeholder"),
        (compliance(declared_on=0), "compliance.declared_on", "must be a date"),
        (compliance(declared_on="soon"), "compliance.declared_on", "date"),
        (
            compliance(gpai={"base_training_flop": 1e24}),
            "compliance.gpai.base_training_flop",
            "needs base_training_flop_",
        ),
        (compliance(gpai={"earlier_flop": 1.0}), "compliance.gpai.earlier_flop", "needs earlier_flop_source"),
        (compliance(gpai={"earlier_flop": -1.0}), "compliance.gpai.earlier_flop", "at least 0"),
        (datasets({"name": "other.jsonl", "category": "public"}), "data.governance", "not trained on"),
        (datasets(*[{"name": "d.jsonl", "category": "public"}] * 2), "data.governance", "twice"),
        (datasets({"name": "d.jsonl", "category": "mine"}), "data.governance.datasets[0].category", "public"),
    ],
)
def test_what_is_refused(build: Any, given: dict[str, Any], path: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build(**given)
    assert [problem.path for problem in caught.value.problems] == [path]
    assert message in str(caught.value)


def test_a_placeholder_in_an_older_field_is_accepted_and_named(build: Any, caplog: pytest.LogCaptureFixture) -> None:
    build(
        **compliance(provider_name="tbd", system_name="Till"), risk_assessment={"foreseeable_misuse": ["n/a", "spam"]}
    )
    assert "compliance.provider_name is a placeholder ('tbd')" in caplog.text
    assert "risk_assessment.foreseeable_misuse is a placeholder ('n/a')" in caplog.text
    assert caplog.text.count("placeholder") == 2
