"""Loads the base model, its tokenizer and a fresh adapter as the configuration says, or a saved model as it is."""

from __future__ import annotations

import contextlib
import gc
import importlib.util
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forgelm.base.errors import ModelError
from forgelm.base.extras import load_extra
from forgelm.base.network import hub_token
from forgelm.base.processes import read_place
from forgelm.config.moe import MoeConfig
from forgelm.config.root import ForgeConfig
from forgelm.model.adapters import adapter_method, attach_adapter, check_adapter
from forgelm.model.experts import check_experts, limit_to_experts, shrink_experts
from forgelm.model.hardware import Hardware, detect_hardware
from forgelm.model.parameters import count_parameters
from forgelm.model.positions import change_positions, with_base_changes
from forgelm.model.precision import Precision, choose_precision, recomputes_activations
from forgelm.model.revision import Revision, resolve_revision
from forgelm.model.unsloth import check_unsloth, load_adapted

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoadedModel:
    """A model ready to train or to ask, with what is true about it. ``processor`` is there where it reads images."""

    model: Any
    tokenizer: Any
    revision: Revision
    hardware: Hardware
    precision: Precision
    adapter_method: str
    trainable_parameters: int
    total_parameters: int
    architecture: str
    processor: Any = None

    @property
    def reader(self) -> Any:
        """What turns a row into the model's inputs, and is saved with it: the processor, else the tokenizer."""
        return self.tokenizer if self.processor is None else self.processor

    @property
    def quantization(self) -> str:
        """What the weights really are, in the manifest's words."""
        return "4-bit" if self.precision.four_bit else "none"


def get_model_and_tokenizer(config: ForgeConfig) -> tuple[Any, Any]:
    """Return the configured model (adapter attached) and its tokenizer.

    Raises:
        ModelError: the model cannot be found or loaded as configured.
    """
    loaded = load(config)
    return loaded.model, loaded.tokenizer


def load(config: ForgeConfig) -> LoadedModel:
    """Load base model, tokenizer and adapter; ``LoadedModel.precision.notes`` says where the machine fell short."""
    revision = resolve(config)
    hardware = detect_hardware()
    check_unsloth(config, hardware)
    precision = _precision(config, hardware)
    for note in precision.notes:
        logger.warning(note)
    processor = load_processor(config, revision) if config.model.images is not None else None
    tokenizer = load_tokenizer(config, revision) if processor is None else processor.tokenizer
    load_extra("transformers", extra="train").set_seed(config.training.seed)
    if config.model.backend == "unsloth":
        with loading_errors(f"the model {revision.repo_id}"):
            model = load_adapted(config, revision, precision, hardware, _hub_options(config, revision))
        architecture = type(model.get_base_model()).__name__
    else:
        model = load_base(config, revision, precision, hardware)
        architecture = type(model).__name__
    check_vocabulary(model, tokenizer, revision.repo_id)
    if config.lora is not None and config.model.backend != "unsloth":
        model = attach_adapter(
            model,
            config.lora,
            quantised=precision.four_bit,
            gradient_checkpointing=recomputes_activations(config.training, hardware),
        )
    if config.model.moe is not None:
        _prepare_experts(model, config.model.moe, precision)
    parameters = count_parameters(model)
    return LoadedModel(
        model=model,
        tokenizer=tokenizer,
        revision=revision,
        hardware=hardware,
        precision=precision,
        adapter_method=adapter_method(config.lora),
        trainable_parameters=parameters.trainable,
        total_parameters=parameters.total,
        architecture=architecture,
        processor=processor,
    )


def _prepare_experts(model: Any, moe: MoeConfig, precision: Precision) -> None:
    check_experts(moe, model.config)
    note = shrink_experts(model, moe, dtype=precision.load_dtype, autocast=precision.autocast)
    if note:
        logger.info(note)
    limit_to_experts(model, moe)


def resolve(config: ForgeConfig) -> Revision:
    """Return where ``config.model`` is loaded from, without loading it."""
    return resolve_revision(
        config.model.name_or_path,
        revision=config.model.revision,
        offline=config.model.offline,
        token=_token(config),
        cache_dir=config.model.cache_dir,
    )


def read_architecture(config: ForgeConfig, revision: Revision) -> Any:
    """Return transformers' configuration of ``revision`` with what ``config`` changes in it; no weights are read."""
    return _architecture(config, revision, _hub_options(config, revision))


def plan_load(config: ForgeConfig, revision: Revision) -> Precision:
    """Return how the weights would be loaded, having read the model's configuration but none of its weights.

    Raises:
        ModelError: the model's configuration cannot be read, or the hardware cannot do what was asked.
    """
    with loading_errors(f"the configuration of {revision.repo_id}"):
        _architecture(config, revision, _hub_options(config, revision))
    return _precision(config, detect_hardware())


def check_build(config: ForgeConfig, revision: Revision, precision: Precision) -> None:
    """Look for what ``lora`` and ``model.moe`` name in the model's build, of which no weight is read.

    A model that cannot be built without its weights is looked at when it is loaded.

    Raises:
        ModelError: it has no such module or expert, or is of another kind than the configuration says.
    """
    torch = load_extra("torch", extra="train")
    architecture = read_architecture(config, revision)
    builder = _auto_class(config, architecture, revision)
    if config.model.moe is not None:
        check_experts(config.model.moe, architecture)
    if config.lora is None:
        return
    try:
        with loading_errors(f"the build of {revision.repo_id}"), torch.device("meta"):
            trusted = config.model.trust_remote_code
            model = builder.from_config(architecture, attn_implementation="eager", trust_remote_code=trusted)
    except ModelError as error:
        logger.debug("lora.target_modules is looked at later: %s", error.message)
        return
    check_adapter(model, config.lora, quantised=precision.four_bit)


def load_tokenizer(config: ForgeConfig, revision: Revision) -> Any:
    """Return the tokenizer of ``revision``, able to pad."""
    transformers = load_extra("transformers", extra="train")
    with loading_errors(f"the tokenizer of {revision.repo_id}"):
        tokenizer = transformers.AutoTokenizer.from_pretrained(revision.path, **_hub_options(config, revision))
    return _able_to_pad(tokenizer, revision)


def load_processor(config: ForgeConfig, revision: Revision) -> Any:
    """Return what reads text and images for ``revision``; its ``tokenizer`` is able to pad and has the chat template.

    Raises:
        ModelError: the model has none, or it reads text alone.
    """
    load_extra("PIL.Image", extra="vision")
    transformers = load_extra("transformers", extra="train")
    with loading_errors(f"the processor of {revision.repo_id}"):
        processor = transformers.AutoProcessor.from_pretrained(revision.path, **_hub_options(config, revision))
    if getattr(processor, "image_processor", None) is None or getattr(processor, "tokenizer", None) is None:
        raise ModelError(
            f"{revision.repo_id} has no processor that reads text and images",
            hint="name a vision-language model, or leave model.multimodal out",
        )
    if processor.chat_template:
        processor.tokenizer.chat_template = processor.chat_template
    _able_to_pad(processor.tokenizer, revision)
    return processor


def load_reader(config: ForgeConfig, revision: Revision) -> Any:
    """Return what rows are tokenised with: the processor where they have images, else the tokenizer."""
    return load_tokenizer(config, revision) if config.model.images is None else load_processor(config, revision)


def _able_to_pad(tokenizer: Any, revision: Revision) -> Any:
    if tokenizer.pad_token_id is None:
        # Labels are masked by position, never by id, so sharing the id keeps the end token a target.
        tokenizer.pad_token = tokenizer.eos_token
    if tokenizer.pad_token_id is None:
        raise ModelError(f"the tokenizer of {revision.repo_id} has neither a pad nor an end-of-sequence token")
    return tokenizer


def load_base(config: ForgeConfig, revision: Revision, precision: Precision, hardware: Hardware) -> Any:
    """Return the base model's weights on the device they are trained on."""
    torch = load_extra("torch", extra="train")
    transformers = load_extra("transformers", extra="train")
    options: dict[str, Any] = _hub_options(config, revision)
    with loading_errors(f"the configuration of {revision.repo_id}"):
        options["config"] = _architecture(config, revision, options)
    if config.model.attn_implementation:
        options["attn_implementation"] = config.model.attn_implementation
    if precision.four_bit:
        options["quantization_config"] = transformers.BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_use_double_quant=config.model.bnb_4bit_use_double_quant,
            bnb_4bit_quant_type=config.model.bnb_4bit_quant_type,
            bnb_4bit_compute_dtype=getattr(torch, precision.compute_dtype),
        )
    with loading_errors(f"the model {revision.repo_id}"):
        model = _auto_class(config, options["config"], revision).from_pretrained(
            revision.path,
            dtype=getattr(torch, precision.load_dtype),
            device_map=_device_map(config, hardware),
            use_safetensors=True,
            **options,
        )
    return keep_trainable(model)


def _auto_class(config: ForgeConfig, architecture: Any, revision: Revision) -> Any:
    """Return transformers' class that loads the model, for text or for images and text."""
    transformers = load_extra("transformers", extra="train")
    text, images = transformers.AutoModelForCausalLM, transformers.AutoModelForImageTextToText
    if config.model.images is not None and type(architecture) not in images._model_mapping:
        raise ModelError(
            f"{revision.repo_id} reads no images ({architecture.model_type})",
            hint="name a vision-language model, or leave model.multimodal out",
        )
    kind = type(architecture)
    if config.model.images is None and kind not in text._model_mapping and kind in images._model_mapping:
        raise ModelError(
            f"{revision.repo_id} is a model that reads images ({architecture.model_type})",
            hint="set model.multimodal.enabled: true",
        )
    return text if config.model.images is None else images


def keep_trainable(model: Any) -> Any:
    """Return ``model`` with its 4-bit layers kept from repacking themselves for inference on a CPU.

    bitsandbytes repacks them for good when a model is first asked without gradients. What it uses from then on passes
    no gradient back, so a training after that would learn wrongly, and only a warning would say so.
    """
    for module in model.modules():
        if getattr(module, "support_avx512bf16_for_cpu", False):
            module.support_avx512bf16_for_cpu = False
    return model


def _device_map(config: ForgeConfig, hardware: Hardware) -> dict[str, int] | None:
    """Place the whole model on this process's GPU, unless FSDP is to keep it in the CPU's memory."""
    offloaded = config.distributed is not None and config.distributed.fsdp_offload and not read_place().alone
    return {"": read_place().local} if hardware.has_gpu and not offloaded else None


def check_vocabulary(model: Any, tokenizer: Any, name: str) -> None:
    """Raise ``ModelError`` when the tokenizer can produce ids the embedding has no row for."""
    rows = model.get_input_embeddings().weight.shape[0]
    highest = max(tokenizer.get_vocab().values()) + 1
    if highest > rows:
        raise ModelError(
            f"the tokenizer of {name} has ids up to {highest - 1} but the model's embedding has {rows} rows",
            hint="use the tokenizer the model was trained with, or resize the embedding and save the model first",
        )


def load_saved(folder: Path, config: ForgeConfig, base: LoadedModel) -> Any:
    """Return the model saved in ``folder`` loaded afresh, adapter on its own base when it holds an adapter."""
    peft = load_extra("peft", extra="train")
    if (folder / "adapter_config.json").exists():
        as_saved = with_base_changes(config, folder)
        model = load_base(as_saved, base.revision, base.precision, base.hardware)
        return peft.PeftModel.from_pretrained(model, str(folder)).eval()
    saved = Revision(str(folder), str(folder), None, None, "local_path")
    return load_base(config, saved, base.precision, base.hardware).eval()


def release_memory() -> None:
    """Give back the memory of models nobody holds any more; TRL's trainers are cyclic and wait for the collector."""
    gc.collect()
    torch = load_extra("torch", extra="train")
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _precision(config: ForgeConfig, hardware: Hardware) -> Precision:
    return choose_precision(
        config.model,
        config.training,
        hardware,
        full_finetune=config.lora is None,
        bitsandbytes=importlib.util.find_spec("bitsandbytes") is not None,
    )


def _hub_options(config: ForgeConfig, revision: Revision) -> dict[str, Any]:
    options: dict[str, Any] = {
        "trust_remote_code": config.model.trust_remote_code,
        "local_files_only": config.model.offline or revision.is_local,
        **revision.load_options(),
    }
    if config.model.cache_dir and not revision.is_local:
        options["cache_dir"] = config.model.cache_dir
    if (token := _token(config)) and not revision.is_local:
        options["token"] = token
    return options


def _token(config: ForgeConfig) -> str | None:
    return hub_token(config.auth.hf_token if config.auth else None)


def _architecture(config: ForgeConfig, revision: Revision, hub_options: dict[str, Any]) -> Any:
    transformers = load_extra("transformers", extra="train")
    architecture = transformers.AutoConfig.from_pretrained(revision.path, **hub_options)
    change_positions(architecture, config, revision.repo_id)
    return architecture


@contextlib.contextmanager
def loading_errors(what: str) -> Iterator[None]:
    """Turn whatever the libraries raise while they load ``what`` into a ``ModelError``."""
    safetensors = load_extra("safetensors", extra="train")
    try:
        yield
    except ModelError:
        raise
    except (OSError, ValueError, KeyError, ImportError, RuntimeError, safetensors.SafetensorError) as error:
        first_line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        if "Unrecognized configuration class" in first_line and "AutoModelForCausalLM" in first_line:
            raise ModelError(
                f"{what} is of a kind that is not asked with text alone, such as one that reads images",
                hint="training reads images with model.multimodal; this does not",
            ) from error
        raise ModelError(
            f"{what} could not be loaded: {first_line}",
            hint="check model.name_or_path and model.revision; only safetensors weights are loaded, and with "
            "model.offline everything must be on this machine already",
        ) from error
