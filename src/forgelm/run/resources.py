"""Says what a run used and cost. What this machine cannot know is left out, never guessed."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from forgelm.config.root import ForgeConfig
from forgelm.model.hardware import Hardware
from forgelm.train.loop import Outcome

# US dollars an hour for one GPU, by the exact name CUDA reports; typical on-demand prices.
USD_PER_HOUR = MappingProxyType(
    {
        "Tesla T4": 0.35,
        "Tesla P100-PCIE-16GB": 0.45,
        "Tesla V100-SXM2-16GB": 1.0,
        "Tesla K80": 0.2,
        "NVIDIA A10G": 0.75,
        "NVIDIA A100-SXM4-40GB": 1.5,
        "NVIDIA A100-SXM4-80GB": 2.0,
        "NVIDIA A100 80GB PCIe": 2.0,
        "NVIDIA H100 80GB HBM3": 3.5,
        "NVIDIA H200": 4.5,
        "NVIDIA L4": 0.5,
        "NVIDIA L40S": 1.2,
        "NVIDIA B200": 5.0,
        "NVIDIA GeForce RTX 3090": 0.15,
        "NVIDIA GeForce RTX 4090": 0.2,
    }
)


def measure_resources(config: ForgeConfig, hardware: Hardware, outcome: Outcome) -> dict[str, Any]:
    """Return seconds and throughput, and on a GPU its name, peak memory (GB), hours and cost (USD)."""
    tokens = outcome.train_ledger.tokens
    resources: dict[str, Any] = {
        "device": hardware.device,
        "training_duration_seconds": round(outcome.seconds, 3),
        "tokens_per_epoch": tokens,
        "target_tokens_per_epoch": outcome.train_ledger.target_tokens,
    }
    if not hardware.has_gpu:
        return resources
    gpu_hours = outcome.seconds / 3600 * len(hardware.gpu_names)
    resources |= {
        "gpu_model": hardware.gpu_names[0],
        "gpu_count": len(hardware.gpu_names),
        "peak_vram_gb": outcome.peak_vram_gb,
        "gpu_hours": round(gpu_hours, 4),
    }
    price, source = config.training.gpu_cost_per_hour, "user_config"
    if price is None and len(set(hardware.gpu_names)) == 1:
        price, source = USD_PER_HOUR.get(hardware.gpu_names[0]), "auto_detected"
    if price is not None:
        resources |= {
            "cost_source": source,
            "gpu_cost_per_hour_usd": price,
            "estimated_cost_usd": round(gpu_hours * price, 4),
        }
    return resources
