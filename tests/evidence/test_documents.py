"""The whole set of a run's documents: complete, put in place together, readable, and honest about what it is."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml
from run_documents import FULL_ANNEX, IDENTITY, Trained, build_dossier, write_run

from forgelm.base.errors import ConfigError, StorageError
from forgelm.base.files import RunFiles, sha256_bytes
from forgelm.evidence.cards import build_card_metadata, render_model_card
from forgelm.evidence.documents.data_audit import read_audit
from forgelm.evidence.documents.data_governance import build_data_governance
from forgelm.evidence.documents.document import Document
from forgelm.evidence.documents.dossier import Dossier, all_said, said
from forgelm.evidence.documents.gate_report import build_test_report
from forgelm.evidence.documents.instructions import build_instructions
from forgelm.evidence.documents.training_data import build_training_data
from forgelm.evidence.documents.write import write_documents
from forgelm.gate.verdict import GateResult, GateStatus, Verdict

Make = Callable[..., Dossier]
Write = Callable[[Dossier], Path]
TOKEN = "hf_" + "a1B2" * 8
NAMES = {
    *("annex_iv_metadata", "annex_xi", "compliance_report", "data_governance_report", "data_provenance"),
    *("deployer_instructions", "gpai_compute", "model_documentation_ai_office", "model_documentation_downstream"),
    *("model_documentation_national_authorities", "risk_assessment", "test_report", "training_content_summary"),
}


class Links(HTMLParser):
    """Collects where a page leads."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.found += [value for name, value in attrs if name in ("href", "src")]


def record_of(document: Document) -> Any:
    assert document.record is not None
    return document.record


@pytest.fixture(scope="module")
def folder(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Documents of a run with every section of declarations. Look, do not touch."""
    root = tmp_path_factory.mktemp("whole") / "run"
    dossier = build_dossier(
        trained,
        root,
        compliance={**IDENTITY, "annex_iv": FULL_ANNEX},
        risk_assessment={"intended_use": "Orders.", "foreseeable_misuse": ["Advice"]},
    )
    (root).mkdir()
    (root / "audit_log.jsonl").write_text("{}\n")
    (root / "resolved_config.yaml").write_text("model: {}\n")
    return write_run(dossier, root)


def test_every_document_is_there_for_machines_and_for_people(folder: Path) -> None:
    files = {path.name for path in folder.iterdir()}
    pages = {f"{name}.{kind}" for name in NAMES for kind in ("json", "html")}
    others = {"index.html", "croissant.json", "model_documentation_form.json", "training_manifest.yaml"}
    markdown = {"deployer_instructions.md", "training_content_summary.md"}
    machines_only = {"ml_bom.cdx.json", "provenance.intoto.json"}
    assert files == pages | others | markdown | machines_only
    for path in folder.glob("*.json"):
        json.loads(path.read_text(), parse_constant=lambda name: pytest.fail(f"a document holds {name}"))
    assert yaml.safe_load((folder / "training_manifest.yaml").read_text())["trainer_type"] == "sft"


def test_the_index_leads_everywhere_and_nowhere_else(folder: Path) -> None:
    links = Links(folder / "index.html").found
    linked = {link for link in links if "/" not in link}
    assert linked == {path.name for path in folder.iterdir()} - {"index.html"}
    assert all((folder / link).is_file() for link in links)


def test_no_page_asks_anybody_for_anything(folder: Path) -> None:
    for page in folder.glob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert "Content-Security-Policy" in text
        assert not [link for link in Links(page).found if "://" in link]
        assert "<script" not in text


def test_nothing_claims_more_than_it_shows(folder: Path, trained: Trained) -> None:
    written = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}
    written["card"] = render_model_card(trained.record)
    for name, text in written.items():
        assert not re.search(r"compliant|certified|conforms? (?:to|with) the", text, re.IGNORECASE), name
        for article in re.findall(r"[^.]*Article 1[24]\b[^.]*", text):
            assert re.search(r"not|oversight measures", article), (name, article)
    assert "2 December 2027" in written["index.html"]
    assert "10 years" in written["index.html"]
    assert "six months" in written["index.html"]
    assert "August 2026" not in written["annex_iv_metadata.html"]


def test_a_failure_leaves_the_documents_of_before(make_dossier: Make, write: Write, tmp_path: Path) -> None:
    folder = write(make_dossier())
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    attached = tmp_path / "declaration.pdf"
    attached.write_bytes(b"%PDF")
    statement = {"8": {"statement": "It was drawn up.", "file": str(attached)}}
    dossier = make_dossier(compliance={**IDENTITY, "annex_iv": statement})
    attached.unlink()
    with pytest.raises(ConfigError, match="cannot be read"):
        write(dossier)
    blocked = tmp_path / "run" / ".compliance.new"
    blocked.write_text("a file where the new folder would be made")
    with pytest.raises(StorageError):
        write(make_dossier())
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_documents_of_another_run_do_not_stay_behind(make_dossier: Make, write: Write) -> None:
    assert (write(make_dossier(risk_assessment={"intended_use": "Orders."})) / "risk_assessment.json").exists()
    assert not (write(make_dossier()) / "risk_assessment.json").exists()


def test_a_secret_in_any_declaration_is_in_no_file(make_dossier: Make, write: Write, trained: Trained) -> None:
    said_ = f"see {TOKEN} for it"
    dossier = make_dossier(
        compliance={
            **dict.fromkeys(("provider_name", "provider_contact", "system_name", "known_limitations"), said_),
            **dict.fromkeys(("intended_purpose", "system_version", "previous_versions", "declared_by"), said_),
            "annex_iv": {key: {"statement": said_} for key in ("1b", "2e", "3")},
            "gpai": dict.fromkeys(("licence", "acceptable_use_policy", "system_types", "design_choices"), said_),
        },
        risk_assessment={"intended_use": said_, "foreseeable_misuse": [said_], "mitigation_measures": [said_]},
        data={
            "governance": {
                **dict.fromkeys(("collection_method", "known_biases", "assumptions", "gaps"), said_),
                "datasets": [{"name": trained.sources[0], "category": "other", "obtained": said_, "content": said_}],
            }
        },
    )
    folder = write(dossier)
    assert [path.name for path in folder.iterdir() if TOKEN.encode() in path.read_bytes()] == []
    assert TOKEN not in render_model_card(dossier.run)
    assert b"REDACTED" in (folder / "deployer_instructions.md").read_bytes()


def test_a_hostile_declaration_stays_text(make_dossier: Make, write: Write) -> None:
    hostile = "</td><script>alert(1)</script> | **bold** [x](javascript:alert(1))"
    folder = write(make_dossier(compliance={**IDENTITY, "known_limitations": hostile, "provider_name": hostile}))
    for page in folder.glob("*.html"):
        assert "<script" not in page.read_text(encoding="utf-8"), page.name
    instructions = (folder / "deployer_instructions.md").read_text(encoding="utf-8")
    assert r"\<script\>" in instructions
    assert r"\[x\]" in instructions


def test_the_test_report_shows_each_source_and_what_is_undecided(trained: Trained, tmp_path: Path) -> None:
    dossier = build_dossier(trained, tmp_path / "run")
    slices = {
        "orders.jsonl": {"value": 0.25, "baseline": 3.0, "n": 7},
        "more.jsonl": {"value": 1, "baseline": 2, "n": 3},
    }
    *others, loss = dossier.run.measurements
    record = replace(
        dossier.run,
        measurements=(*others, replace(loss, details={**loss.details, "slices": slices})),
        verdict=Verdict((GateResult("loss", GateStatus.INCONCLUSIVE, "too few rows"),)),
        evaluation_files={"text/text_results.jsonl": "ab" * 32},
    )
    report = build_test_report(replace(dossier, run=record))
    assert record_of(report)["outcome"] == "undecided"
    assert record_of(report)["files"] == {"text/text_results.jsonl": "ab" * 32}
    page = report.files()["test_report.html"].decode()
    assert page.index("undecided") < page.index("too few rows") < page.index("By source of the rows")
    assert page.index("By source of the rows") < page.index("more.jsonl")


def test_the_test_report_has_values_limits_numbers_and_a_place_for_a_signature(make_dossier: Make) -> None:
    report = record_of(build_test_report(make_dossier(compliance={"declared_by": "Jane Doe"})))
    gates = {gate["gate"]: gate for gate in report["gates"]}
    assert (gates["loss"]["value"], gates["loss"]["limit"], gates["loss"]["n"]) == (0.5, 2.0, 100)
    assert gates["self_check"]["n"] == 64
    assert report["responsible"] == {"name": "Jane Doe", "operator": "tests"}
    assert report["date"] == report["generated_at"][:10]
    assert report["signature"]["detached_file"] == "test_report.json.sig"
    assert report["test_data"]["rows"] > 0


def test_a_failed_gate_is_the_first_thing_the_index_says(make_dossier: Make, trained: Trained, tmp_path: Path) -> None:
    failed = Verdict((GateResult("loss", GateStatus.FAILED, "the loss <is> too high", 3.0, 2.0, "threshold"),))
    dossier = make_dossier()
    dossier = replace(dossier, run=replace(dossier.run, verdict=failed))
    files = RunFiles(tmp_path / "failed")
    write_documents(files, dossier, destination="is refused and kept in quarantine")
    text = (files.compliance / "index.html").read_text(encoding="utf-8")
    first = text[text.index("<h1>") :]
    assert first.index("Failed") < first.index("the loss &lt;is&gt; too high") < first.index("Documents")
    assert "is refused and kept in quarantine" in text


@pytest.mark.parametrize(
    "content", ["{", "[1]", "null", "{}", '{"total_samples": 1, "pii_severity": {"by_type": {"email": 3}}}']
)
def test_an_audit_that_is_none_is_said(make_dossier: Make, write: Write, content: str) -> None:
    dossier = make_dossier(content)
    report = record_of(build_data_governance(dossier))
    assert report["data_audit_inlined"] is False
    assert report["data_audit_problem"]
    assert write(dossier).is_dir()


def test_an_audit_is_inlined_with_its_digest_and_compared_with_the_data(
    make_dossier: Make, write: Write, trained: Trained, tmp_path: Path
) -> None:
    digests = [source.fingerprint["sha256"] for source in trained.record.prepared.sources]
    audit = {
        "verdict": "passed",
        "total_samples": 140,
        "pii_summary": {"email": 2},
        "files": [{"path": "a", "sha256": digest} for digest in digests],
    }
    dossier = make_dossier(audit)
    report = record_of(build_data_governance(dossier))
    assert report["data_audit"] == audit
    assert report["data_audit_sha256"] == sha256_bytes((tmp_path / "run" / "data_audit_report.json").read_bytes())
    assert report["data_audit_covers_training_data"] is True
    assert report["article_10"]["10(3)"]["measured"] == {"audit": "passed", "rows_audited": 140}
    page = (write(dossier) / "data_governance_report.html").read_text()
    assert "email" in page
    found = read_audit(tmp_path / "run" / "data_audit_report.json")
    assert found is not None
    assert found.covers(["0" * 64]) is False
    assert found.covers([]) is None


def test_article_10_asks_for_the_purpose_of_personal_data(make_dossier: Make, trained: Trained) -> None:
    governance: dict[str, Any] = {"collection_method": "From the till.", "personal_data_included": True}
    point = record_of(build_data_governance(make_dossier(data={"governance": governance})))["article_10"]["10(2)(b)"]
    assert (point["status"], point["lacking"]) == ("missing", "the original purpose of the personal data")
    governance["datasets"] = [
        {"name": trained.sources[0], "category": "user_data", "original_purpose": "Taking orders."}
    ]  # type: ignore[assignment]
    point = record_of(build_data_governance(make_dossier(data={"governance": governance})))["article_10"]["10(2)(b)"]
    assert (point["status"], point["original_purposes"]) == ("declared", ["Taking orders."])


def test_instructions_name_what_is_missing(make_dossier: Make) -> None:
    record = record_of(build_instructions(make_dossier(compliance={**IDENTITY, "annex_iv": FULL_ANNEX})))
    assert "System identity: Version" in record["missing"]
    assert "Human oversight: Measures" not in record["missing"]
    assert record["sections"]["Hardware, lifetime and upkeep"]["Changes planned in advance"].startswith(
        "Does not apply"
    )
    assert len(record["sections"]) == 7


def test_the_reference_implementation_reads_the_croissant(folder: Path, trained: Trained) -> None:
    mlcroissant = pytest.importorskip("mlcroissant", reason="mlcroissant is in the extra dev")
    loaded = mlcroissant.Dataset(folder / "croissant.json")
    assert loaded.metadata.issues.errors == set()
    described = json.loads((folder / "croissant.json").read_text())
    digests = {source.fingerprint["sha256"] for source in trained.record.prepared.sources}
    assert {file["sha256"] for file in described["distribution"]} == digests


def test_two_files_of_one_name_are_told_apart(make_dossier: Make) -> None:
    dossier = make_dossier()
    first = dossier.run.prepared.sources[0]
    prepared = replace(dossier.run.prepared, sources=(first, first))
    described = record_of(build_training_data(replace(dossier, run=replace(dossier.run, prepared=prepared))))
    assert [file["@id"] for file in described["distribution"]] == ["orders.jsonl", "2/orders.jsonl"]


def test_datasets_of_one_name_stay_apart(make_dossier: Make) -> None:
    dossier = make_dossier()
    first, second = dossier.run.prepared.sources
    sources = (replace(first, name="/a/rows.jsonl"), replace(second, name="/b/rows.jsonl"))
    dossier = replace(dossier, run=replace(dossier.run, prepared=replace(dossier.run.prepared, sources=sources)))
    names = ("/a/rows.jsonl", "/b/rows.jsonl", "/models/base", "o/n", "builtin/ember")
    assert [dossier.public_name(name) for name in names] == [
        *("rows.jsonl (1)", "rows.jsonl (2)", "base", "o/n", "builtin/ember")
    ]


def test_what_was_said() -> None:
    assert [said(" yes, it is "), said("n/a"), said(""), said(None)] == ["yes, it is", None, None, None]
    assert all_said({"a": "one", "b": "...", "c": ""}) == (None, ("b: what is declared is a placeholder", "c"))
    assert all_said({"a": "one", "b": "two"}) == ("a: one; b: two", ())


def test_the_cards_metadata_is_the_hubs(make_dossier: Make, trained: Trained, tmp_path: Path) -> None:
    hub = pytest.importorskip("huggingface_hub")
    declared = [{"name": trained.sources[0], "category": "other", "languages": ["tr", "Klingon"]}]
    dossier = make_dossier(compliance={"gpai": {"licence": "MIT"}}, data={"governance": {"datasets": declared}})
    path = tmp_path / "README.md"
    path.write_text(render_model_card(dossier.run), encoding="utf-8")
    card = hub.ModelCard.load(path, ignore_metadata_errors=False)
    assert (card.data.license, card.data.language, card.data.library_name) == ("mit", ["tr"], "peft")
    assert card.data.base_model is None
    (result,) = card.data.eval_results
    assert (result.metric_type, result.metric_value, result.task_type) == ("loss", 0.5, "text-generation")
    assert hub.ModelCardData(**yaml.safe_load(str(card.data))).to_dict() == card.data.to_dict()


def test_a_licence_of_ones_own_and_a_hub_base(make_dossier: Make) -> None:
    dossier = make_dossier(compliance={"gpai": {"licence": "Exemplar licence 1.0"}})
    revision = replace(dossier.run.loaded.revision, repo_id="o/n", resolution_source="resolved")
    header = build_card_metadata(replace(dossier.run, loaded=replace(dossier.run.loaded, revision=revision)))
    assert (header["license"], header["license_name"]) == ("other", "Exemplar licence 1.0")
    assert (header["base_model"], header["base_model_relation"]) == ("o/n", "adapter")


def test_the_same_dossier_gives_the_same_bytes(make_dossier: Make, write: Write) -> None:
    dossier = make_dossier()
    first = {path.name: path.read_bytes() for path in write(dossier).iterdir()}
    shutil.rmtree(write(dossier))
    assert {path.name: path.read_bytes() for path in write(dossier).iterdir()} == first


def test_what_leaves_the_house_names_no_folder_of_this_machine(
    make_dossier: Make, write: Write, trained: Trained
) -> None:
    declared = [{"name": trained.sources[0], "category": "other", "obtained": "By hand.", "content": "orders"}]
    folder = write(make_dossier(compliance=IDENTITY, data={"governance": {"datasets": declared}}))
    here = str(Path(trained.sources[0]).parent).encode()
    for name in ("training_content_summary", "annex_xi", "model_documentation_downstream", "deployer_instructions"):
        assert here not in (folder / f"{name}.json").read_bytes(), name
        assert here not in (folder / f"{name}.html").read_bytes(), name


def test_every_declaration_stands_in_its_document(make_dossier: Make, write: Write) -> None:
    governance = {
        "collection_method": "From the till.",
        "annotation_process": "By two people.",
        "known_biases": "Mornings only.",
        "personal_data_included": True,
        "dpia_completed": True,
    }
    risks = {
        "intended_use": "Orders.",
        "foreseeable_misuse": ["Advice"],
        "risk_category": "limited-risk",
        "mitigation_measures": ["A check."],
        "vulnerable_groups_considered": True,
    }
    provider = {
        "provider_name": "Exemplar",
        "provider_contact": "ai@example.org",
        "system_name": "Till",
        "intended_purpose": "Orders.",
        "known_limitations": "English.",
        "system_version": "1.0",
        "risk_classification": "limited-risk",
    }
    folder = write(make_dossier(compliance=provider, risk_assessment=risks, data={"governance": governance}))
    report = json.loads((folder / "data_governance_report.json").read_text())
    annex = json.loads((folder / "annex_iv_metadata.json").read_text())
    assert governance.items() <= report["governance"].items()
    assert json.loads((folder / "risk_assessment.json").read_text()) == risks
    assert annex["provider_metadata"] == provider
