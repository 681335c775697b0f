"""Each trainer trains the bundled model for real, from a YAML file through the library, learns, and resumes exactly."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import Heard, order_rows, sections, write_rows

from forgelm.base.events import Event
from forgelm.base.files import sha256_file
from forgelm.config.load import load_config
from forgelm.config.root import ForgeConfig
from forgelm.run.result import TrainResult
from forgelm.run.trainer import ForgeTrainer

CHANGES: dict[str, dict[str, Any]] = {
    "dpo": {"dpo_beta": 0.2, "precompute_ref_log_probs": True},
    "simpo": {"simpo_gamma": 0.3},
    "orpo": {"orpo_beta": 1.0, "learning_rate": 3e-3},
    "kto": {"kto_beta": 0.2},
    "grpo": {
        "grpo_rewards": ["length", "format"],
        "grpo_reward_weights": [2, 1],
        "grpo_max_completion_length": 16,
        "per_device_train_batch_size": 8,
        "learning_rate": 3e-3,
    },
}
STEPS = 10


@dataclass(frozen=True)
class Learnt:
    config: ForgeConfig
    result: TrainResult
    heard: Heard
    root: Path

    def compute(self) -> dict[str, Any]:
        report = json.loads((self.root / "compliance" / "compliance_report.json").read_text())
        return dict(report["compute"])


def comparisons(count: int) -> list[dict[str, Any]]:
    """The right reply against another order's."""
    chats = [row["messages"] for row in order_rows(count)]
    others = [chat[-1] for chat in chats[17:] + chats[:17]]
    return [
        {"prompt": chat[:-1], "chosen": chat[-1:], "rejected": [other]}
        for chat, other in zip(chats, others, strict=True)
        if chat[-1] != other
    ]


def train(trainer: str, folder: Path, *, resume: str | None = None, **training: Any) -> Learnt:
    rows = comparisons(60)
    if trainer == "grpo":
        rows = [{"prompt": row["prompt"], "level": 1} for row in rows[:40]]
    data = write_rows(folder / "rows.jsonl", rows)
    changes = {"trainer_type": trainer, "max_steps": STEPS, "save_steps": STEPS // 2, "learning_rate": 1e-3}
    changes |= {"per_device_train_batch_size": 4, **CHANGES[trainer], **training}
    written = sections(data, folder / "run", training=changes, evaluation={"auto_revert": True})
    (folder / "run.yaml").write_text(yaml.safe_dump(written))
    config, heard = load_config(str(folder / "run.yaml")), Heard()
    result = ForgeTrainer(config, listen=heard).train(resume_from_checkpoint=resume)
    return Learnt(config, result, heard, folder / "run")


@pytest.fixture(scope="module", params=CHANGES)
def learnt(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Learnt:
    return train(request.param, tmp_path_factory.mktemp(request.param))


def test_it_learns_and_is_promoted(learnt: Learnt) -> None:
    metrics = learnt.result.metrics
    assert learnt.result.success, learnt.result.error
    if learnt.config.training.trainer_type == "grpo":
        assert metrics["eval_reward"] > metrics["baseline_eval_reward"]
        assert {gate["gate"] for gate in learnt.result.gates} == {"self_check", "reward"}
        assert list(learnt.heard.fields(Event.TRAINING_STARTED)["rewards"]) == ["length", "format"]
        return
    assert metrics["margin"] > metrics["baseline_margin"]
    assert metrics["eval_loss"] < metrics["baseline_eval_loss"]
    if learnt.config.training.trainer_type != "kto":
        assert metrics["accuracy"] >= metrics["baseline_accuracy"]
    assert {gate["gate"] for gate in learnt.result.gates} == {"self_check", "loss"}


def test_the_adapter_alone_is_saved(learnt: Learnt) -> None:
    folder = learnt.root / "final_model"
    assert not (folder / "ref").exists()
    assert not list(learnt.root.glob("checkpoint-*/ref"))
    assert (folder / "adapter_model.safetensors").stat().st_size > 0


def test_every_pass_is_counted(learnt: Learnt) -> None:
    compute = learnt.compute()
    trainer = learnt.config.training.trainer_type
    assert compute["backward_passes"] == compute["steps"] == STEPS
    assert compute["real_tokens"] > 0
    # The reference of dpo is asked once for every row before training, that of kto in every step; grpo draws replies.
    extra = compute["forward_passes"] - compute["backward_passes"]
    assert (extra > 0) is (trainer not in ("simpo", "orpo"))


def test_what_the_data_gave_is_what_the_passes_saw(learnt: Learnt) -> None:
    report = json.loads((learnt.root / "compliance" / "compliance_report.json").read_text())
    consumed = report["data_provenance"]["consumption"]
    assert consumed["exact"] is (learnt.config.training.trainer_type != "grpo")
    if consumed["exact"]:
        assert consumed["tokens_trained"] == learnt.compute()["real_tokens"]
    else:
        assert 0 < consumed["tokens_trained"] < learnt.compute()["real_tokens"]
        assert sum(source["rows_trained"] for source in consumed["sources"]) == 8 * STEPS
    gates = json.loads((learnt.root / "compliance" / "test_report.json").read_text())["gates"]
    assert all(gate["n"] > 0 for gate in gates)


def test_it_goes_on_exactly_where_it_stopped(learnt: Learnt, tmp_path: Path) -> None:
    trainer = learnt.config.training.trainer_type
    checkpoint = learnt.root / f"checkpoint-{STEPS // 2}"
    again = train(trainer, tmp_path, resume=str(checkpoint))
    adapters = [run.root / "final_model" / "adapter_model.safetensors" for run in (learnt, again)]
    assert sha256_file(adapters[0]) == sha256_file(adapters[1])
    assert again.result.metrics == learnt.result.metrics
    whole, resumed = learnt.compute(), again.compute()
    assert (whole["backward_passes"], whole["real_tokens"]) == (resumed["backward_passes"], resumed["real_tokens"])
