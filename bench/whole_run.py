"""Wall time of a whole ``forgelm`` run, evidence and all, against the shortest TRL script for the same training."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from bench.chats import make_chats, write_chats
from bench.timing import middle, spread, time_in_turn

ROWS, EPOCHS, RUNS = 640, 8, 3

CONFIG = """\
model: {{name_or_path: builtin/ember, max_length: 1024, load_in_4bit: false, offline: true}}
lora: {{r: 8, alpha: 16, dropout: 0.0, target_modules: all-linear}}
training:
  output_dir: "{folder}/run"
  num_train_epochs: {epochs}
  per_device_train_batch_size: 8
  gradient_accumulation_steps: 1
  learning_rate: 1e-3
  report_to: none
data: {{dataset_name_or_path: "{folder}/data"}}
evaluation: {{auto_revert: true}}
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "data").mkdir()
        train = write_chats(folder / "data" / "train.jsonl", make_chats(ROWS, seed=2))
        write_chats(folder / "data" / "validation.jsonl", make_chats(16, seed=3))
        config = folder / "run.yaml"
        config.write_text(CONFIG.format(folder=folder, epochs=EPOCHS))
        times = time_in_turn(
            {
                "forgelm": [sys.executable, "-m", "forgelm", "--config", str(config), "-q"],
                "plain TRL": [sys.executable, "-m", "bench.plain_trl", str(train), str(folder / "trl"), str(EPOCHS)],
            },
            runs=RUNS,
            warm_up=0,
        )
    print(f"\nwhole run: {ROWS} chats, {EPOCHS} epochs, seconds min / median / max of {RUNS} runs in turn")
    for name, taken in times.items():
        print(f"  {name:<10} wall {spread(taken.wall)}   cpu {spread(taken.cpu)}")
    ours, theirs = times["forgelm"], times["plain TRL"]
    wall, cpu = middle(ours.wall) / middle(theirs.wall), middle(ours.cpu) / middle(theirs.cpu)
    print(f"  ratio {wall:.3f} wall, {cpu:.3f} cpu  (target <= 1.05)")
