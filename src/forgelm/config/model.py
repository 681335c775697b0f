"""The sections ``model`` and ``lora``: which weights are loaded, how, and which of them learn."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from forgelm.config.moe import MoeConfig
from forgelm.config.multimodal import MultimodalConfig
from forgelm.config.section import Place, Revision, Section, refuse, warn_deprecated

ALL_LINEAR, AUTO = "all-linear", "auto"


class ModelConfig(Section):
    """The base model and how its weights are loaded."""

    name_or_path: Place = Field(description="Hub repository id, local folder, or 'builtin/ember' of the base model.")
    max_length: int = Field(2048, gt=0, description="Longest sequence in tokens; longer rows are cut and counted.")
    load_in_4bit: bool = Field(
        True, description="Load the base weights in 4 bits (QLoRA); becomes false with 'lora: null'."
    )
    backend: Literal["transformers", "unsloth"] = Field(
        "transformers", description="Library that loads and trains the model; unsloth needs a CUDA GPU."
    )
    trust_remote_code: bool = Field(False, description="Run Python code shipped in the model repository while loading.")
    dtype: Literal["auto", "float32", "float16", "bfloat16"] = Field(
        "auto", description="Number type the weights are loaded in; auto takes what is trained in on the hardware."
    )
    offline: bool = Field(False, description="Forbid every request to the hub; only local files are used.")
    cache_dir: Place | None = Field(
        None, description="Folder that models from the hub are kept in; null takes the hub's own cache."
    )
    revision: Revision | None = Field(
        None, description="Commit, tag or branch that model and tokenizer are pinned to; a 40-digit commit never moves."
    )
    moe: MoeConfig | None = Field(None, description="Options for mixtures of experts.")
    multimodal: MultimodalConfig | None = Field(None, description="Options for models that read images.")
    bnb_4bit_use_double_quant: bool = Field(True, description="Quantise the quantisation constants too, saving memory.")
    bnb_4bit_quant_type: Literal["nf4", "fp4"] = Field("nf4", description="Data type of the 4-bit weights.")
    bnb_4bit_compute_dtype: Literal["auto", "bfloat16", "bf16", "float16", "fp16", "float32", "fp32"] = Field(
        "auto",
        description="Type used in matrix products over 4-bit weights; auto takes bfloat16 where it is supported.",
    )
    attn_implementation: Place | None = Field(
        None,
        description="Attention code of transformers, such as eager, sdpa or flash_attention_2; null lets it choose.",
    )

    @property
    def images(self) -> MultimodalConfig | None:
        """How images are read, ``None`` where they are not."""
        return self.multimodal if self.multimodal is not None and self.multimodal.enabled else None


def _check_target_modules(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return _check_names(value)
    if value in (ALL_LINEAR, AUTO):
        return value
    raise ValueError(f"must be a list of module names, or the word {ALL_LINEAR} or {AUTO}")


def _check_names(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        if not value:
            raise ValueError("must name at least one module")
        if not all(isinstance(name, str) and name.strip() for name in value):
            raise ValueError("every module name must be text")
        return list(value)
    return value


Targets = Annotated[list[str] | Literal["all-linear", "auto"], BeforeValidator(_check_target_modules)]


class LoraConfig(Section):
    """The adapter: which modules get one, of what kind and size."""

    r: int = Field(8, ge=1, description="Rank of the adapter: higher learns more and costs more.")
    alpha: int = Field(16, ge=1, description="Scale of the adapter's effect, relative to its rank.")
    dropout: float = Field(0.1, ge=0, le=1, description="Share of adapter inputs dropped at random while training.")
    bias: Literal["none", "all", "lora_only"] = Field("none", description="Which bias terms are trained.")
    method: Literal["lora", "dora", "pissa", "rslora"] = Field("lora", description="Kind of adapter.")
    use_dora: bool = Field(
        False,
        exclude=True,
        description="Deprecated: write 'method: dora'.",
        json_schema_extra={"deprecated": True},
    )
    use_rslora: bool = Field(
        False,
        exclude=True,
        description="Deprecated: write 'method: rslora'.",
        json_schema_extra={"deprecated": True},
    )
    target_modules: Targets = Field(
        default_factory=lambda: ["q_proj", "v_proj"],
        description="Modules that get an adapter; all-linear for all but the head, auto for the usual of this model.",
    )
    modules_to_save: Annotated[list[str] | None, BeforeValidator(_check_names)] = Field(
        None, description="Modules that are trained in full and saved beside the adapter, such as embed_tokens."
    )
    task_type: Literal["CAUSAL_LM"] = Field("CAUSAL_LM", description="Task label handed to PEFT.")

    @model_validator(mode="after")
    def _forward_deprecated_flags(self) -> Self:
        """Let ``use_dora`` and ``use_rslora`` choose the method they stand for."""
        if self.use_dora and self.use_rslora:
            raise refuse("use_rslora", "use_dora and use_rslora cannot both be true", "choose one with lora.method")
        for flag, method in (("use_dora", "dora"), ("use_rslora", "rslora")):
            if flag not in self.model_fields_set:
                continue
            warn_deprecated(f"lora.{flag}", f"lora.method: {method}")
            if not getattr(self, flag):
                continue
            if self.method not in ("lora", method):
                raise refuse(flag, f"contradicts lora.method: {self.method}", f"remove {flag}")
            self._settle("method", method)
        return self
