"""Every training method through the command: the bundled model answers questions it could not answer before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import order_rows, write_rows

from finetune_cli.cli.main import run

ROWS = 320
HELD_OUT = 24
METHODS = [
    ("lora", {"lora": {"r": 32, "lora_alpha": 64, "lora_dropout": 0.0}}),
    ("instruction_tuning", {"lora": {"r": 32, "lora_alpha": 64, "lora_dropout": 0.0}}),
    ("qlora", {"lora": {"r": 32, "lora_alpha": 64, "lora_dropout": 0.0}, "model": {"load_in_4bit": True}}),
    ("full_finetuning", {}),
]
MODULES = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def instructions(rows: list[dict[str, Any]]) -> list[dict[str, str]]:
    chats = [row["messages"] for row in rows]
    return [{"instruction": chat[0]["content"], "input": "", "response": chat[1]["content"]} for chat in chats]


@pytest.mark.slow
@pytest.mark.parametrize(("method", "sections"), METHODS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_method_raises_the_exact_match_of_rows_it_has_not_seen(
    method: str, sections: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if method == "qlora":
        pytest.importorskip("bitsandbytes")
    rows = order_rows(ROWS + HELD_OUT)
    held_out = write_rows(tmp_path / "heldout.jsonl", instructions(rows[ROWS:]))
    config = {
        "model": {"name": "builtin/ember", **sections.get("model", {})},
        "dataset": {"source": "local_file", "path": str(write_rows(tmp_path / "r.jsonl", instructions(rows[:ROWS])))},
        "tokenization": {"max_length": 160},
        "training": {
            "method": method,
            "output_dir": str(tmp_path / "out"),
            "num_epochs": 2,
            "batch_size": 8,
            "gradient_accumulation_steps": 1,
            "learning_rate": 3e-3 if method == "full_finetuning" else 6e-3,
            "save_strategy": "no",
        },
        **({"lora": sections["lora"] | {"target_modules": MODULES}} if "lora" in sections else {}),
    }
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    assert run(["train", "--config", str(path), "--json"]) == 0
    trained = json.loads(capsys.readouterr().out)
    assert trained["success"] and Path(trained["model_path"]).is_dir()
    metrics = "exact_match,rougeL,bleu,perplexity,f1,accuracy"
    asked = ["--dataset", str(held_out), "--metrics", metrics, "--greedy", "--batch-size", "24", "--json"]
    assert run(["benchmark", "builtin/ember", trained["output_dir"], *asked]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["baseline"]["scores"]["exact_match"] == 0
    assert report["finetuned"]["scores"]["exact_match"] >= 0.25
    assert all(better > 0 for better in report["improvements"].values()), report["improvements"]
    assert report["finetuned"]["scores"]["perplexity"] < report["baseline"]["scores"]["perplexity"]
