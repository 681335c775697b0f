"""The name of a model into a guard that judges answers: how it will be asked, and its weights with their digest."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forgelm.base.errors import ModelError
from forgelm.base.extras import load_extra
from forgelm.base.files import canonical_json, sha256_bytes, sha256_file
from forgelm.config.safety import GuardConfig
from forgelm.evaluate.safety.families import FAMILIES, GuardFamily, find_family
from forgelm.evaluate.safety.labels import LabelScheme, build_scheme
from forgelm.model.hardware import detect_hardware
from forgelm.model.load import loading_errors
from forgelm.model.revision import Revision, resolve_revision

_ASKED, _ANSWERED = "What colour has the quibbleflax?", "It is zorbelgrün, as everybody knows."


@dataclass(frozen=True)
class GuardPlan:
    """A guard whose files were looked at but whose weights were not loaded: what it is, and how it will be asked."""

    section: GuardConfig
    revision: Revision
    family: GuardFamily
    tokenizer: Any = field(repr=False)
    scheme: LabelScheme | None = None
    parts: bool = False
    image_model: bool = False

    @property
    def name(self) -> str:
        return self.section.classifier


@dataclass(frozen=True)
class Guard:
    """A loaded guard."""

    plan: GuardPlan
    model: Any = field(repr=False)
    sha256: str
    seconds_to_load: float

    def as_record(self) -> dict[str, Any]:
        revision = self.plan.revision
        return {
            "classifier": self.plan.name,
            "family": self.plan.family.name,
            "revision_requested": revision.revision_requested,
            "revision_resolved": revision.revision_resolved,
            "resolution_source": revision.resolution_source,
            "pinned": revision.pinned,
            "sha256": self.sha256,
            "seconds_to_load": round(self.seconds_to_load, 3),
        }


def plan_guard(section: GuardConfig, *, offline: bool, token: str | None) -> GuardPlan:
    """Look at a guard's configuration, labels and chat template, and decide how it is asked.

    Raises:
        ModelError: there is no such model, or its files don't say how its verdict is to be read.
    """
    transformers = load_extra("transformers", extra="train")
    name = section.classifier
    with _naming("evaluation.safety.classifier"):
        revision = resolve_revision(name, revision=section.classifier_revision, offline=offline, token=token)
    options = _options(revision, offline=offline, token=token)
    with _naming("evaluation.safety.classifier"), loading_errors(f"the safety classifier {name}"):
        architecture = transformers.AutoConfig.from_pretrained(revision.path, **options)
        tokenizer = transformers.AutoTokenizer.from_pretrained(revision.path, **options)
    _check_padding(tokenizer, name)
    classifies = any("SequenceClassification" in kind for kind in architecture.architectures or ())
    family = _choose_family(section, classifies, tokenizer)
    if family.asked == "labels":
        multi = getattr(architecture, "problem_type", None) == "multi_label_classification"
        scheme = build_scheme(architecture.id2label, multi_label=multi, model=name)
        return GuardPlan(section, revision, family, tokenizer, scheme)
    parts = family.prompt is None and _needs_parts(family, tokenizer, name)
    image = any("ForConditionalGeneration" in kind for kind in architecture.architectures or ())
    return GuardPlan(section, revision, family, tokenizer, parts=parts, image_model=image)


def load_guard(plan: GuardPlan, *, offline: bool, token: str | None) -> Guard:
    """Load a guard's weights and take the digest of its files.

    Raises:
        ModelError: they cannot be loaded.
    """
    torch = load_extra("torch", extra="train")
    transformers = load_extra("transformers", extra="train")
    start = time.monotonic()
    kinds = {"labels": "AutoModelForSequenceClassification"}
    kind = kinds.get(plan.family.asked, "AutoModelForImageTextToText" if plan.image_model else "AutoModelForCausalLM")
    hardware = detect_hardware()
    with _naming("evaluation.safety.classifier"), loading_errors(f"the safety classifier {plan.name}"):
        model = getattr(transformers, kind).from_pretrained(
            plan.revision.path,
            dtype="auto" if hardware.has_gpu else torch.float32,
            device_map={"": 0} if hardware.has_gpu else None,
            use_safetensors=True,
            **_options(plan.revision, offline=offline, token=token),
        )
        digest = digest_files(_folder(plan.revision))
    return Guard(plan, model.eval(), digest, time.monotonic() - start)


def build_chat(family: GuardFamily, prompt: str, answer: str, parts: bool) -> list[dict[str, Any]]:
    turns = [("user", prompt), ("assistant", answer)] + ([("user", family.last_turn)] if family.last_turn else [])
    return [{"role": role, "content": [{"type": "text", "text": text}] if parts else text} for role, text in turns]


def digest_files(folder: Path) -> str:
    """Return one SHA-256 over the names and digests of all files of a model's folder, whatever their order."""
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return sha256_bytes(canonical_json({name: sha256_file(path) for name, path in found.items()}))


def _folder(revision: Revision) -> Path:
    if revision.is_local:
        return Path(revision.path)
    hub = load_extra("huggingface_hub", extra="train")
    wanted = revision.revision_resolved or revision.revision_requested
    cached = hub.try_to_load_from_cache(revision.path, "config.json", revision=wanted)
    if not isinstance(cached, str):
        raise ModelError(f"the files of {revision.repo_id} were loaded but are not in the cache")
    return Path(cached).parent


def _options(revision: Revision, *, offline: bool, token: str | None) -> dict[str, Any]:
    options: dict[str, Any] = {"local_files_only": offline or revision.is_local, **revision.load_options()}
    return options | ({"token": token} if token and not revision.is_local else {})


@contextlib.contextmanager
def _naming(key: str) -> Iterator[None]:
    try:
        yield
    except ModelError as error:
        raise ModelError(f"{key}: {error.message}", hint=error.hint and f"check {key} and {key}_revision") from error


def _check_padding(tokenizer: Any, name: str) -> None:
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    if tokenizer.pad_token_id is None:
        raise ModelError(f"the tokenizer of {name} has neither a pad nor an end-of-sequence token")


def _choose_family(section: GuardConfig, classifies: bool, tokenizer: Any) -> GuardFamily:
    name, mode = section.classifier, section.classifier_mode
    labels = FAMILIES["text_classification"]
    known = None if classifies else find_family(name, tokenizer.chat_template)
    if section.classifier_family != "auto":
        known = FAMILIES[section.classifier_family]
    if mode == "classification" or (mode == "auto" and classifies):
        if not classifies:
            raise ModelError(f"{name} has no classification head", hint="it writes its verdict: use mode generation")
        return labels
    if classifies:
        raise ModelError(f"{name} classifies and generates nothing", hint="use classifier_mode: classification")
    if known is None and mode == "generation":
        return FAMILIES["llama_guard"]
    if known is None or known.asked == "labels":
        families = ", ".join(found.name for found in FAMILIES.values() if found.asked != "labels")
        raise ModelError(
            f"neither the name nor the chat template of {name} tells which family of guards it is of",
            hint=f"set evaluation.safety.classifier_family to one of {families}",
        )
    return known


def _needs_parts(family: GuardFamily, tokenizer: Any, name: str) -> bool:
    """Tell whether the template wants an answer as a list of parts; some show nothing of a plain text.

    Raises:
        ModelError: there is no template, or it shows the guard no answer either way.
    """
    if not tokenizer.chat_template:
        raise ModelError(f"the guard {name} has no chat template, so it cannot be asked the way it was trained")
    jinja = load_extra("jinja2", extra="train")
    question = next(iter(family.questions.values()))
    for parts in (False, True):
        try:
            shown = tokenizer.apply_chat_template(
                build_chat(family, _ASKED, _ANSWERED, parts), tokenize=False, **family.template_options, **question
            )
        except (jinja.TemplateError, TypeError, KeyError, AttributeError):
            continue
        if _ASKED in shown and _ANSWERED in shown:
            return parts
    raise ModelError(f"the chat template of the guard {name} does not show it the request and the answer")
