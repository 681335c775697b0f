from pathlib import Path

import pytest
from packing import pack, unpack

from forgelm.base.errors import ConfigError, IntegrityError
from forgelm.evidence.bundle.report import Status
from forgelm.evidence.bundle.sources import open_evidence


def test_a_bundle_is_unpacked_without_its_weights_and_cleared_up(whole: Path) -> None:
    with open_evidence(whole) as evidence:
        root = evidence.root
        assert (root / "audit_log.jsonl").is_file()
        assert evidence.read("final_model/model_integrity.json").startswith(b"{")
        assert not (root / "final_model" / "adapter_model.safetensors").exists()
        assert evidence.files["final_model/adapter_model.safetensors"].size_bytes > 1000
        assert evidence.contents is not None
        assert evidence.contents.status is Status.PASSED
    assert not root.exists()


def test_a_light_bundle_says_what_it_leaves_out(light: Path) -> None:
    with open_evidence(light) as evidence:
        assert "final_model/adapter_model.safetensors" in evidence.left_out
        assert "final_model/adapter_model.safetensors" not in evidence.files
        assert set(evidence.outer) == {"bundle.json"}


def test_a_run_folder_is_read_where_it_is(signed_run: Path) -> None:
    with open_evidence(signed_run) as evidence:
        assert (evidence.root, evidence.contents, evidence.outer) == (signed_run, None, {})
        assert "final_model/adapter_model.safetensors" in evidence.files
        assert not any(file.startswith("checkpoint-") for file in evidence.files)


def test_a_bundle_whose_list_is_damaged_is_opened_and_said_to_be(whole: Path, tmp_path: Path) -> None:
    members = unpack(whole)
    for change in ({**members, "bundle.json": b"{}"}, {k: v for k, v in members.items() if k != "bundle.json"}):
        with open_evidence(pack(tmp_path / "other.zip", change)) as evidence:
            assert evidence.contents is not None
            assert (evidence.contents.status, evidence.contents.findings) == (Status.FAILED, ("bundle.json",))


def test_what_is_neither_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no"), open_evidence(tmp_path / "nothing"):
        pass
    with pytest.raises(ConfigError, match="neither a bundle nor"), open_evidence(Path("/dev/null")):
        pass
    (tmp_path / "x.zip").write_bytes(b"")
    with pytest.raises(IntegrityError, match="is empty"), open_evidence(tmp_path / "x.zip"):
        pass
