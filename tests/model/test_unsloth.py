"""Unsloth is asked for what the configuration says, and refused where it cannot work; a stand-in takes its place."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from merging import EMBER, distance, logits_of, write_adapter
from support import ember_model, order_rows

from forgelm.base.errors import ModelError, OptionalDependencyError
from forgelm.base.extras import is_installed
from forgelm.config.root import ForgeConfig
from forgelm.model.chat_model import Loading, check_loading, load_chat_model
from forgelm.model.hardware import Hardware
from forgelm.model.load import resolve
from forgelm.model.merge.adapter import load_adapter
from forgelm.model.merge.base import Place
from forgelm.model.positions import BASE_CHANGES
from forgelm.model.precision import choose_precision
from forgelm.model.unsloth import check_unsloth, import_unsloth, load_adapted, prepare_backend
from forgelm.run.single import run_single

Make = Callable[..., ForgeConfig]
GPU = Hardware("cuda", bf16=True, fp16=True, gpu_names=("NVIDIA H100",))
CPU = Hardware("cpu", bf16=True, fp16=False)
OPTIONS = {"local_files_only": True, "trust_remote_code": False}
# Parameters by the names that Unsloth 2026.10 has for them; the rest goes to transformers and PEFT, as there.
STAND_IN = """
import peft, transformers

calls = []

class FastLanguageModel:
    @staticmethod
    def from_pretrained(model_name, max_seq_length=2048, dtype=None, load_in_4bit=True, device_map="sequential",
                        rope_scaling=None, fix_tokenizer=True, use_gradient_checkpointing="unsloth",
                        use_exact_model_name=False, random_state=3407, **rest):
        calls.append({**locals()})
        return transformers.AutoModelForCausalLM.from_pretrained(model_name, dtype=dtype, **rest), "its own tokenizer"

    @staticmethod
    def get_peft_model(model, r=16, target_modules=(), lora_alpha=16, lora_dropout=0.0, bias="none",
                       use_gradient_checkpointing="unsloth", random_state=3407, **rest):
        calls.append({name: value for name, value in locals().items() if name != "model"})
        known = dict(r=r, target_modules=target_modules, lora_alpha=lora_alpha, lora_dropout=lora_dropout, bias=bias)
        return peft.get_peft_model(model, peft.LoraConfig(task_type="CAUSAL_LM", **known, **rest))

    @staticmethod
    def for_inference(model):
        calls.append("for_inference")
        return model
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    """Put a package called unsloth on the path."""

    def put(code: str) -> Any:
        place = tmp_path / "site" / "unsloth"
        place.mkdir(parents=True)
        (place / "__init__.py").write_text(code, encoding="utf-8")
        monkeypatch.syspath_prepend(str(place.parent))
        return importlib.import_module("unsloth") if code is STAND_IN else None

    sys.modules.pop("unsloth", None)
    yield put
    sys.modules.pop("unsloth", None)


def adapted(config: ForgeConfig) -> Any:
    precision = choose_precision(config.model, config.training, GPU, full_finetune=False, bitsandbytes=True)
    return load_adapted(config, resolve(config), precision, GPU, OPTIONS)


def test_the_base_and_the_adapter_are_what_was_asked_for(make_config: Make, install: Callable[[str], Any]) -> None:
    library = install(STAND_IN)
    lora = {"r": 4, "alpha": 12, "dropout": 0.25, "method": "rslora", "target_modules": ["q_proj", "up_proj"]}
    lora["modules_to_save"] = ["embed_tokens"]
    model = adapted(make_config(model={"backend": "unsloth"}, lora=lora, training={"seed": 5}))
    base, adapter = library.calls
    wanted = {"model_name": str(EMBER), "max_seq_length": 256, "dtype": torch.bfloat16, "load_in_4bit": False}
    wanted |= {"device_map": {"": 0}, "use_exact_model_name": True, "fix_tokenizer": False, "rope_scaling": None}
    wanted |= {"use_gradient_checkpointing": "unsloth", "random_state": 5}
    assert base.items() >= wanted.items()
    assert base["rest"] == {**OPTIONS, "use_safetensors": True}
    assert adapter.items() >= {"r": 4, "lora_alpha": 12, "lora_dropout": 0.25, "bias": "none"}.items()
    assert adapter.items() >= {"random_state": 5, "use_gradient_checkpointing": "unsloth"}.items()
    assert adapter["rest"] == {"use_rslora": True, "modules_to_save": ["embed_tokens"]}
    trained = {name for name, weight in model.named_parameters() if weight.requires_grad}
    assert all("q_proj" in name or "up_proj" in name or "embed_tokens" in name for name in trained)
    assert distance(logits_of(model.eval()), logits_of(ember_model())) < 0.05  # the base, in bfloat16


def test_what_is_switched_off_is_asked_for_so(make_config: Make, install: Callable[[str], Any]) -> None:
    library = install(STAND_IN)
    model = {"backend": "unsloth", "load_in_4bit": True}
    config = make_config(model=model, training={"gradient_checkpointing": False}, lora={"method": "dora"})
    adapted(config)
    base, adapter = library.calls
    assert (base["load_in_4bit"], base["use_gradient_checkpointing"]) == (True, False)
    assert adapter["target_modules"] == "all-linear"
    assert adapter["rest"] == {"use_dora": True, "modules_to_save": None}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model": {"max_length": 2048}}, "would scale its positions"),
        ({"lora": {"modules_to_save": ["o_proj"]}}, "does not train whole"),
        ({"lora": {"target_modules": ["c_attn"]}}, "no module named 'c_attn'"),
        ({"lora": {"target_modules": ["lm_head"]}}, "output layer"),
    ],
)
def test_what_it_would_do_otherwise_is_refused(
    make_config: Make, install: Callable[[str], Any], changes: dict[str, Any], said: str
) -> None:
    install(STAND_IN)
    changes["model"] = {"backend": "unsloth", **changes.get("model", {})}
    with pytest.raises(ModelError, match=said):
        adapted(make_config(**changes))


@pytest.mark.skipif(is_installed("unsloth"), reason="unsloth is installed")
def test_a_missing_package_names_its_extra(make_config: Make) -> None:
    config = make_config(model={"backend": "unsloth"})
    asks: tuple[Callable[[], Any], ...] = (
        lambda: check_unsloth(config),
        lambda: prepare_backend(config),
        lambda: run_single(config),
        lambda: check_loading(Loading(backend="unsloth")),
    )
    for ask in asks:
        with pytest.raises(OptionalDependencyError, match="needs the package 'unsloth'") as caught:
            ask()
        assert "forgelm[unsloth]" in str(caught.value.hint)
    check_unsloth(make_config())


def test_a_machine_without_a_gpu_is_refused_before_anything_is_loaded(
    make_config: Make, install: Callable[[str], Any]
) -> None:
    install(STAND_IN)
    config = make_config(model={"backend": "unsloth"})
    check_unsloth(config, GPU)
    with pytest.raises(ModelError, match="written for CUDA GPUs, and this machine trains on cpu"):
        check_unsloth(config, CPU)
    with pytest.raises(ModelError, match="--backend unsloth is written for CUDA GPUs"):
        check_loading(Loading(backend="unsloth"), CPU)
    with pytest.raises(ModelError, match="not in 8"):
        check_loading(Loading(backend="unsloth", eight_bit=True), GPU)


def test_several_processes_are_refused(
    make_config: Make, install: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    install(STAND_IN)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("LOCAL_RANK", "0")
    with pytest.raises(ModelError, match="works in one process, and there are 2"):
        check_unsloth(make_config(model={"backend": "unsloth"}), GPU)


def test_a_package_that_does_not_load_says_why(install: Callable[[str], Any]) -> None:
    install("raise NotImplementedError('no accelerator that it knows')")
    with pytest.raises(ModelError, match="unsloth does not load here: no accelerator that it knows"):
        import_unsloth()


def test_a_model_to_talk_to_is_loaded_and_switched_to_inference(install: Callable[[str], Any], tmp_path: Path) -> None:
    library = install(STAND_IN)
    write_adapter(tmp_path / "adapter", target_modules="all-linear")
    place, loading = Place("builtin/ember", None, EMBER), Loading(backend="unsloth")
    chat = order_rows(1)[0]["messages"][:1]
    with_adapter = load_chat_model(place, load_adapter(tmp_path / "adapter"), loading)
    assert library.calls[0]["max_seq_length"] == 1024 and library.calls[-1] == "for_inference"
    plain = load_chat_model(place, load_adapter(tmp_path / "adapter"), Loading())
    said = ["".join(model.stream(chat, temperature=0, max_new_tokens=12)) for model in (with_adapter, plain)]
    assert said[0] == said[1] != ""
    (tmp_path / "adapter" / BASE_CHANGES).write_text('{"sliding_window": 4}')
    with pytest.raises(ModelError, match="see positions otherwise"):
        load_chat_model(place, load_adapter(tmp_path / "adapter"), loading)
