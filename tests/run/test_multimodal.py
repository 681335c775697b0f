"""A model that reads images learns from a YAML file what they show, and what is saved is what was trained."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from peft import PeftModel
from PIL import Image
from support import Heard, sections, write_rows
from transformers import AutoModelForImageTextToText, AutoProcessor
from vision import COLOURS, make_vision_model, write_colours

from forgelm.assist.preview import preview_dataset
from forgelm.base.errors import ConfigError, ModelError
from forgelm.base.events import Event
from forgelm.base.files import sha256_file
from forgelm.config.load import load_config
from forgelm.config.root import ForgeConfig
from forgelm.evidence.erasure.impact import PersonsRow, find_digests
from forgelm.evidence.seen_rows import open_seen_rows
from forgelm.model.open import open_model
from forgelm.run.dry_run import check_run
from forgelm.run.result import TrainResult
from forgelm.run.single import run_single
from forgelm.train.memory.fit import check_fit

ROWS = 160
# Knowing that one of four colours comes next, and no more, costs ln 4 for each reply of about five tokens.
BLIND = 0.2


@dataclass(frozen=True)
class Seen:
    root: Path
    config: ForgeConfig
    result: TrainResult
    heard: Heard

    @property
    def final(self) -> Path:
        return self.root / "run" / "final_model"

    def report(self) -> dict[str, Any]:
        return dict(json.loads((self.root / "run" / "compliance" / "compliance_report.json").read_text()))


def configure(root: Path, **changes: Any) -> ForgeConfig:
    if not (root / "rows.jsonl").exists():
        make_vision_model(root / "vlm")
        write_rows(root / "rows.jsonl", write_colours(root, ROWS))
    model = {"name_or_path": str(root / "vlm"), "max_length": 64, "multimodal": {"enabled": True}}
    chosen = sections(root / "rows.jsonl", root / "run", model=model)
    chosen["training"] |= {"num_train_epochs": 8, "eval_steps": 20, "save_steps": 20}
    for name, section in changes.items():
        chosen[name] = None if section is None else {**(chosen.get(name) or {}), **section}
    path = root / "run.yaml"
    path.write_text(yaml.safe_dump(chosen), encoding="utf-8")
    return load_config(str(path))


def run(root: Path, **changes: Any) -> Seen:
    config, heard = configure(root, **changes), Heard()
    return Seen(root, config, run_single(config, listen=heard), heard)


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    return run(
        tmp_path_factory.mktemp("adapter"),
        lora={"r": 16, "alpha": 32, "dropout": 0.0, "target_modules": "all-linear", "modules_to_save": ["lm_head"]},
        evaluation={"auto_revert": True, "max_acceptable_loss": BLIND},
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    return run(tmp_path_factory.mktemp("whole"), lora=None, training={"learning_rate": 3e-3})


def name_colours(model: Any, processor: Any) -> list[str]:
    """Ask for the colour of pictures that no row has."""
    replies = []
    for colour in COLOURS.values():
        messages = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "colour?"}]}]
        text = processor.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        image = Image.new("RGB", (50, 30), tuple(max(0, value - 6) for value in colour))
        inputs = processor(images=[image], text=[text], return_tensors="pt", add_special_tokens=False)
        with torch.no_grad():
            made = model.generate(**inputs, max_new_tokens=8, do_sample=False)
        replies.append(processor.tokenizer.decode(made[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True))
    return replies


def test_an_adapter_learns_to_see_and_passes_its_gates(adapter: Seen) -> None:
    assert adapter.result.verdict == "promoted"
    assert adapter.result.metrics["eval_loss"] < BLIND < adapter.result.metrics["baseline_eval_loss"]
    base = AutoModelForImageTextToText.from_pretrained(str(adapter.root / "vlm"), dtype="float32")
    processor = AutoProcessor.from_pretrained(str(adapter.final))
    assert name_colours(base, processor) != list(COLOURS)
    assert name_colours(PeftModel.from_pretrained(base, str(adapter.final)).eval(), processor) == list(COLOURS)


def test_all_weights_learn_to_see_too_and_the_processor_is_saved(whole: Seen) -> None:
    assert whole.result.metrics["eval_loss"] < BLIND
    assert (whole.final / "processor_config.json").is_file()
    model = AutoModelForImageTextToText.from_pretrained(str(whole.final), dtype="float32").eval()
    assert name_colours(model, AutoProcessor.from_pretrained(str(whole.final))) == list(COLOURS)


def test_what_was_saved_is_loaded_again_and_compared_with_its_images(adapter: Seen, whole: Seen) -> None:
    for seen in (adapter, whole):
        check = seen.heard.fields(Event.SELF_CHECK_COMPLETED)
        assert check["difference"] <= check["limit"]
        assert check["change"] > 0
        assert check["problems"] == []


def test_the_evidence_knows_the_images(adapter: Seen) -> None:
    report = adapter.report()
    assert report["images"]["train"]["images"] + report["images"]["validation"]["images"] == ROWS
    assert report["images"]["train"]["image_tokens"] == 5 * report["images"]["train"]["images"]
    assert report["model_lineage"]["architecture"] == "LlavaForConditionalGeneration"
    assert any("weights that read images" in note for note in report["compute"]["notes"])
    card = (adapter.final / "README.md").read_text()
    assert "AutoModelForImageTextToText, AutoProcessor" in card


def test_a_row_is_found_again_by_its_image(adapter: Seen, tmp_path: Path) -> None:
    (path,) = (adapter.root / "run").rglob("*.jsonl.gz")
    record = open_seen_rows(path)
    known = {row.digest for row in record.rows()}
    rows = [json.loads(line) for line in (adapter.root / "rows.jsonl").read_text().splitlines()[:2]]
    for change in ({}, {"image": rows[1]["image"]}):
        moved = {**rows[0], **change, "image": str(adapter.root / {**rows[0], **change}["image"])}
        found, problem = find_digests(record, [PersonsRow(tmp_path / "elsewhere.jsonl", 1, moved)])
        assert problem is None
        assert (found <= known) is (not change)


def test_a_resumed_training_ends_where_the_whole_one_did(whole: Seen) -> None:
    """Checkpoints hold the weights by the names they have in memory: their makers' names would not be found again."""
    weights = sha256_file(whole.final / "model.safetensors")
    checkpoint = whole.root / "run" / "checkpoint-120"
    again = run_single(whole.config, resume=str(checkpoint))
    assert again.verdict == "promoted"
    assert sha256_file(whole.final / "model.safetensors") == weights


def test_another_image_makes_it_another_training(adapter: Seen) -> None:
    image = adapter.root / "pictures" / "0.png"
    before = image.read_bytes()
    image.write_bytes((adapter.root / "pictures" / "1.png").read_bytes())
    try:
        with pytest.raises(ConfigError, match="training rows"):
            run_single(adapter.config, resume="auto")
    finally:
        image.write_bytes(before)


def test_a_dry_run_and_a_preview_read_the_images(adapter: Seen) -> None:
    report = check_run(adapter.config)
    assert report["train_rows"] + report["validation_rows"] == ROWS
    shown = preview_dataset(adapter.config, rows=1).render_text(colour=False)
    assert "<image><image><image><image><image>colour?<|end|><|assistant|>[[" in shown


@pytest.mark.parametrize(
    ("model", "multimodal", "message"),
    [
        ("vlm", None, "is a model that reads images"),
        ("builtin/ember", {"enabled": True}, "reads no images"),
    ],
)
def test_a_model_and_a_section_that_do_not_fit_are_refused(
    adapter: Seen, tmp_path: Path, model: str, multimodal: Any, message: str
) -> None:
    name = str(adapter.root / model) if model == "vlm" else model
    chosen = {"name_or_path": name, "multimodal": multimodal}
    config = ForgeConfig(**sections(adapter.root / "rows.jsonl", tmp_path / "run", model=chosen))
    with pytest.raises(ModelError, match=message) as caught:
        run_single(config)
    assert "multimodal" in str(caught.value.hint)


def test_what_asks_with_text_alone_says_so(adapter: Seen, whole: Seen) -> None:
    with pytest.raises(ModelError, match="not asked with text alone"):
        open_model(str(whole.final), offline=True, token=None)
    with pytest.raises(ModelError, match="is not estimated"):
        check_fit(adapter.config)
