"""A model's name becomes a place to read from, or one clear line; nothing here asks a hub."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import ember_tokenizer, sections

from forgelm.base.errors import ConfigError, ModelError
from forgelm.config.root import ForgeConfig
from forgelm.model import load
from forgelm.model.revision import _HUB_ID, BUILTIN_MODELS, Revision, resolve_revision

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def resolve(name: str | Path, revision: str | None = None) -> Revision:
    return resolve_revision(str(name), revision=revision, offline=True, token=None)


def model_folder(path: Path, *names: str) -> Path:
    path.mkdir(parents=True)
    for name in names:
        (path / name).write_text("{}")
    return path


@pytest.mark.parametrize("name", BUILTIN_MODELS)
def test_a_bundled_model_is_a_folder_of_the_package(name: str) -> None:
    found = resolve(f"builtin/{name}")
    assert (Path(found.path) / "config.json").is_file()
    assert found.repo_id == f"builtin/{name}"
    assert found.is_local
    assert found.load_options() == {}


@pytest.mark.parametrize(
    ("name", "hint"), [("builtin/embr", "did you mean builtin/ember?"), ("builtin/zzz", "bundled: ember")]
)
def test_an_unknown_bundled_model_gets_a_suggestion(name: str, hint: str) -> None:
    with pytest.raises(ModelError, match="there is no bundled model") as caught:
        resolve(name)
    assert caught.value.hint == hint


def test_a_bundled_name_cannot_lead_out_of_the_package() -> None:
    with pytest.raises(ModelError):
        resolve("builtin/../../config")


def test_a_folder_is_taken_as_it_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model_folder(tmp_path / "mine", "config.json", "adapter_config.json")
    monkeypatch.chdir(tmp_path)
    for name in ("mine", "./mine", str(tmp_path / "mine")):
        found = resolve(name)
        assert (found.repo_id, found.path, found.resolution_source) == (name, str(Path(name)), "local_path")


@pytest.mark.parametrize(
    ("contents", "message", "hint"),
    [
        ((), "has no config.json", ""),
        (("model.safetensors",), "has no config.json", ""),
        (("adapter_config.json",), "holds an adapter", "merge_adapters"),
    ],
)
def test_a_folder_that_is_no_model(contents: tuple[str, ...], message: str, hint: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        resolve(model_folder(tmp_path / "mine", *contents))
    assert str(tmp_path / "mine") in caught.value.message
    assert hint in (caught.value.hint or "")


def test_a_file_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_text("x")
    with pytest.raises(ModelError, match="is a file"):
        resolve(tmp_path / "model.gguf")


@pytest.mark.parametrize(
    "name",
    [
        "/no/such/folder",
        "./missing",
        "../missing",
        "a/b/c",
        "/",
        "org/",
        "/name",
        "org/..",
        "two--dashes",
        "two..dots",
        "org/name.git",
        "-name",
        "name-",
        "name with spaces",
        "naïve",
        "C:\\models\\mine",
        "x" * 97,
        "x" * 5000,
        "org/" + "x" * 97,
        "name\n",
    ],
)
def test_what_is_neither_a_folder_nor_a_hub_id_is_refused(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve(name)
    assert isinstance(caught.value, ModelError)


@settings(max_examples=400, deadline=None, database=None, derandomize=True)
@given(st.from_regex(r"[\w.-]{1,9}(/[\w.-]{1,9})?\n?", fullmatch=True))
def test_a_hub_id_is_what_the_hubs_client_says_it_is(name: str) -> None:
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(name)
    except HFValidationError:
        valid = False
    else:
        valid = True
    assert bool(_HUB_ID.fullmatch(name)) is valid


@pytest.mark.parametrize("name", ["gpt2-of-nobody", "no-such-org/no-such-model", "o/n.1_a-b"])
def test_offline_an_unknown_hub_id_stays_unresolved(name: str) -> None:
    assert resolve(name) == Revision(name, name, None, None, "unresolved")
    branch = resolve(name, "main")
    assert branch.load_options() == {"revision": "main"}
    assert not branch.pinned


def test_a_commit_needs_no_lookup() -> None:
    found = resolve("no-such-org/no-such-model", COMMIT)
    assert (found.revision_resolved, found.resolution_source) == (COMMIT, "pinned_unverified")
    assert found.pinned
    assert found.load_options() == {"revision": COMMIT}


def test_a_local_folder_is_never_called_pinned(tmp_path: Path) -> None:
    found = resolve(model_folder(tmp_path / "mine", "config.json"), COMMIT)
    assert not found.pinned
    assert (found.revision_requested, found.revision_resolved) == (COMMIT, None)
    assert found.load_options() == {}


def in_new_process(code: str, *arguments: str, **environment: str) -> dict[str, Any]:
    """Run ``code``, which prints JSON, where the hub's client has not read its settings yet."""
    command = [sys.executable, "-c", textwrap.dedent(code), *arguments]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "TRANSFORMERS_"))}
    env = {**kept, "NO_PROXY": "*", **environment}
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300, env=env)
    return dict(json.loads(done.stdout))


RESOLVE = """
    import dataclasses, json
    from forgelm import ForgeConfig
    from forgelm.model.load import resolve
    model = {{"name_or_path": "org/cached", "offline": {offline}}}
    found = resolve(ForgeConfig(model=model, lora={{}}, training={{}}, data={{"dataset_name_or_path": "none"}}))
    print(json.dumps(dataclasses.asdict(found)))
"""


@pytest.mark.parametrize(("offline", "switch"), [(True, {}), (False, {"HF_HUB_OFFLINE": "1"})])
def test_offline_the_commit_comes_from_the_cache(offline: bool, switch: dict[str, str], tmp_path: Path) -> None:
    repo = tmp_path / "hub" / "models--org--cached"
    model_folder(repo / "snapshots" / COMMIT, "config.json")
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text(COMMIT)
    found = in_new_process(RESOLVE.format(offline=offline), HF_HOME=str(tmp_path), **switch)
    assert (found["revision_resolved"], found["resolution_source"]) == (COMMIT, "cache")


def test_the_section_says_which_commit_and_where_it_lies(tmp_path: Path) -> None:
    repo, newer = tmp_path / "models--org--cached", "f" * 40
    for commit in (COMMIT, newer):
        model_folder(repo / "snapshots" / commit, "config.json")
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text(newer)
    asked = {"name_or_path": "org/cached", "offline": True}
    for more, commit, source in (
        ({}, None, "unresolved"),
        ({"cache_dir": str(tmp_path)}, newer, "cache"),
        ({"cache_dir": str(tmp_path), "revision": COMMIT}, COMMIT, "pinned_unverified"),
    ):
        config = ForgeConfig(**sections(tmp_path / "none.jsonl", tmp_path / "run", model={**asked, **more}))
        found = load.resolve(config)
        assert (found.revision_resolved, found.resolution_source) == (commit, source)


def test_a_hub_that_cannot_be_reached_leaves_the_commit_unresolved(tmp_path: Path) -> None:
    # Port 9 of this machine refuses the connection; nothing leaves it.
    found = in_new_process(RESOLVE.format(offline=False), HF_HOME=str(tmp_path), HF_ENDPOINT="http://127.0.0.1:9")
    assert (found["revision_resolved"], found["resolution_source"]) == (None, "unresolved")


def write_judge(folder: Path, seed: int) -> None:
    import torch
    from transformers import LlamaConfig, LlamaForSequenceClassification

    torch.manual_seed(seed)
    size = {"vocab_size": 1024, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1}
    labels = {"id2label": {0: "unsafe", 1: "safe"}, "label2id": {"unsafe": 0, "safe": 1}}
    shape = LlamaConfig(**size, num_attention_heads=2, **labels)
    LlamaForSequenceClassification(shape).save_pretrained(folder)
    ember_tokenizer().save_pretrained(folder)


OTHERS = """
    import json, sys
    from forgelm import ForgeConfig
    from forgelm.base.events import emit_nothing
    from forgelm.evaluate.safety.guard import plan_guard
    from forgelm.model.reward import RewardModel
    from forgelm.run.synthetic import LocalTeacher

    config = ForgeConfig(**json.loads(sys.argv[1]))
    unpinned = config.replace("training.grpo_reward_model_revision", None)
    print(json.dumps({
        "guard": plan_guard(config.evaluation.safety, offline=True, token=None).revision.revision_resolved,
        "teacher": LocalTeacher(config.synthetic, config, emit_nothing).identity["revision"],
        "rewards": [RewardModel(each)(prompts=["a"], completions=["b"])[0] for each in (config, unpinned)],
    }))
"""


def test_what_judges_and_teaches_can_be_pinned_as_the_model_can(tmp_path: Path) -> None:
    repo, newer = tmp_path / "hub" / "models--org--judge", "f" * 40
    for seed, commit in enumerate((COMMIT, newer)):
        write_judge(repo / "snapshots" / commit, seed)
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text(newer)
    config = sections(
        tmp_path / "none.jsonl",
        tmp_path / "run",
        training={
            "trainer_type": "grpo",
            "grpo_reward_model": "org/judge",
            "grpo_reward_model_revision": COMMIT,
        },
        evaluation={"safety": {"enabled": True, "classifier": "org/judge", "classifier_revision": COMMIT}},
        synthetic={
            "enabled": True,
            "teacher_backend": "local",
            "teacher_model": "org/judge",
            "teacher_revision": COMMIT,
            "seed_prompts": ["a"],
        },
    )
    found = in_new_process(OTHERS, json.dumps(config), HF_HOME=str(tmp_path), HF_HUB_OFFLINE="1")
    assert (found["guard"], found["teacher"]) == (COMMIT, COMMIT)
    assert found["rewards"][0] != pytest.approx(found["rewards"][1], abs=1e-6)
