"""A run that ends with a file other programs run: tried out first, a gate, and sealed evidence inside."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from merging import write_variant
from support import Heard

from forgelm.base.errors import ModelError
from forgelm.base.events import Event
from forgelm.base.files import sha256_file
from forgelm.config.root import ForgeConfig
from forgelm.evaluate.measurement import Measurement
from forgelm.evidence.bundle.verify import verify_evidence
from forgelm.gate.decide import decide
from forgelm.gate.limits import build_thresholds
from forgelm.publish.gguf.parse import parse_gguf
from forgelm.publish.gguf.verify import verify_gguf
from forgelm.run import exporting
from forgelm.run.dry_run import check_run
from forgelm.run.single import run_single

SHORT = {"max_steps": 8}


def test_a_run_rehearses_compares_and_exports(make_config: Callable[..., ForgeConfig], tmp_path: Path) -> None:
    config = make_config(training=SHORT, export={"quant": "q8_0", "parity_rows": 4})
    heard = Heard()
    result = run_single(config, listen=heard)
    assert result.success
    names = heard.names()
    order = [names.index(event) for event in (Event.EXPORT_REHEARSED, Event.TRAINING_STARTED, Event.MODEL_EXPORTED)]
    assert order == sorted(order)
    gates = {gate["gate"]: gate for gate in result.gates}
    assert gates["serving_tokens"]["status"] == "passed" and gates["serving_tokens"]["value"] == 1.0
    assert gates["serving_replies"]["status"] == "passed"
    path = tmp_path / "run" / "model.gguf"
    exported = heard.fields(Event.MODEL_EXPORTED)
    assert (exported["path"], exported["sha256"]) == (str(path), sha256_file(path))
    assert verify_gguf(str(path)).valid
    manifest = tmp_path / "run" / "final_model" / "model_integrity.json"
    listed = json.loads(manifest.read_bytes())["exported_artifacts"]
    assert [entry["file"] for entry in listed] == ["model.gguf"]
    sealed = heard.fields(Event.MODEL_INTEGRITY_VERIFIED)["manifest_sha256"]
    assert parse_gguf(path).metadata["forgelm.manifest_sha256"] == sealed
    assert verify_evidence(tmp_path / "run").valid
    assert not (tmp_path / "run" / ".export").exists()


def test_a_model_that_cannot_be_exported_stops_the_run_before_it_trains(
    make_config: Callable[..., ForgeConfig], tmp_path: Path
) -> None:
    model = write_variant(tmp_path / "model")
    config = json.loads((model / "config.json").read_bytes())
    (model / "config.json").write_text(
        json.dumps({**config, "rope_parameters": {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 1e4}})
    )
    heard = Heard()
    with pytest.raises(ModelError, match="rope_type 'dynamic' has no word in a GGUF file"):
        run_single(make_config(model={"name_or_path": str(model)}, training=SHORT, export={}), listen=heard)
    assert Event.TRAINING_STARTED not in heard.names()
    assert not (tmp_path / "run" / ".export").exists()


def test_a_file_that_would_serve_other_tokens_stops_the_run(
    make_config: Callable[..., ForgeConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The template in the file is changed on its way there, as a faulty converter would."""
    monkeypatch.setattr(
        "forgelm.publish.gguf.export.for_serving", lambda template: template.replace("<|user|>", "User: ")
    )
    heard = Heard()
    # The bundled template joins the role into the mark, so the change is made on the rendered text instead.
    monkeypatch.setattr(exporting, "render_chat", lambda *arguments, **options: "something else")
    with pytest.raises(ModelError, match="the exported file would not serve what is trained: token 0: trainer has"):
        run_single(make_config(training=SHORT, export={}), listen=heard)
    assert Event.TRAINING_STARTED not in heard.names()


def test_without_a_rehearsal_the_gate_still_looks(
    make_config: Callable[..., ForgeConfig], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(exporting, "render_chat", lambda *arguments, **options: "something else")
    config = make_config(training=SHORT, export={"rehearse": False}, evaluation={"auto_revert": True})
    heard = Heard()
    result = run_single(config, listen=heard)
    gates = {gate["gate"]: gate for gate in result.gates}
    assert gates["serving_tokens"]["status"] == "failed"
    assert result.reverted and Event.MODEL_EXPORTED not in heard.names()
    assert not (tmp_path / "run" / "model.gguf").exists()


@pytest.mark.parametrize(
    ("tokens", "replies", "statuses"),
    [
        (1.0, 1.0, ["passed", "passed"]),
        (0.9, 1.0, ["failed", "passed"]),
        (1.0, 0.5, ["passed", "failed"]),
        (None, None, ["not_measured", "not_measured"]),
    ],
)
def test_the_gates_of_an_export(
    make_config: Callable[..., ForgeConfig], tokens: float | None, replies: float | None, statuses: list[str]
) -> None:
    config = make_config(export={})
    measured = [Measurement("serving_tokens", tokens, 8, "share"), Measurement("serving_replies", replies, 8, "share")]
    limits = replace(build_thresholds(make_config(export={}, evaluation={}), measured), loss_required=False)
    assert config.export is not None
    assert [gate.status.value for gate in decide(measured, limits).gates] == statuses
    assert [gate.status.value for gate in decide([], limits).gates] == ["not_measured"] * 2


def test_what_can_be_known_before_is_said_before(make_config: Callable[..., ForgeConfig], tmp_path: Path) -> None:
    exporting.check_export(make_config())
    exporting.check_export(make_config(export={}))
    scaled = {"rope_scaling": {"type": "linear", "factor": 2.0}}
    exporting.check_export(make_config(export={}, training=scaled))
    with pytest.raises(ModelError, match="rope_type 'dynamic' has no word in a GGUF file"):
        exporting.check_export(make_config(export={}, training={"rope_scaling": {"type": "dynamic", "factor": 2.0}}))
    model = write_variant(tmp_path / "model")
    config = json.loads((model / "config.json").read_bytes())
    (model / "config.json").write_text(json.dumps({**config, "architectures": ["GPT2LMHeadModel"]}))
    with pytest.raises(ModelError, match="GPT2LMHeadModel cannot be exported"):
        check_run(make_config(export={}, model={"name_or_path": str(model)}))


def test_the_file_goes_where_it_is_asked_to(make_config: Callable[..., Any], tmp_path: Path) -> None:
    from forgelm.run.folder import run_files

    plain, placed = make_config(export={}), make_config(export={"output": str(tmp_path / "x.gguf")})
    assert exporting.place_of(plain.export, run_files(plain)) == tmp_path / "run" / "model.gguf"
    assert exporting.place_of(placed.export, run_files(placed)) == tmp_path / "x.gguf"
