"""Adapters on the bundled model, made without training: small random factors, saved as PEFT saves them."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from support import ember_model

EMBER = Path(str(files("forgelm.model") / "ember"))


def write_adapter(
    folder: Path, *, seed: int = 0, base: str | None = "builtin/ember", rows: int | None = None, **settings: Any
) -> Any:
    """Save an adapter on the bundled model (its embedding resized to ``rows``) and return the PEFT model."""
    import peft
    import torch

    torch.manual_seed(seed)
    model = ember_model()
    if rows is not None:
        model.resize_token_embeddings(rows, mean_resizing=False)
    chosen = {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "down_proj"], **settings}
    adapted = peft.get_peft_model(model, peft.LoraConfig(task_type="CAUSAL_LM", **chosen))
    for parameter in adapted.parameters():
        if parameter.requires_grad:
            parameter.data += torch.randn_like(parameter) * 0.05
    adapted.save_pretrained(str(folder), save_embedding_layers=True if rows else "auto")
    path = folder / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "base_model_name_or_path": base}))
    return adapted.eval()


def logits_of(model: Any) -> Any:
    import torch

    with torch.no_grad():
        return model(torch.arange(5, 45)[None]).logits


def logits_at(folder: Path) -> Any:
    """Return the logits of a whole model on disk, computed in float32; every weight must have been found there."""
    import torch
    from transformers import AutoModelForCausalLM

    model, told = AutoModelForCausalLM.from_pretrained(str(folder), dtype=torch.float32, output_loading_info=True)
    assert not any(told.values()), told
    return logits_of(model.eval())


def distance(one: Any, other: Any) -> float:
    """Return the relative distance between two sets of logits."""
    return float((one - other).norm() / other.norm())


def write_variant(folder: Path, *, seed: int = 0, size: float = 0.02, dtype: str = "float32", **config: Any) -> Path:
    """Save a whole model like the bundled one but for random changes to every weight (``config`` changes its shape)."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    torch.manual_seed(seed)
    if config:
        model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(str(EMBER), **config))
    else:
        model = ember_model()
        for parameter in model.parameters():
            parameter.data += torch.randn_like(parameter) * size
    model.to(getattr(torch, dtype)).save_pretrained(str(folder))
    AutoTokenizer.from_pretrained(str(EMBER)).save_pretrained(str(folder))
    return folder
