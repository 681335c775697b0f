"""Merged models as folders: sealed, with a card and a record, from sources that are what was sealed, or not at all."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from merging import EMBER, distance, logits_at, logits_of, write_adapter, write_variant
from support import sections

from forgelm.base.errors import ConfigError, IntegrityError, ModelError, StorageError
from forgelm.config.root import ForgeConfig
from forgelm.evidence.anchor import read_anchors
from forgelm.evidence.checkpoint import Checkpoint
from forgelm.evidence.inventory import require_intact, verify_integrity, write_integrity_manifest
from forgelm.publish.merging import merge_adapter, merge_models
from forgelm.publish.moves import seal_of


def configure(tmp_path: Path, **merge: Any) -> ForgeConfig:
    merge = {"enabled": True, "output_dir": str(tmp_path / "merged"), **merge}
    return ForgeConfig(**sections(tmp_path / "rows.jsonl", tmp_path / "run", merge=merge))


def test_an_adapter_becomes_a_sealed_model(tmp_path: Path) -> None:
    wanted = logits_of(write_adapter(tmp_path / "adapter"))
    noted = Checkpoint(12, "ab" * 32)
    write_integrity_manifest(tmp_path / "adapter", audit_log=noted)
    report = merge_adapter(tmp_path / "adapter", tmp_path / "merged", dtype="float32", offline=True)
    assert verify_integrity(str(tmp_path / "merged")).valid
    assert distance(logits_at(tmp_path / "merged"), wanted) < 2e-6
    assert (report.method, report.num_models, report.output_dir) == ("adapter", 1, str(tmp_path / "merged"))
    record = json.loads((tmp_path / "merged" / "merge_record.json").read_bytes())
    assert record["base_model"]["name"] == "builtin/ember"
    assert record["sources"][0]["manifest_sha256"] == seal_of(tmp_path / "adapter")
    for name in ("merge_record.json", "model_integrity.json"):
        assert [anchor.checkpoint for anchor in read_anchors(str(tmp_path / "merged" / name))] == [noted]
    card = (tmp_path / "merged" / "README.md").read_text()
    assert "No gate has looked at this model" in card and "base_model:" not in card.split("---")[1]


@pytest.mark.parametrize("method", ["linear", "ties", "dare"])
def test_the_section_merge_is_carried_out(tmp_path: Path, method: str) -> None:
    write_adapter(tmp_path / "adapter", seed=1)
    model = write_variant(tmp_path / "model", seed=2)
    models = [{"path": str(tmp_path / "adapter")}, {"path": str(model), "weight": 0.5}]
    report = merge_models(configure(tmp_path, method=method, models=models))
    require_intact(tmp_path / "merged")
    assert (report.method, report.num_models) == (method, 2)
    assert distance(logits_at(tmp_path / "merged"), logits_at(EMBER)) > 1e-3
    record = json.loads((tmp_path / "merged" / "merge_record.json").read_bytes())
    assert [source["weight"] for source in record["sources"]] == [1.0, 0.5]
    assert all(name.startswith(f"{method}_") for name in record["parameters"])


def test_an_arc_between_three_models_is_a_mean_and_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    models = [{"path": str(EMBER)}, {"path": str(EMBER)}, {"path": "builtin/ember"}]
    report = merge_models(configure(tmp_path, method="slerp", models=models))
    assert (report.method, report.requested_method) == ("linear", "slerp")
    assert "slerp is between two models and there are 3" in caplog.text


def test_a_section_that_is_missing_or_off_merges_nothing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nothing to merge"):
        merge_models(configure(tmp_path, enabled=False))
    with pytest.raises(ConfigError, match="nothing to merge"):
        merge_models(ForgeConfig(**sections(tmp_path / "rows.jsonl", tmp_path / "run")))


def test_sources_that_are_not_what_was_sealed_are_refused(tmp_path: Path) -> None:
    write_adapter(tmp_path / "adapter")
    write_integrity_manifest(tmp_path / "adapter")
    path = tmp_path / "adapter" / "adapter_config.json"
    path.write_text(path.read_text().replace('"lora_alpha": 8', '"lora_alpha": 9'))
    with pytest.raises(IntegrityError, match=r"adapter_config\.json changed"):
        merge_adapter(tmp_path / "adapter", tmp_path / "merged")
    both = [{"path": str(tmp_path / "adapter")}, {"path": str(EMBER)}]
    with pytest.raises(IntegrityError, match=r"adapter_config\.json changed"):
        merge_models(configure(tmp_path, models=both))
    model = write_variant(tmp_path / "model")
    write_integrity_manifest(model)
    (model / "extra.bin").touch()
    with pytest.raises(IntegrityError, match=r"extra\.bin added"):
        merge_models(configure(tmp_path, models=[{"path": str(model)}, {"path": str(EMBER)}]))
    assert not (tmp_path / "merged").exists()


def test_what_does_not_fit_leaves_nothing(tmp_path: Path) -> None:
    write_adapter(tmp_path / "adapter", base="org/else")
    with pytest.raises(ModelError, match="was trained on org/else, not on builtin/ember"):
        merge_adapter(tmp_path / "adapter", tmp_path / "merged", base_model="builtin/ember")
    with pytest.raises(ModelError, match="was trained on org/else"):
        merge_models(configure(tmp_path, models=[{"path": str(tmp_path / "adapter")}, {"path": str(EMBER)}]))
    other = write_variant(tmp_path / "other", num_hidden_layers=3)
    with pytest.raises(ModelError, match="different shapes"):
        merge_models(configure(tmp_path, models=[{"path": str(other)}, {"path": str(EMBER)}]))
    with pytest.raises(ModelError, match=r"there is no model at|could not be fetched"):
        merge_models(configure(tmp_path, models=[{"path": str(tmp_path / "gone")}, {"path": str(EMBER)}]))
    with pytest.raises(ConfigError, match="there is no dtype 'int4'"):
        merge_adapter(tmp_path / "adapter", tmp_path / "merged", dtype="int4")
    assert not [path for path in tmp_path.iterdir() if "merged" in path.name]


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    write_adapter(tmp_path / "adapter")
    (tmp_path / "merged").mkdir()
    (tmp_path / "merged" / "mine").touch()
    with pytest.raises(ConfigError, match="already exists"):
        merge_adapter(tmp_path / "adapter", tmp_path / "merged")
    assert [path.name for path in (tmp_path / "merged").iterdir()] == ["mine"]


LIMITED = """
import resource, signal, sys
from forgelm.publish.merging import merge_adapter
from forgelm.base.errors import StorageError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
try:
    merge_adapter(sys.argv[1], sys.argv[2], offline=True)
except StorageError as error:
    print("StorageError", error.message)
"""


@pytest.mark.skipif(os.name == "nt", reason="a limit on file sizes stands in for a full disk")
def test_a_full_disk_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    write_adapter(tmp_path / "adapter")
    arguments = [sys.executable, "-c", LIMITED, str(tmp_path / "adapter"), str(tmp_path / "merged")]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("StorageError could not write"), done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["adapter"]


@pytest.mark.skipif(os.name == "nt", reason="there are no such signals")
def test_a_kill_leaves_no_model_and_does_not_stop_the_next(tmp_path: Path) -> None:
    write_adapter(tmp_path / "adapter", target_modules="all-linear")
    code = (
        "import sys; from forgelm.publish.merging import merge_adapter as m; m(sys.argv[1], sys.argv[2], offline=True)"
    )
    running = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "adapter"), str(tmp_path / "merged")])
    unfinished = tmp_path / ".merged.unfinished"
    while running.poll() is None and not unfinished.exists():
        time.sleep(0.001)
    running.send_signal(signal.SIGKILL)
    running.wait()
    if not (tmp_path / "merged").exists():
        merge_adapter(tmp_path / "adapter", tmp_path / "merged", offline=True)
    require_intact(tmp_path / "merged")
    assert not unfinished.exists()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    write_adapter(tmp_path / "adapter")
    (tmp_path / "file").touch()
    with pytest.raises((StorageError, ConfigError)):
        merge_adapter(tmp_path / "adapter", tmp_path / "file" / "merged")
