"""The templates of ``forgelm quickstart`` as a table: which models suit each kind of task, and which rows it brings."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

EMBEDDED = "builtin/ember"
_OWN_ROWS = "The rows were written for ForgeLM (Apache-2.0); the models are Apache-2.0."


@dataclass(frozen=True)
class Template:
    """A kind of task. ``settings`` go into the section training; ``warning`` is what must be said with its rows."""

    name: str
    title: str
    description: str
    primary_model: str = "Qwen/Qwen2.5-7B-Instruct"
    fallback_model: str = "HuggingFaceTB/SmolLM2-1.7B-Instruct"
    trainer_type: str = "sft"
    estimated_minutes: int = 15
    min_vram_for_primary_gb: float = 10.0
    bundled_dataset: bool = True
    license_note: str = _OWN_ROWS
    settings: str = "  num_train_epochs: 3\n  learning_rate: 2e-4\n"
    warning: str = ""

    @property
    def folder(self) -> str:
        """The name of the folder of its rows, in this package."""
        return self.name.replace("-", "_")

    def as_record(self) -> dict[str, Any]:
        """Return what ``--list`` says about it."""
        return {key: value for key, value in asdict(self).items() if key not in ("settings", "warning")}


ORDERS = Template(
    "orders",
    "A cafe's orders, from plain sentences to one line of JSON",
    "Uses nothing but this package: model, rows and held-out questions; runs on a CPU.",
    primary_model=EMBEDDED,
    fallback_model=EMBEDDED,
    estimated_minutes=1,
    min_vram_for_primary_gb=0.0,
    license_note="Model and rows were made for ForgeLM: Apache-2.0.",
)
_STARTERS = (
    Template(
        "customer-support",
        "A shop's customer service",
        "Learns the tone and the rules of a made-up online shop from 58 bundled conversations.",
    ),
    Template(
        "code-assistant",
        "Small Python tasks",
        "Learns to answer with short, tried Python from 59 bundled tasks.",
        primary_model="Qwen/Qwen2.5-Coder-7B-Instruct",
        fallback_model="Qwen/Qwen2.5-Coder-1.5B-Instruct",
        estimated_minutes=25,
    ),
    Template(
        "domain-expert",
        "A model for your own field",
        "Fine-tunes an assistant on your own conversations or questions; give them with --dataset.",
        estimated_minutes=20,
        bundled_dataset=False,
        license_note="No data is included; the models are Apache-2.0.",
    ),
    Template(
        "medical-qa-tr",
        "Health questions in Turkish, answered with care",
        "Learns to inform without diagnosing from 72 bundled questions, 12 more to validate with. Not medical advice.",
        fallback_model="Qwen/Qwen2.5-1.5B-Instruct",
        warning="Not medical advice: general information that no health professional has checked, to show a training",
    ),
    Template(
        "grpo-math",
        "Sums in words, learnt from rewards",
        "Draws answers to 40 bundled sums and rewards those that are right and end as asked.",
        primary_model="Qwen/Qwen2.5-Math-7B-Instruct",
        fallback_model="Qwen/Qwen2.5-Math-1.5B-Instruct",
        trainer_type="grpo",
        estimated_minutes=45,
        min_vram_for_primary_gb=12.0,
        license_note="The rows were generated for ForgeLM (Apache-2.0); the models are Apache-2.0.",
        settings=(
            "  num_train_epochs: 1\n  learning_rate: 1e-5\n  grpo_num_generations: 4\n"
            "  grpo_max_completion_length: 256\n"
            "  grpo_rewards: [correctness, format, length]\n  grpo_reward_weights: [1.0, 0.5, 0.1]\n"
        ),
    ),
)
STARTERS = MappingProxyType({template.name: template for template in _STARTERS})
TEMPLATES = MappingProxyType({ORDERS.name: ORDERS, **STARTERS})
