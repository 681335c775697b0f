"""A run that scales positions or narrows attention: what is saved, merged and served is what was judged."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from families import build_configuration
from merging import EMBER, distance, logits_at, logits_of, write_adapter
from support import ember_tokenizer

from forgelm.base.errors import ModelError
from forgelm.config.root import ForgeConfig
from forgelm.model.chat_model import Loading, load_chat_model
from forgelm.model.finished import load_finished
from forgelm.model.load import load, load_saved
from forgelm.model.merge.adapter import load_adapter
from forgelm.model.merge.base import Place
from forgelm.model.merge.merge import Recipe, Source, write_blend
from forgelm.model.merge.state import open_state
from forgelm.model.open import open_model
from forgelm.model.positions import BASE_CHANGES, change_positions, changed_config, read_base_changes, sees_alike
from forgelm.publish.merging import merge_adapter
from forgelm.run.single import run_single

Make = Callable[..., ForgeConfig]
LINEAR = {"rope_type": "linear", "factor": 4.0}
YARN = {"rope_type": "yarn", "factor": 4.0}


def test_every_way_to_load_an_adapter_gives_the_model_that_was_judged(make_config: Make, tmp_path: Path) -> None:
    config = make_config(training={"max_steps": 2, "per_device_train_batch_size": 2, "rope_scaling": YARN})
    folder = Path(str(run_single(config).final_model_path))
    assert read_base_changes(folder)["rope_parameters"].items() >= YARN.items()
    loaded = load(config)
    judged = logits_of(load_saved(folder, config, loaded))
    other = make_config()
    shutil.copytree(folder, tmp_path / "forgotten")
    (tmp_path / "forgotten" / BASE_CHANGES).unlink()
    plain = logits_of(load_saved(tmp_path / "forgotten", config, loaded))
    assert distance(plain, judged) > 1e-2  # so the saved file, not the run's configuration, says it
    chat = load_chat_model(Place("builtin/ember", None, EMBER), load_adapter(folder), Loading())
    asked = {
        "open": open_model(str(folder), offline=True, token=None).model,
        "finished": load_finished(other, str(folder)).model,
        "chat": chat.model,
        "card": _run_card(folder),
    }
    for name, model in asked.items():
        assert torch.equal(logits_of(model), judged), name
    merge_adapter(folder, tmp_path / "merged", dtype="float32", offline=True)
    assert distance(logits_at(tmp_path / "merged"), judged) < 1e-4
    assert torch.equal(
        logits_of(load_finished(make_config(training={"rope_scaling": LINEAR}), str(tmp_path / "merged")).model),
        logits_at(tmp_path / "merged"),
    )


def _run_card(folder: Path) -> Any:
    card = (folder / "README.md").read_text(encoding="utf-8")
    usage = card.partition("## Usage\n\n```python\n")[2].partition("```")[0]
    found: dict[str, Any] = {}
    exec(usage.replace("PATH_TO_THIS_FOLDER", str(folder)), found)
    return found["model"].float().eval()


def test_a_sliding_window_is_saved_beside_an_adapter(make_config: Make, tmp_path: Path) -> None:
    import transformers as hf

    tokenizer = ember_tokenizer()
    shape = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    base = hf.MistralConfig(vocab_size=len(tokenizer), num_key_value_heads=2, sliding_window=None, **shape)
    hf.MistralForCausalLM(base).save_pretrained(tmp_path / "m")
    tokenizer.save_pretrained(tmp_path / "m")
    config = make_config(
        model={"name_or_path": str(tmp_path / "m")},
        training={"max_steps": 1, "warmup_ratio": 0.0, "sliding_window_attention": 3},
        lora={"target_modules": ["q_proj"]},
    )
    folder = Path(str(run_single(config).final_model_path))
    assert read_base_changes(folder) == {"sliding_window": 3}
    model = open_model(str(folder), offline=True, token=None).model
    near, far = (model(torch.tensor([[first, 5, 6, 7, 8, 9]])).logits[0, -1] for first in (3, 4))
    assert torch.equal(near, far)
    merge_adapter(folder, tmp_path / "merged", offline=True)
    assert json.loads((tmp_path / "merged" / "config.json").read_bytes())["sliding_window"] == 3


@pytest.mark.parametrize("content", ["{", "[]", '{"rope_parameters": 1}', '{"sliding_window": "x"}', '{"dtype": "f"}'])
def test_a_file_beside_an_adapter_that_says_something_else_is_refused(tmp_path: Path, content: str) -> None:
    write_adapter(tmp_path)
    (tmp_path / BASE_CHANGES).write_text(content)
    for ask in (lambda: open_model(str(tmp_path), offline=True, token=None), lambda: merge_adapter(tmp_path, "x")):
        with pytest.raises(ModelError, match=BASE_CHANGES):
            ask()


def test_models_that_see_positions_differently_are_not_blended(tmp_path: Path) -> None:
    scaled = {"rope_parameters": {**LINEAR, "rope_theta": 10000.0}}
    folders = [write_adapter(tmp_path / name) and tmp_path / name for name in ("one", "two")]
    (folders[0] / BASE_CHANGES).write_text(json.dumps(scaled))

    def blend(target: str) -> dict[str, Any]:
        states = [open_state(EMBER, label=folder.name, adapter=load_adapter(folder)) for folder in folders]
        (tmp_path / target).mkdir()
        sources = [Source(state, 1.0, state.label) for state in states]
        write_blend(tmp_path / target, open_state(EMBER), sources, Recipe("linear"))
        return dict(json.loads((tmp_path / target / "config.json").read_bytes()))

    with pytest.raises(ModelError, match="one and two see positions differently"):
        blend("refused")
    (folders[1] / BASE_CHANGES).write_text(json.dumps(scaled))
    assert blend("alike")["rope_parameters"]["factor"] == 4.0


def test_a_configuration_keeps_the_words_it_has_for_positions() -> None:
    changes = {"rope_parameters": {**LINEAR, "rope_theta": 5e5}, "sliding_window": 8}
    old, new = {"rope_theta": 5e5}, {"rope_parameters": {"rope_type": "default", "rope_theta": 5e5}}
    assert changed_config(old, changes) == {"rope_theta": 5e5, "rope_scaling": LINEAR, "sliding_window": 8}
    assert changed_config(new, changes) == changes
    nested = changed_config({"model_type": "x", "text_config": new}, changes)
    assert nested == {"model_type": "x", "text_config": changes}
    assert sees_alike(old, new)
    assert sees_alike(changed_config(old, changes), changed_config(new, changes))
    assert not sees_alike(old, changed_config(old, changes))
    assert sees_alike({"sliding_window": 9, "use_sliding_window": False}, {})


@pytest.mark.parametrize(
    ("family", "training", "said"),
    [
        ("gpt2", {"rope_scaling": LINEAR}, "nothing to scale"),
        ("gemma3", {"rope_scaling": LINEAR}, "by the kind of layer"),
        (
            "llama",
            {"rope_scaling": {"rope_type": "longrope", "short_factor": [1.0], "long_factor": [1.0]}},
            "1 numbers",
        ),
        ("llama", {"sliding_window_attention": 8}, "no sliding-window attention"),
        ("qwen2", {"sliding_window_attention": 8}, "no layer of qwen2 attends within a window"),
    ],
)
def test_what_would_have_no_effect_on_a_model_is_refused(
    make_config: Make, family: str, training: dict[str, Any], said: str
) -> None:
    with pytest.raises(ModelError, match=said):
        change_positions(build_configuration(family), make_config(training=training), family)


@pytest.mark.parametrize("kind", ["linear", "dynamic", "yarn", "longrope"])
def test_each_kind_of_scaling_changes_what_a_model_says(make_config: Make, kind: str) -> None:
    import transformers as hf

    asked = {"type": kind, "factor": 4.0, "short_factor": [1.5] * 8, "long_factor": [2.0] * 8}
    configs = [build_configuration("llama") for _ in range(2)]
    change_positions(configs[1], make_config(training={"rope_scaling": asked}), "llama")
    said = []
    for config in configs:
        torch.manual_seed(0)
        with torch.no_grad():  # beyond max_position_embeddings, which is where dynamic begins
            said.append(hf.AutoModelForCausalLM.from_config(config).eval()(torch.arange(520)[None] % 500).logits)
    assert not torch.allclose(*said, atol=1e-4)
