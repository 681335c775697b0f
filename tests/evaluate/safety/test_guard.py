"""From a name to a guard: what is understood, and what is refused before a weight is loaded."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from guards import relabel

from forgelm.base.errors import ModelError
from forgelm.config.safety import GuardConfig
from forgelm.evaluate.safety.guard import GuardPlan, digest_files, load_guard, plan_guard

BY_PARTS = (
    "{% for message in messages %}{% for part in message.content %}{% if part.text is defined %}"
    "<|{{ message.role }}|>{{ part.text }}<|end|>{% endif %}{% endfor %}{% endfor %}<|assistant|>"
)


def plan(folder: Path, **fields: Any) -> GuardPlan:
    section = GuardConfig.model_validate({"classifier": str(folder), **fields})
    return plan_guard(section, offline=True, token=None)


def copy_with(folder: Path, target: Path, *, template: str | None) -> Path:
    shutil.copytree(folder, target)
    (target / "chat_template.jinja").unlink(missing_ok=True)
    if template is not None:
        (target / "chat_template.jinja").write_text(template)
    return target


def test_a_classifier_is_known_by_its_head(classifier: Path) -> None:
    found = plan(classifier)
    assert found.family.name == "text_classification"
    assert found.scheme is not None
    assert found.scheme.safe == (0,)


def test_a_writing_guard_is_known_by_its_mode_family_or_template(writing_guard: Path, tmp_path: Path) -> None:
    assert plan(writing_guard, classifier_mode="generation").family.name == "llama_guard"
    assert plan(writing_guard, classifier_family="qwen3_guard").family.name == "qwen3_guard"
    with pytest.raises(ModelError, match="which family of guards"):
        plan(writing_guard)
    template = "{# BEGIN UNSAFE CONTENT CATEGORIES #}" + (writing_guard / "chat_template.jinja").read_text()
    assert plan(copy_with(writing_guard, tmp_path / "g", template=template)).family.name == "llama_guard"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"classifier_mode": "classification"}, "has no classification head"),
        ({"classifier_family": "text_classification"}, "which family of guards"),
    ],
)
def test_a_writing_guard_is_no_classifier(writing_guard: Path, fields: dict[str, str], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        plan(writing_guard, **fields)


def test_a_classifier_writes_nothing(classifier: Path) -> None:
    with pytest.raises(ModelError, match="generates nothing"):
        plan(classifier, classifier_mode="generation")


def test_placeholder_labels_are_refused(classifier: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="placeholders"):
        plan(relabel(classifier, tmp_path / "c", ("LABEL_0", "LABEL_1")))


def test_a_guard_without_a_template_is_refused(writing_guard: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="has no chat template"):
        plan(copy_with(writing_guard, tmp_path / "g", template=None), classifier_mode="generation")


def test_a_template_that_hides_the_answer_is_refused(writing_guard: Path, tmp_path: Path) -> None:
    folder = copy_with(writing_guard, tmp_path / "g", template="{{ messages[0].content }}<|assistant|>")
    with pytest.raises(ModelError, match="does not show it the request and the answer"):
        plan(folder, classifier_mode="generation")


def test_a_template_that_wants_parts_gets_parts(writing_guard: Path, tmp_path: Path) -> None:
    assert plan(copy_with(writing_guard, tmp_path / "g", template=BY_PARTS), classifier_mode="generation").parts
    assert not plan(writing_guard, classifier_mode="generation").parts


def test_what_is_not_there_is_named_by_its_key(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"evaluation\.safety\.classifier: .*no such folder"):
        plan(tmp_path / "none at all")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError, match=r"evaluation\.safety\.classifier"):
        plan(tmp_path)


def test_broken_weights_are_a_model_error(classifier: Path, tmp_path: Path) -> None:
    shutil.copytree(classifier, tmp_path / "c")
    (tmp_path / "c" / "model.safetensors").write_bytes(b"not weights")
    found = plan(tmp_path / "c")
    with pytest.raises(ModelError, match="could not be loaded"):
        load_guard(found, offline=True, token=None)


def test_a_loaded_guard_tells_its_digest(classifier: Path, tmp_path: Path) -> None:
    record = load_guard(plan(classifier), offline=True, token=None).as_record()
    assert record["sha256"] == digest_files(classifier)
    assert (record["family"], record["resolution_source"], record["pinned"]) == (
        "text_classification",
        "local_path",
        False,
    )
    other = relabel(classifier, tmp_path / "c", ("benign", "unsafe"))
    assert digest_files(other) != record["sha256"]
    assert json.dumps(record)
