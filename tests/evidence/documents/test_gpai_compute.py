"""The one-third question: the arithmetic, where its figures come from, and what is said when one is not known."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from run_documents import Trained

from forgelm.evidence.documents.base_models import BaseCompute, find_base_compute, load_table
from forgelm.evidence.documents.dossier import Dossier
from forgelm.evidence.documents.gpai_compute import build_gpai_compute, choose_threshold, decide_one_third
from forgelm.evidence.documents.lineage import LINEAGE_FILE, largest_figure, read_lineage, write_lineage
from forgelm.model.revision import Revision

Make = Callable[..., Dossier]
LLAMA = BaseCompute(7.2e23, "6 x parameters x tokens", "model card")


def record_of(dossier: Dossier) -> dict[str, Any]:
    record = build_gpai_compute(dossier).record
    assert record is not None
    return dict(record)


@pytest.mark.parametrize(
    ("base", "systemic", "line"),
    [(LLAMA, False, 2.4e23), (LLAMA, True, 2.4e23), (None, False, 1e23 / 3), (None, True, 1e25 / 3)],
)
def test_the_line(base: BaseCompute | None, systemic: bool, line: float) -> None:
    assert choose_threshold(base, systemic=systemic).flop == pytest.approx(line)


@pytest.mark.parametrize(
    ("this_run", "earlier", "above"),
    [
        (3.2e17, 0.0, False),
        (2.4e23, 0.0, False),
        (2.5e23, 0.0, True),
        (1.3e23, 1.2e23, True),
        (1.1e23, 1.2e23, False),
    ],
)
def test_modifications_are_added_up(this_run: float, earlier: float, above: bool) -> None:
    answer = decide_one_third(this_run, earlier, LLAMA, systemic=False)
    assert answer.above is above
    assert answer.share == pytest.approx((this_run + earlier) / 2.4e23)


def test_a_ten_million_token_adapter_on_8b_is_one_part_in_750_000() -> None:
    answer = decide_one_third(3.2e17, 0.0, find_base_compute("meta-llama/Llama-3.1-8B"), systemic=False)
    assert 1 / answer.share == pytest.approx(750_000, rel=0.01)


def test_every_row_of_the_table_has_a_source_and_adds_up() -> None:
    ids = [name for row in load_table()["models"] for name in row["ids"]]
    assert len(ids) == len(set(ids)) > 40
    for row in load_table()["models"]:
        assert row["source"]
        assert row["url"]
        if row["basis"] == "6 x parameters x tokens":
            assert row["flop"] == pytest.approx(6 * row["parameters"] * row["tokens"], rel=0.01)
        else:
            assert row["flop"] == pytest.approx(6 * row["parameters"] * row["tokens"], rel=0.3)


def test_names_are_found_in_any_case_and_others_are_not() -> None:
    assert find_base_compute("META-LLAMA/llama-3.1-8b") == find_base_compute("meta-llama/Llama-3.1-8B")
    assert find_base_compute("somebody/finetune-of-llama") is None


def test_the_record_of_a_run(make_dossier: Make) -> None:
    dossier = make_dossier()
    record = record_of(dossier)
    compute = dossier.run.outcome.compute
    assert record["above_one_third"] is False
    assert record["this_run"]["flop_used"] == max(compute.flop_operations, compute.flop_upper_bound)
    assert record["this_run"]["figures_differ_by_more_than_30_percent"] is compute.figures_differ is True
    assert record["this_run"]["notes"]
    assert record["original_model"]["name"] == "builtin/ember"
    assert record["original_model"]["reaches_1e23_flop"] is False
    assert "hardly about this model" in record["sentence"]
    assert any("6PD" in text for text in record["assumptions"])


def test_declared_figures_come_first_with_their_source(make_dossier: Make) -> None:
    gpai = {
        "base_training_flop": 3e10,
        "base_training_flop_source": "the provider's letter",
        "earlier_flop": 1e12,
        "earlier_flop_source": "the log of the run before",
    }
    record = record_of(make_dossier(compliance={"gpai": gpai}))
    assert record["above_one_third"] is True
    assert record["threshold"]["flop"] == pytest.approx(1e10)
    assert record["original_model"]["source"] == "the provider's letter"
    assert record["modification_flop"] == pytest.approx(1e12 + record["this_run"]["flop_used"])
    assert record["earlier_modifications"]["declared_source"] == "the log of the run before"


def test_an_unknown_original_falls_back_to_the_class_line(make_dossier: Make) -> None:
    dossier = make_dossier(compliance={"gpai": {"base_has_systemic_risk": True}})
    unknown = replace(dossier, lineage=replace(dossier.lineage, root="somebody/unknown"))
    record = record_of(unknown)
    assert record["threshold"]["flop"] == pytest.approx(1e25 / 3)
    assert "not known" in record["threshold"]["rule"]
    assert record["original_model"]["training_flop"] is None
    assert any("synthetic data" in text for text in record["assumptions"])


def test_the_largest_figure_counts(trained: Trained) -> None:
    compute = replace(trained.record.outcome.compute, flop_hardware=1e18)
    run = replace(trained.record, outcome=replace(trained.record.outcome, compute=compute))
    assert largest_figure(run) == ("hardware N·L·H·U", 1e18)
    assert largest_figure(trained.record)[0] == "upper bound 6PD"


def test_compute_is_carried_from_model_to_model(trained: Trained, tmp_path: Path) -> None:
    first = tmp_path / "first"
    write_lineage(first, trained.record)
    base = Revision(str(first), str(first), None, None, "local_path")
    second = replace(trained.record, run_id="fg-second", loaded=replace(trained.record.loaded, revision=base))
    write_lineage(tmp_path / "second", second)
    found = read_lineage(replace(base, path=str(tmp_path / "second")))
    assert found.root == "builtin/ember"
    assert [item.run_id for item in found.earlier] == [trained.record.run_id, "fg-second"]
    assert found.flop == pytest.approx(2 * largest_figure(trained.record)[1])


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "{}",
        json.dumps({"base_model": "m", "modifications": []}),
        json.dumps({"base_model": "m", "modifications": [{"run_id": "r", "base_model": "m", "flop": "many"}]}),
        json.dumps({"base_model": "m", "modifications": [{"run_id": "r", "base_model": "m", "flop": -1}]}),
        '{"base_model": "m", "modifications": [{"run_id": "r", "base_model": "m", "flop": NaN}]}',
    ],
)
def test_a_lineage_that_cannot_be_read_is_said(make_dossier: Make, tmp_path: Path, content: str) -> None:
    (tmp_path / LINEAGE_FILE).write_text(content)
    found = read_lineage(Revision("mine", str(tmp_path), None, None, "local_path"))
    assert found.earlier == ()
    assert found.problem is not None
    record = record_of(replace(make_dossier(), lineage=found))
    assert any("may be too small" in text for text in record["assumptions"])


def test_a_hub_model_has_no_file_to_read() -> None:
    found = read_lineage(Revision("o/n", "o/n", None, "0" * 40, "resolved"))
    assert (found.root, found.earlier, found.problem) == ("o/n", (), None)
