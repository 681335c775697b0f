"""The two documents as a real run writes them; their contents are tested in test_bom.py and test_provenance.py."""

from __future__ import annotations

import json

from support import Finished

from forgelm.evidence.hashing import compute_root
from forgelm.evidence.inventory import read_sealed_files


def test_a_run_writes_its_bill_of_materials_and_its_provenance(finished: Finished) -> None:
    compliance, sealed = finished.root / "compliance", read_sealed_files(finished.root / "final_model")
    bom = json.loads((compliance / "ml_bom.cdx.json").read_text(encoding="utf-8"))
    assert {item["name"] for item in bom["metadata"]["component"]["components"]} == {item.file for item in sealed}
    statement = json.loads((compliance / "provenance.intoto.json").read_text(encoding="utf-8"))
    assert statement["subject"][0] == {"name": "final_model", "digest": {"sha256": compute_root(sealed)}}
    config = statement["predicate"]["buildDefinition"]["externalParameters"]["config"]
    assert config["model"]["name_or_path"] == "builtin/ember"
