"""The file each server is started with; a table of servers. Pure: a model's facts and wishes in, text out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import yaml

from forgelm.base.errors import ConfigError
from forgelm.publish.deploy.model import Served
from forgelm.publish.deploy.turns import Turns, all_texts, find_turns

Vendor = Literal["aws", "azure", "gcp"]
USUAL_LENGTH = 4096
TGI_IMAGE = "ghcr.io/huggingface/text-generation-inference:3.3.5"
# Region and instance that each vendor has, with one GPU of 24 GB or the nearest to it.
_CLOUDS = MappingProxyType(
    {
        "aws": ("us-east-1", "nvidia-a10g", "x1"),
        "azure": ("eastus", "nvidia-a100", "x1"),
        "gcp": ("us-east4", "nvidia-l4", "x1"),
    }
)


@dataclass(frozen=True)
class Wishes:
    """What the user asked for. ``max_length`` is the context length in tokens; ``write_deployment`` settles it."""

    max_length: int | None = None
    system: str | None = None
    gpu_memory_utilization: float = 0.90
    port: int = 8080
    trust_remote_code: bool = False
    vendor: Vendor = "aws"


@dataclass(frozen=True)
class Target:
    """A server: the file it reads, whether the model must be a folder here, and how the file is made.

    ``render`` returns the text and notes about what it could not say; ``reads`` are the wishes it has a place for.
    """

    file_name: str
    needs_folder: bool
    render: Callable[[Served, Wishes], tuple[str, tuple[str, ...]]]
    start: str
    reads: frozenset[str]


def _render_ollama(model: Served, wishes: Wishes) -> tuple[str, tuple[str, ...]]:
    lines = [f"FROM {model.place}", ""]
    notes: tuple[str, ...] = ()
    if model.template is not None:
        turns = find_turns(model.template, {**model.special_tokens, "bos_token": ""})
        if turns is None or any('"""' in text for text in all_texts(turns)):
            notes = ("the chat template does more than Ollama's form can say: Ollama will look for one it knows",)
        else:
            lines += [f'TEMPLATE """{_go_template(turns)}"""', ""]
    settings = [("temperature", "0.7"), ("top_k", "50"), ("top_p", "0.9"), ("num_ctx", str(_length(wishes)))]
    stops = {text: _quote(text) for text in model.stop}
    settings += [("stop", quoted) for quoted in stops.values() if quoted is not None]
    notes += tuple(f"a Modelfile cannot say the end {text!r}: it was left out" for text in stops if not stops[text])
    lines += [f"PARAMETER {name} {value}" for name, value in settings]
    if wishes.system is not None:
        if '"""' in wishes.system:
            raise ConfigError('the system prompt holds """, which ends it in a Modelfile')
        lines += ["", f'SYSTEM """{wishes.system}"""']
    return "\n".join(lines) + "\n", notes


def _go_template(turns: Turns) -> str:
    """Return the turns as a Go template over ``.Messages``; its own braces inside texts become string constants."""
    first, *others = "system", "user", "assistant"
    branches = [f'{{{{ if eq .Role "{first}" }}}}{_turn(turns, first)}']
    branches += [f'{{{{ else if eq .Role "{role}" }}}}{_turn(turns, role)}' for role in others]
    return f"{{{{ range .Messages }}}}{''.join(branches)}{{{{ end }}}}{{{{ end }}}}{_constant(turns.reply)}"


def _turn(turns: Turns, role: str) -> str:
    before, after = turns.around[role]
    return f"{_constant(before)}{{{{ .Content }}}}{_constant(after)}"


def _constant(text: str) -> str:
    return f"{{{{ {json.dumps(text)} }}}}" if "{{" in text or "}}" in text else text


def _quote(text: str) -> str | None:
    """Return ``text`` between the marks of a Modelfile, where nothing is escaped; ``None`` if none can hold it."""
    if '"' not in text:
        return f'"{text}"'
    return f'"""{text}"""' if '"""' not in text else None


def _render_vllm(model: Served, wishes: Wishes) -> tuple[str, tuple[str, ...]]:
    settings: dict[str, Any] = {
        "model": model.place,
        "served_model_name": model.name,
        "max_model_len": _length(wishes),
        "gpu_memory_utilization": wishes.gpu_memory_utilization,
        "dtype": model.dtype,
        "trust_remote_code": wishes.trust_remote_code,
        "port": wishes.port,
        **({"chat_template": model.template_file} if model.template_file else {}),
    }
    return _yaml("Start it with: vllm serve --config vllm_config.yaml", settings), ()


def _render_sglang(model: Served, wishes: Wishes) -> tuple[str, tuple[str, ...]]:
    settings: dict[str, Any] = {
        "model-path": model.place,
        "served-model-name": model.name,
        "context-length": _length(wishes),
        "mem-fraction-static": wishes.gpu_memory_utilization,
        "dtype": model.dtype,
        "trust-remote-code": wishes.trust_remote_code,
        "port": wishes.port,
        **({"chat-template": model.template_file} if model.template_file else {}),
    }
    return _yaml("Start it with: python -m sglang.launch_server --config sglang_config.yaml", settings), ()


def _render_tgi(model: Served, wishes: Wishes) -> tuple[str, tuple[str, ...]]:
    command = ["--model-id", "/data", "--max-input-length", str(_length(wishes))]
    command += ["--max-total-tokens", str(_length(wishes) + 512), "--dtype", _half(model.dtype)]
    command += ["--trust-remote-code"] if wishes.trust_remote_code else []
    gpu = {"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}
    service = {
        "image": TGI_IMAGE,
        "command": command,
        "ports": [f"{wishes.port}:80"],
        "volumes": [f"{model.place}:/data:ro"],
        "shm_size": "1g",
        "environment": {"HF_HUB_OFFLINE": "1"},
        "deploy": {"resources": {"reservations": {"devices": [gpu]}}},
    }
    return _yaml("Start it with: docker compose up", {"services": {"tgi": service}}), ()


def _render_endpoint(model: Served, wishes: Wishes) -> tuple[str, tuple[str, ...]]:
    region, instance, size = _CLOUDS[wishes.vendor]
    notes = ("an endpoint reads its model from the hub: upload the folder and put its id under model.repository",)
    cloud = {"vendor": wishes.vendor, "region": region}
    content = {
        "name": _dns_name(model.name),
        "type": "authenticated",
        "model": {
            "repository": model.place if not model.is_local else model.name,
            "framework": "pytorch",
            "task": "text-generation",
            "image": {
                "tgi": {
                    "url": TGI_IMAGE,
                    "maxInputLength": _length(wishes),
                    "maxTotalTokens": _length(wishes) + 512,
                }
            },
        },
        "compute": {
            "accelerator": "gpu",
            "instanceSize": size,
            "instanceType": instance,
            "scaling": {"minReplica": 0, "maxReplica": 1},
        },
        "provider": cloud,
        "cloud": cloud,
    }
    return json.dumps(content, indent=2) + "\n", notes if model.is_local else ()


def _render_kserve(model: Served, wishes: Wishes) -> tuple[str, tuple[str, ...]]:
    arguments = [f"--model_name={_dns_name(model.name)}", f"--max_model_len={_length(wishes)}"]
    arguments += [f"--dtype={model.dtype}", f"--gpu_memory_utilization={wishes.gpu_memory_utilization}"]
    arguments += ["--trust_remote_code"] if wishes.trust_remote_code else []
    gpu = {"nvidia.com/gpu": "1"}
    content = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": _dns_name(model.name)},
        "spec": {
            "predictor": {
                "model": {
                    "modelFormat": {"name": "huggingface"},
                    "args": arguments,
                    "storageUri": f"hf://{model.place}" if not model.is_local else f"pvc://models/{model.name}",
                    "resources": {"limits": gpu, "requests": gpu},
                }
            }
        },
    }
    notes = ("storageUri: copy the folder to the volume claim 'models', or name where it is",) if model.is_local else ()
    return _yaml("Start it with: kubectl apply -f inference_service.yaml", content), notes


_SYSTEM = frozenset({"max_length", "system"})
_CONTAINER = frozenset({"max_length", "port", "trust_remote_code"})
_CLUSTER = frozenset({"max_length", "gpu_memory_utilization", "trust_remote_code"})
_GPU = _CONTAINER | _CLUSTER
_CLOUD = frozenset({"max_length", "vendor"})
TARGETS = MappingProxyType(
    {
        "ollama": Target("Modelfile", True, _render_ollama, "ollama create NAME -f {file}", _SYSTEM),
        "vllm": Target("vllm_config.yaml", False, _render_vllm, "vllm serve --config {file}", _GPU),
        "tgi": Target("docker-compose.yaml", True, _render_tgi, "docker compose -f {file} up", _CONTAINER),
        "hf-endpoints": Target("hf_endpoint.json", False, _render_endpoint, "create the endpoint from {file}", _CLOUD),
        "sglang": Target(
            "sglang_config.yaml", False, _render_sglang, "python -m sglang.launch_server --config {file}", _GPU
        ),
        "kserve": Target("inference_service.yaml", False, _render_kserve, "kubectl apply -f {file}", _CLUSTER),
    }
)


def _length(wishes: Wishes) -> int:
    return wishes.max_length or USUAL_LENGTH


def _yaml(comment: str, content: Any) -> str:
    return f"# {comment}\n{yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=1000)}"


def _half(dtype: str) -> str:
    return dtype if dtype in ("float16", "bfloat16") else "bfloat16"


def _dns_name(name: str) -> str:
    """Return ``name`` as clusters and endpoints allow it: a letter, then small letters, digits, dashes; at most 32."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return (plain if plain[:1].isalpha() else f"model-{plain}")[:32].strip("-")
