"""A fine-tuned model as one file: loaded elsewhere it answers as the original does, and it says where it came from."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from merging import EMBER, distance, logits_at, logits_of, write_adapter, write_variant
from small_disk import mounted
from support import Finished, ember_tokenizer

from forgelm.base.errors import ConfigError, IntegrityError, ModelError
from forgelm.base.files import sha256_file
from forgelm.cli.main import run
from forgelm.evidence.anchor import read_anchors
from forgelm.evidence.bundle.verify import verify_evidence
from forgelm.evidence.inventory import require_intact, write_integrity_manifest
from forgelm.model.generate import generate_replies
from forgelm.publish.gguf.export import export_gguf
from forgelm.publish.gguf.parse import parse_gguf
from forgelm.publish.gguf.verify import verify_gguf
from forgelm.publish.merging import merge_adapter


def load_file(path: Path) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(str(path.parent), gguf_file=path.name, dtype=torch.float32).eval()


def held_out(count: int) -> list[list[dict[str, Any]]]:
    from importlib.resources import files

    lines = (files("forgelm.assist") / "orders" / "heldout.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["messages"][:-1] for line in lines[:count]]


def test_the_file_answers_as_the_fine_tuned_model_does(finished: Finished, tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    adapter = finished.root / "final_model"
    report = export_gguf(adapter, tmp_path / "m.gguf", quant="q8_0", update_integrity=False)
    merge_adapter(adapter, tmp_path / "merged", dtype="float32")
    whole = AutoModelForCausalLM.from_pretrained(str(tmp_path / "merged"), dtype=torch.float32).eval()
    questions = held_out(12)
    answers = [
        generate_replies(model, ember_tokenizer(), questions, max_new_tokens=60)
        for model in (whole, load_file(tmp_path / "m.gguf"))
    ]
    agreeing = sum(one == other for one, other in zip(*answers, strict=True))
    assert agreeing >= 11
    assert report.recorded_in is None
    found = parse_gguf(tmp_path / "m.gguf").metadata
    manifest = json.loads((adapter / "model_integrity.json").read_bytes())
    assert found["forgelm.audit_log.root"] == manifest["audit_log"]["root"]
    assert found["forgelm.audit_log.size"] == manifest["audit_log"]["size"]
    (noted,) = read_anchors(str(tmp_path / "m.gguf"))
    assert noted.checkpoint.as_record() == manifest["audit_log"]
    assert found["forgelm.manifest_sha256"] == sha256_file(adapter / "model_integrity.json")
    assert "generation %}" not in found["tokenizer.chat_template"]


def test_the_run_still_verifies_after_an_export(finished: Finished, tmp_path: Path) -> None:
    import shutil

    run = tmp_path / "run"
    shutil.copytree(finished.root, run)
    before = verify_evidence(run)
    export_gguf(run / "final_model", tmp_path / "m.gguf", quant="f16")
    listed = json.loads((run / "final_model" / "model_integrity.json").read_bytes())["exported_artifacts"]
    assert listed == [
        {
            "file": "m.gguf",
            "format": "gguf",
            "quant": "f16",
            "sha256": sha256_file(tmp_path / "m.gguf"),
            "size_bytes": (tmp_path / "m.gguf").stat().st_size,
        }
    ]
    require_intact(run / "final_model")
    after = verify_evidence(run)
    assert before.valid and after.valid
    assert [(check.name, check.status) for check in before.checks] == [
        (check.name, check.status) for check in after.checks
    ]


def test_the_file_and_its_digest_are_whole(tmp_path: Path) -> None:
    report = export_gguf("builtin/ember", tmp_path / "m.gguf", quant="f16")
    assert verify_gguf(report.output_path).checks["sidecar_match"] is True
    assert (report.sha256, report.size_bytes) == (
        sha256_file(tmp_path / "m.gguf"),
        (tmp_path / "m.gguf").stat().st_size,
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.gguf", "m.gguf.sha256"]
    assert distance(logits_of(load_file(tmp_path / "m.gguf")), logits_at(EMBER)) < 1e-5
    again = export_gguf("builtin/ember", tmp_path / "m.gguf", quant="f16")
    assert again.sha256 == report.sha256


def test_the_tokenizer_in_the_file_is_the_models(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    export_gguf("builtin/ember", tmp_path / "m.gguf", quant="f16")
    theirs, ours = AutoTokenizer.from_pretrained(str(tmp_path), gguf_file="m.gguf"), ember_tokenizer()
    for text in ("two coffees and 15 cakes", "it's 3.50 €\n\n  please", "naïve 🚀"):
        assert theirs.encode(text) == ours.encode(text)


@pytest.mark.parametrize("form", ["the adapter", "base and adapter"])
def test_an_adapter_is_merged_on_the_way(tmp_path: Path, form: str) -> None:
    wanted = logits_of(write_adapter(tmp_path / "adapter"))
    if form == "the adapter":
        export_gguf(tmp_path / "adapter", tmp_path / "m.gguf", quant="f16")
    else:
        export_gguf("builtin/ember", tmp_path / "m.gguf", quant="f16", adapter=tmp_path / "adapter")
    assert distance(logits_of(load_file(tmp_path / "m.gguf")), wanted) < 2e-3


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"quant": "q9"}, ConfigError, "there is no quantisation 'q9'"),
        ({"output": "m.bin"}, ConfigError, r"m\.bin does not end in \.gguf"),
        ({"output": "folder.gguf"}, ConfigError, "is not a file"),
        ({"output": "sealed/m.gguf", "model_path": "sealed"}, ConfigError, "lies in the sealed model folder"),
        ({"model_path": "none"}, ModelError, "there is no model at|could not be fetched"),
        ({"model_path": "builtin/amber"}, ModelError, "no bundled model"),
        ({"adapter": "none"}, ModelError, "holds no adapter"),
    ],
)
def test_what_cannot_be_exported_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.gguf").mkdir()
    write_integrity_manifest(write_variant(tmp_path / "sealed"))
    with pytest.raises(error, match=message):
        export_gguf(**{"model_path": "builtin/ember", "output": "m.gguf", "offline": True, **arguments})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.gguf", "sealed"]
    require_intact(tmp_path / "sealed")


def test_a_changed_model_is_refused(tmp_path: Path) -> None:
    model = write_variant(tmp_path / "model")
    write_integrity_manifest(model)
    (model / "config.json").write_text("{}")
    with pytest.raises(IntegrityError, match=r"config\.json changed"):
        export_gguf(model, tmp_path / "m.gguf")


LIMITED = """
import resource, signal, sys
from forgelm.base.errors import StorageError
from forgelm.publish.gguf.export import export_gguf
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
try:
    export_gguf("builtin/ember", sys.argv[1], quant="f16", offline=True)
except StorageError as error:
    print("StorageError", error.message)
"""


@pytest.mark.skipif(os.name == "nt", reason="a limit on file sizes stands in for a full disk")
def test_a_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "m.gguf").write_bytes(b"before")
    arguments = [sys.executable, "-c", LIMITED, str(tmp_path / "m.gguf")]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("StorageError could not write"), done.stderr
    assert (tmp_path / "m.gguf").read_bytes() == b"before"
    assert [path.name for path in tmp_path.iterdir()] == ["m.gguf"]


@pytest.mark.parametrize("room", [400_000, "all but the digest"])
def test_a_disk_that_fills_up_leaves_neither_file_nor_digest(room: int | str, tmp_path: Path) -> None:
    words = ["export", "builtin/ember", "--quant", "f16", "--offline", "--output"]
    assert run([*words, str(tmp_path / "whole.gguf")]) == 0
    page = os.sysconf("SC_PAGE_SIZE")
    size = -(-(tmp_path / "whole.gguf").stat().st_size // page) * page if isinstance(room, str) else room
    with mounted(tmp_path / "disk", size) as disk:
        assert run([*words, str(disk / "m.gguf")]) == 2
        assert list(disk.iterdir()) == []


def test_what_a_killed_export_left_is_swept(tmp_path: Path) -> None:
    (tmp_path / ".m.gguf.0a1b2c3d.unfinished").write_bytes(b"half")
    export_gguf("builtin/ember", tmp_path / "m.gguf", quant="f16", offline=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.gguf", "m.gguf.sha256"]
