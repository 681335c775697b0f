"""Merging: the merged model answers as base and adapter do, or there is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from support import ember_model, ember_tokenizer
from transformers import AutoModelForCausalLM

from finetune_cli.cli.main import run
from finetune_cli.core.exceptions import InvalidConfigError, ModelLoadError, ModelNotFoundError
from finetune_cli.models import merge as merging
from finetune_cli.models.merge import merge_and_prove

Capture = pytest.CaptureFixture[str]


def save_adapter(folder: Path, **settings: Any) -> Path:
    model = ember_model()
    grown = "vocabulary" in settings
    if grown:
        model.resize_token_embeddings(settings.pop("vocabulary"), mean_resizing=False)
    wanted = {"r": 4, "target_modules": ["q_proj", "down_proj"], "task_type": "CAUSAL_LM"} | settings
    adapted = get_peft_model(model, LoraConfig(**wanted))
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.05)
    adapted.peft_config["default"].base_model_name_or_path = "builtin/ember"
    adapted.save_pretrained(str(folder), save_embedding_layers=grown)
    ember_tokenizer().save_pretrained(str(folder))
    return folder


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-3), ("float16", 2e-2), ("bfloat16", 6e-2)])
def test_the_merged_model_answers_as_both_did(dtype: str, tolerance: float, tmp_path: Path) -> None:
    adapter = save_adapter(tmp_path / "adapter")
    done = merge_and_prove(str(adapter), str(tmp_path / "merged"), "builtin/ember", dtype)
    assert done.difference <= tolerance
    merged = AutoModelForCausalLM.from_pretrained(str(done.output_dir))
    assert merged.dtype == getattr(torch, dtype)
    assert not (done.output_dir / "adapter_config.json").exists()
    both = PeftModel.from_pretrained(ember_model(), str(adapter)).eval()
    ids = torch.tensor([[5, 9, 12, 30]])
    wanted, found = both(input_ids=ids).logits, merged.float().eval()(input_ids=ids).logits
    assert float((wanted - found).abs().max() / wanted.abs().max()) <= tolerance
    assert float((ember_model()(input_ids=ids).logits - found).abs().max()) > 0.01, "the adapter did something"


def test_the_adapter_of_a_run_is_found_in_it(tmp_path: Path, capsys: Capture) -> None:
    save_adapter(tmp_path / "run" / "final_model")
    arguments = ["merge", str(tmp_path / "run"), str(tmp_path / "merged"), "--base-model", "builtin/ember"]
    assert run([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["difference"] < 1e-3
    assert run(arguments) == 1
    assert "not an empty folder" in capsys.readouterr().err
    assert run([*arguments[:2], str(tmp_path / "again"), "-b", "builtin/ember", "--dtype", "float16"]) == 0
    assert "Merged" in capsys.readouterr().out
    assert run(["merge", str(tmp_path / "run"), str(tmp_path / "third")]) == 2
    assert "--base-model" in capsys.readouterr().err


def test_another_base_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    adapter = save_adapter(tmp_path / "adapter")
    other = ember_model()
    other.save_pretrained(str(tmp_path / "other"))
    with pytest.raises(ModelLoadError, match="was trained on builtin/ember"):
        merge_and_prove(str(adapter), str(tmp_path / "merged"), str(tmp_path / "other"))
    with pytest.raises(ModelNotFoundError):
        merge_and_prove(str(tmp_path / "absent"), str(tmp_path / "merged"), "builtin/ember")
    with pytest.raises(ModelLoadError, match="no adapter to merge"):
        merge_and_prove(str(tmp_path / "other"), str(tmp_path / "merged"), "builtin/ember")
    with pytest.raises(InvalidConfigError, match="no dtype 'int8'"):
        merge_and_prove(str(adapter), str(tmp_path / "merged"), "builtin/ember", "int8")
    assert not (tmp_path / "merged").exists()


def test_a_model_that_answers_differently_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter = save_adapter(tmp_path / "adapter")
    monkeypatch.setattr(merging, "TOLERANCE", {"float16": 1e-9})
    with pytest.raises(ModelLoadError, match="logits differ"):
        merge_and_prove(str(adapter), str(tmp_path / "merged"), "builtin/ember", "float16")
    assert not (tmp_path / "merged").exists()


def test_an_embedding_that_grew_is_merged_with_its_new_rows(tmp_path: Path) -> None:
    rows = ember_model().get_input_embeddings().weight.shape[0] + 8
    adapter = save_adapter(tmp_path / "adapter", vocabulary=rows)
    done = merge_and_prove(str(adapter), str(tmp_path / "merged"), "builtin/ember")
    assert AutoModelForCausalLM.from_pretrained(str(done.output_dir)).get_input_embeddings().weight.shape[0] == rows
    assert done.difference < 1e-3


def test_tied_weights_stay_tied(tmp_path: Path) -> None:
    adapter = save_adapter(tmp_path / "adapter", modules_to_save=["norm"])
    done = merge_and_prove(str(adapter), str(tmp_path / "merged"), "builtin/ember")
    merged = AutoModelForCausalLM.from_pretrained(str(done.output_dir))
    tied = merged.get_input_embeddings().weight is merged.get_output_embeddings().weight
    assert tied == bool(ember_model().config.tie_word_embeddings)
