"""A saved model, or an adapter on its base, loaded to talk with: conversations in, text as it is generated out."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from forgelm.base.errors import ForgeError, ModelError
from forgelm.base.extras import is_installed, load_extra
from forgelm.model.hardware import Hardware, detect_hardware
from forgelm.model.load import loading_errors
from forgelm.model.merge.adapter import Adapter
from forgelm.model.merge.base import Place
from forgelm.model.positions import changed_architecture, read_base_changes
from forgelm.model.unsloth import load_to_ask, prepare_to_ask, require_unsloth

_TOP_K, _TOP_P, _REPETITION_PENALTY = 50, 0.9, 1.1
_TOKEN_SECONDS = 60.0


@dataclass(frozen=True)
class Loading:
    """How the weights are loaded, and by what. At most one of the two quantisations."""

    four_bit: bool = False
    eight_bit: bool = False
    trust_remote_code: bool = False
    backend: str = "transformers"


@dataclass(frozen=True)
class ChatModel:
    """A model with its tokenizer. ``context_length`` is how many tokens it reads, prompt and reply together."""

    model: Any
    tokenizer: Any
    context_length: int

    def count_tokens(self, messages: Sequence[dict[str, str]]) -> int:
        """Return how many tokens the model reads before it replies to ``messages``."""
        return len(self._encode(messages))

    def stream(self, messages: Sequence[dict[str, str]], *, temperature: float, max_new_tokens: int) -> Iterator[str]:
        """Yield the reply piece by piece. Temperature 0 takes the likeliest token each time, others draw.

        Raises:
            ForgeError: generation failed, or gave no token for a minute.
        """
        transformers = load_extra("transformers", extra="train")
        torch = load_extra("torch", extra="train")
        ids = torch.tensor([self._encode(messages)], device=self.model.device)
        streamer = transformers.TextIteratorStreamer(
            self.tokenizer, skip_prompt=True, skip_special_tokens=True, timeout=_TOKEN_SECONDS
        )
        stopped, failures = threading.Event(), list[Exception]([ForgeError("it stopped for a reason of its own")])
        options = _sampling(temperature) | {
            "input_ids": ids,
            "attention_mask": torch.ones_like(ids),
            "max_new_tokens": max_new_tokens,
            "pad_token_id": self.tokenizer.pad_token_id,
            "streamer": streamer,
            "stopping_criteria": transformers.StoppingCriteriaList([_until(torch, stopped)]),
        }
        thread = threading.Thread(target=_generate, args=(self.model, options, streamer, failures), daemon=True)
        thread.start()
        try:
            yield from streamer
        except queue.Empty:
            raise ForgeError(f"the model gave no token for {_TOKEN_SECONDS:.0f} seconds") from None
        finally:
            stopped.set()
        thread.join()
        if failures:
            raise ForgeError(f"the model could not reply: {str(failures[0]).splitlines()[0]}") from failures[0]

    def _encode(self, messages: Sequence[dict[str, str]]) -> list[int]:
        if self.tokenizer.chat_template:
            encoded = self.tokenizer.apply_chat_template(list(messages), add_generation_prompt=True, return_dict=True)
            return list(encoded["input_ids"])
        lines = [f"{message['role']}: {message['content']}" for message in messages]
        return list(self.tokenizer("\n".join([*lines, "assistant:"]))["input_ids"])


def load_chat_model(base: Place, adapter: Adapter | None, loading: Loading) -> ChatModel:
    """Load the model in ``base``, with ``adapter`` on it.

    Raises:
        ModelError: it cannot be loaded so on this machine.
    """
    torch = load_extra("torch", extra="train")
    transformers = load_extra("transformers", extra="train")
    hardware = detect_hardware()
    options: dict[str, Any] = {
        "dtype": getattr(torch, _dtype(hardware)),
        "device_map": {"": 0} if hardware.has_gpu else None,
        "use_safetensors": True,
        "local_files_only": True,
        "trust_remote_code": loading.trust_remote_code,
    }
    if loading.four_bit or loading.eight_bit:
        options["quantization_config"] = _quantisation(loading, hardware)
    place = adapter.folder if adapter and (adapter.folder / "tokenizer_config.json").is_file() else base.folder
    with loading_errors(f"the model {base.name}"):
        tokenizer = transformers.AutoTokenizer.from_pretrained(
            str(place), local_files_only=True, trust_remote_code=loading.trust_remote_code
        )
        hub = {name: options[name] for name in ("local_files_only", "trust_remote_code")}
        options |= changed_architecture(str(base.folder), adapter.folder if adapter else None, hub)
        if loading.backend == "unsloth":
            _check_positions(adapter)
            four_bit, dtype = loading.four_bit, _dtype(hardware)
            model = load_to_ask(base.folder, hardware, dtype=dtype, four_bit=four_bit, options=hub)
        else:
            model = transformers.AutoModelForCausalLM.from_pretrained(str(base.folder), **options)
        if adapter is not None:
            model = load_extra("peft", extra="train").PeftModel.from_pretrained(model, str(adapter.folder))
        if loading.backend == "unsloth":
            model = prepare_to_ask(model)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    length = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    return ChatModel(model.eval(), tokenizer, int(length or min(tokenizer.model_max_length, 1 << 20)))


def _generate(model: Any, options: dict[str, Any], streamer: Any, failures: list[Exception]) -> None:
    try:
        model.generate(**options)
        failures.pop()
    except (ArithmeticError, AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError) as error:
        failures[:] = [error]
    finally:
        if failures:
            streamer.end()


def _sampling(temperature: float) -> dict[str, Any]:
    if temperature == 0:
        return {"do_sample": False}
    return {
        "do_sample": True,
        "temperature": temperature,
        "top_k": _TOP_K,
        "top_p": _TOP_P,
        "repetition_penalty": _REPETITION_PENALTY,
    }


def _until(torch: Any, stopped: threading.Event) -> Any:
    def asked(input_ids: Any, scores: Any, **_: Any) -> Any:
        return torch.full((len(input_ids),), stopped.is_set(), device=input_ids.device, dtype=torch.bool)

    return asked


def _dtype(hardware: Hardware) -> str:
    if not hardware.has_gpu:
        return "float32"
    return "bfloat16" if hardware.bf16 else "float16"


def _quantisation(loading: Loading, hardware: Hardware) -> Any:
    if not is_installed("bitsandbytes"):
        raise ModelError("quantised loading needs bitsandbytes", hint="pip install 'forgelm[qlora]'")
    torch = load_extra("torch", extra="train")
    return load_extra("transformers", extra="train").BitsAndBytesConfig(
        load_in_4bit=loading.four_bit,
        load_in_8bit=loading.eight_bit,
        bnb_4bit_compute_dtype=getattr(torch, _dtype(hardware)),
    )


def check_loading(loading: Loading, hardware: Hardware | None = None) -> None:
    """Refuse what cannot be asked for together, or on this machine.

    Raises:
        ModelError: 4 and 8 bits at once; Unsloth with 8 bits or without a GPU.
        OptionalDependencyError: Unsloth is not installed.
    """
    if loading.four_bit and loading.eight_bit:
        raise ModelError("a model is loaded in 4 bits or in 8, not in both")
    if loading.backend == "unsloth":
        if loading.eight_bit:
            raise ModelError("unsloth loads a model in 4 bits or in 16, not in 8", hint="--backend transformers")
        require_unsloth("--backend unsloth", hardware or detect_hardware())


def _check_positions(adapter: Adapter | None) -> None:
    if adapter is not None and read_base_changes(adapter.folder):
        raise ModelError(
            f"{adapter.folder} needs its base to see positions otherwise, which unsloth sets itself",
            hint="--backend transformers",
        )
