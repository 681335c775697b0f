from __future__ import annotations

import json
from pathlib import Path

import pytest
from merging import write_adapter, write_variant

from forgelm.base.errors import ExitCode
from forgelm.cli.main import run
from forgelm.evidence.inventory import write_integrity_manifest


def test_the_reply_is_that_of_the_contract(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "m.gguf"
    code = run(["export", "builtin/ember", "--output", str(path), "--output-format", "json"])
    said = json.loads(capsys.readouterr().out)
    assert code is ExitCode.OK
    wanted = {"success": True, "format": "gguf", "quant": "q4_k_m", "requested_quant": "q4_k_m"}
    assert wanted.items() <= said.items()
    assert (said["manual_step_required"], said["followup_command"]) == (False, None)
    assert said["size_bytes"] == path.stat().st_size
    assert run(["verify-gguf", str(path)]) is ExitCode.OK
    assert "matches the digest beside it" in capsys.readouterr().out


def test_the_text_names_what_to_do_next(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "m.gguf"
    assert run(["export", "builtin/ember", "--output", str(path), "--quant", "f16"]) is ExitCode.OK
    said = capsys.readouterr().out
    assert "29 F16" in said and f"forgelm verify-gguf {path}" in said


def test_errors_have_their_codes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def ask(*arguments: str) -> tuple[ExitCode, dict[str, object]]:
        code = run(["export", *arguments, "--output-format", "json"])
        return code, json.loads(capsys.readouterr().out)

    assert ask("builtin/ember")[0] is ExitCode.CONFIG
    assert ask("builtin/ember", "--output", str(tmp_path / "m.gguf"), "--quant", "q1")[0] is ExitCode.CONFIG
    other = write_variant(tmp_path / "other")
    config = json.loads((other / "config.json").read_bytes())
    (other / "config.json").write_text(json.dumps({**config, "architectures": ["GPT2LMHeadModel"]}))
    code, said = ask(str(other), "--output", str(tmp_path / "m.gguf"))
    assert code is ExitCode.CONFIG
    assert "LlamaForCausalLM" in str(said["hint"])


def test_an_adapter_goes_in_and_the_manifest_is_left_alone_where_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = write_variant(tmp_path / "model")
    write_integrity_manifest(model)
    write_adapter(tmp_path / "adapter", base=str(model), target_modules="all-linear")

    def export(name: str, *more: str) -> str:
        words = ["export", str(model), "--output", str(tmp_path / name), "--format", "gguf", "--quant", "f16", *more]
        assert run([*words, "--output-format", "json"]) is ExitCode.OK
        digest: str = json.loads(capsys.readouterr().out)["sha256"]
        return digest

    bare = export("bare.gguf", "--no-integrity-update")
    assert "exported_artifacts" not in json.loads((model / "model_integrity.json").read_bytes())
    assert export("listed.gguf") == bare
    (listed,) = json.loads((model / "model_integrity.json").read_bytes())["exported_artifacts"]
    assert (listed["sha256"], listed["quant"]) == (bare, "f16")
    assert export("adapted.gguf", "--adapter", str(tmp_path / "adapter")) != bare
