from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from support import order_rows, sections, write_rows

from forgelm.base.errors import ConfigError
from forgelm.config.root import ForgeConfig
from forgelm.evidence.documents.verify_annex_iv import verify_annex_iv_artifact
from forgelm.run.compliance_export import export_compliance

IDENTITY = {"provider_name": "Exemplar GmbH", "system_name": "Till", "intended_purpose": "Turn orders into JSON."}
CONTRACT_FILES = {
    *("compliance_report.json", "training_manifest.yaml", "data_provenance.json", "risk_assessment.json"),
    *("annex_iv_metadata.json", "data_governance_report.json"),
}


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> ForgeConfig:
    folder = tmp_path_factory.mktemp("planned")
    rows = write_rows(folder / "orders.jsonl", order_rows(40))
    statements = {"1b": {"statement": "It stands alone."}, "1f": {"not_applicable": "It is software."}}
    declared = {**IDENTITY, "annex_iv": statements}
    risks = {"intended_use": "Orders", "foreseeable_misuse": ["Medical advice"]}
    return ForgeConfig(**sections(rows, folder / "run", compliance=declared, risk_assessment=risks))


def test_what_is_planned_and_declared_is_written_and_nothing_counts_as_measured(
    config: ForgeConfig, tmp_path: Path
) -> None:
    folder = tmp_path / "export"
    found = export_compliance(config, folder)
    assert set(found.files) == set(folder.iterdir())
    assert {path.name for path in found.files} >= CONTRACT_FILES
    report = json.loads((folder / "compliance_report.json").read_text())
    assert report["run_id"] is None
    assert report["evaluation_results"] == {"metrics": {}}
    assert report["training_parameters"]["lora_r"] == 8
    assert report["config_hash"] == config.config_hash
    assert report["data_provenance"]["consumption"]["tokens_trained"] == 0
    assert yaml.safe_load((folder / "training_manifest.yaml").read_text())["final_metrics"] == {}
    assert json.loads((folder / "risk_assessment.json").read_text())["intended_use"] == "Orders"
    assert "Before any run" in (folder / "compliance_report.html").read_text()
    assert found.annex_iv == {"evidenced": 0, "declared": 1, "not_applicable": 1, "missing": 21, "total": 23}
    checked = verify_annex_iv_artifact(str(folder / "annex_iv_metadata.json"))
    assert not checked.valid
    assert checked.manifest_hash_actual == checked.manifest_hash_expected


def test_an_export_replaces_an_earlier_one_and_nothing_else(config: ForgeConfig, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    export_compliance(config, folder)
    assert export_compliance(config, folder).files
    (folder / "training_manifest.yaml").unlink()
    report = folder / "compliance_report.json"
    record = json.loads(report.read_text())
    report.write_text(json.dumps({**record, "state": None, "run_id": "fg-0123456789ab"}))
    kept = sorted(folder.iterdir())
    with pytest.raises(ConfigError, match="something else than an earlier export"):
        export_compliance(config, folder)
    assert sorted(folder.iterdir()) == kept
    with pytest.raises(ConfigError, match="is no folder"):
        export_compliance(config, report)


def test_without_a_described_system_there_is_no_annex(config: ForgeConfig, tmp_path: Path) -> None:
    given = {name: getattr(config, name) for name in config.model_fields_set - {"compliance", "risk_assessment"}}
    found = export_compliance(ForgeConfig(**given), tmp_path / "export")
    names = {path.name for path in found.files}
    assert found.annex_iv is None
    assert "compliance_report.json" in names
    assert not {"annex_iv_metadata.json", "risk_assessment.json"} & names
