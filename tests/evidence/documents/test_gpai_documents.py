"""One list of items, three views of it and Annex XI: every recipient sees what is theirs, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from run_documents import IDENTITY

from forgelm.evidence.documents.dossier import Dossier
from forgelm.evidence.documents.gpai_documents import build_annex_xi, build_documentation_form
from forgelm.evidence.documents.gpai_items import list_items, parameter_bin, round_to

Make = Callable[..., Dossier]
POINTS = [f"1({letter})" for letter in "abcdef"] + [f"2({letter})" for letter in "abcde"]


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        (1, "1 to 500 million"),
        (500_000_000, "1 to 500 million"),
        (7_600_000_000, "5 to 15 billion"),
        (405_000_000_000, "100 to 500 billion"),
        (10**12 + 1, "more than 1 trillion"),
    ],
)
def test_parameter_ranges(parameters: int, name: str) -> None:
    assert parameter_bin(parameters) == name


def test_significant_digits() -> None:
    assert [round_to(1234.5, 2), round_to(0.00187, 2), round_to(987, 1)] == [1200, 0.0019, 1000]


def test_the_views_are_the_forms_items_by_recipient(make_dossier: Make) -> None:
    form, *views = build_documentation_form(make_dossier(compliance=IDENTITY))
    assert form.record is not None
    everything = form.record["items"]
    assert len(views) == 3
    for view in views:
        assert view.record is not None
        recipient = view.record["recipient"]
        assert view.record["items"] == [item for item in everything if recipient in item["recipients"]]
        assert view.page is not None
    seen: dict[str, set[str]] = {
        str(view.record["recipient"]): {item["title"] for item in view.record["items"]} for view in views if view.record
    }
    assert "Amount of computation" in seen["ai_office"]
    assert "Amount of computation" not in seen["national_authorities"] | seen["downstream"]
    assert "Authenticity of the model" not in seen["downstream"]
    assert {"Required hardware", "Licence", "Intended uses"} <= seen["downstream"]


def test_annex_xi_has_every_point_and_something_measured_in_most(make_dossier: Make) -> None:
    record: Any = build_annex_xi(make_dossier(compliance=IDENTITY)).record
    assert list(record["section_1"]) == POINTS
    for point in record["section_1"].values():
        assert point["items"]
    known = [key for key, point in record["section_1"].items() if any(i["status"] != "missing" for i in point["items"])]
    assert known == ["1(a)", "1(d)", "1(e)", "2(b)", "2(c)", "2(d)"]


def test_what_was_declared_and_measured_is_told_apart(make_dossier: Make) -> None:
    gpai = {"licence": "apache-2.0", "release_date": "2027-01-02", "distribution_channels": ["hub"]}
    dossier = make_dossier(compliance={**IDENTITY, "gpai": gpai})
    items = {item.title: item for item in list_items(dossier)}
    assert (items["Licence"].status, items["Licence"].value) == ("declared", "apache-2.0")
    assert items["Acceptable use policy"].status == "missing"
    assert items["Parameters"].value == dossier.run.loaded.total_parameters
    assert items["Architecture"].value.startswith("LlamaForCausalLM")
    assert str(dossier.model_root) in items["Authenticity of the model"].value
    assert items["Training time, as a range"].value == "less than one month"
    assert "10^" in items["Amount of computation, order of magnitude"].value
    energy = items["Energy used in training, MWh"]
    assert (energy.value is None) is (dossier.run.outcome.compute.energy_joules is None)
