"""``SyntheticDataGenerator``: a configuration's section ``synthetic`` to rows, with the teacher it names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from forgelm.audit.pii.find import mask_pii
from forgelm.base.errors import ConfigError, ForgeError
from forgelm.base.events import Emit, Event, emit_nothing
from forgelm.base.files import sha256_file
from forgelm.base.network import private
from forgelm.base.network.replies import Said
from forgelm.base.redact import redact_text
from forgelm.config.root import ForgeConfig
from forgelm.config.stages import refuse_pipeline
from forgelm.config.synthetic import SyntheticConfig
from forgelm.data.fingerprint import fingerprint_folder
from forgelm.data.synthesis.generate import generate_rows, never
from forgelm.data.synthesis.outcome import TOO_LONG, SynthesisResult
from forgelm.data.synthesis.seeds import read_seeds
from forgelm.data.synthesis.teacher import FileTeacher, Request, Teacher, build_api_teacher
from forgelm.evaluate.judge.local import as_other_model
from forgelm.evidence.emit import on_record
from forgelm.model.generate import generate_texts
from forgelm.model.hardware import detect_hardware
from forgelm.model.load import load_base, load_tokenizer, plan_load, resolve
from forgelm.model.sampling import Sampling

_UNLIMITED = 1 << 20
_LONGEST_MESSAGE = 200
# Errors quote prompts and replies.
_UNTOLD = frozenset({"errors"})


class SyntheticDataGenerator:
    """Lets a teacher answer prompts and writes rows to train on, each with a record of where it came from."""

    def __init__(self, config: ForgeConfig) -> None:
        self._config = config

    def generate(self, *, listen: Emit = emit_nothing, stopped: Callable[[], bool] = never) -> SynthesisResult:
        """Ask what was not asked before, and write rows, provenance and replies at ``synthetic.output_file``.

        That, who was asked and what came of it is in the audit log of ``training.output_dir``.

        Raises:
            ConfigError: ``synthetic`` is not enabled, its prompts cannot be read, or the teacher refuses.
            StoppedError: ``stopped`` became true; the same call again pays no reply twice.
            StorageError: something could not be written.
        """
        section = self._config.synthetic
        if section is None or not section.enabled:
            raise ConfigError("synthetic.enabled is not true", hint="--set synthetic.enabled=true")
        refuse_pipeline(self._config, "--generate-data")
        requests = read_seeds(section)
        with private(offline=self._config.model.offline):
            teacher = self._build_teacher(section, listen)
            with on_record(Path(self._config.training.output_dir).absolute()) as emit:
                emit(Event.SYNTHESIS_REQUESTED, **_describe(section, requests, teacher))
                try:
                    result = generate_rows(section, requests, teacher, listen=listen, stopped=stopped)
                except ForgeError as error:
                    said = redact_text(mask_pii(error.message))[:_LONGEST_MESSAGE]
                    emit(Event.SYNTHESIS_FAILED, error_class=type(error).__name__, error_message=said)
                    raise
                emit(Event.SYNTHESIS_COMPLETED, **_summarise(result))
                return result

    def _build_teacher(self, section: SyntheticConfig, listen: Emit) -> Teacher:
        if section.teacher_backend == "file":
            return FileTeacher(section)
        if section.teacher_backend == "local":
            return LocalTeacher(section, self._config, listen)
        if self._config.model.offline:
            raise ConfigError(
                "model.offline forbids all traffic, and teacher_backend api is reached over the network",
                hint="use teacher_backend local or file, or set model.offline: false",
            )
        return build_api_teacher(section)


class LocalTeacher:
    """A teacher in this machine's memory. It is loaded with the first prompt that was not answered before."""

    workers = 1

    def __init__(self, section: SyntheticConfig, config: ForgeConfig, listen: Emit) -> None:
        self._section, self._listen = section, listen
        self._config = as_other_model(section.teacher_model, section.teacher_revision, config)
        self._revision = resolve(self._config)
        # A folder trained anew is another teacher under the same name.
        self._digest = _digest_folder(Path(self._revision.path)) if self._revision.is_local else None
        self._loaded: tuple[Any, Any] | None = None

    @property
    def together(self) -> int:
        return self._section.batch_size

    @property
    def identity(self) -> dict[str, Any]:
        pin = {"sha256": self._digest} if self._digest else {"revision": self._revision.revision_resolved}
        return {
            "backend": "local",
            "model": self._section.teacher_model,
            **pin,
            "seed": self._config.training.seed,
        }

    def stop(self) -> None:
        """Nothing is sent anywhere; the batch that is being answered ends by itself."""

    def ask(self, requests: Sequence[Request], keys: Sequence[str]) -> list[Said]:
        model, tokenizer = self._load()
        prompts = [_encode(tokenizer, request.messages) for request in requests]
        context = getattr(model.config.get_text_config(), "max_position_embeddings", None) or _UNLIMITED
        # What a reply may be follows from its own prompt alone: those that fit as they are stay together.
        rooms = [min(self._section.max_new_tokens, context - len(prompt)) for prompt in prompts]
        said = [Said("", finish=TOO_LONG) for _ in requests]
        for room in sorted({room for room in rooms if room > 0}):
            chosen = [index for index, each in enumerate(rooms) if each == room]
            # A reply's draws follow from its own digest: another batch, or a kill in between, changes none.
            texts = generate_texts(
                model,
                tokenizer,
                [prompts[index] for index in chosen],
                max_new_tokens=room,
                batch_size=self._section.batch_size,
                sampling=Sampling(temperature=self._section.temperature, seed=self._config.training.seed),
                rows=[int(keys[index][:8], 16) for index in chosen],
            )
            for index, text in zip(chosen, texts, strict=True):
                said[index] = Said(text, finish=_finish(tokenizer, text, room))
        return said

    def _load(self) -> tuple[Any, Any]:
        if self._loaded is None:
            self._listen(Event.STAGE, name="loading the teacher")
            precision, hardware = plan_load(self._config, self._revision), detect_hardware()
            tokenizer = load_tokenizer(self._config, self._revision)
            self._loaded = load_base(self._config, self._revision, precision, hardware).eval(), tokenizer
        return self._loaded


def _describe(section: SyntheticConfig, requests: Sequence[Request], teacher: Teacher) -> dict[str, Any]:
    seeds = Path(section.seed_file) if section.seed_file else None
    return {
        "teacher": teacher.identity,
        "prompts": len(requests),
        "seed_file": str(seeds) if seeds else None,
        "seed_sha256": sha256_file(seeds) if seeds else None,
        "output_file": section.output_file,
        "output_format": section.output_format,
    }


def _summarise(result: SynthesisResult) -> dict[str, Any]:
    told = {name: value for name, value in asdict(result).items() if name not in _UNTOLD}
    for name in ("output", "provenance"):
        path = Path(told[f"{name}_file"])
        told[f"{name}_sha256"] = sha256_file(path) if path.is_file() else None
    return {"success": result.success, **told}


def _digest_folder(folder: Path) -> str:
    names = sorted(path.name for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    return str(fingerprint_folder(folder, names, folder.name)["sha256"])


def _encode(tokenizer: Any, messages: list[dict[str, str]]) -> list[int]:
    if tokenizer.chat_template:
        return list(tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=True)["input_ids"])
    return list(tokenizer("\n\n".join(part["content"] for part in messages) + "\n")["input_ids"])


def _finish(tokenizer: Any, text: str, limit: int) -> str:
    # The token that ends a reply is one of the limit's.
    return "length" if len(tokenizer(text, add_special_tokens=False)["input_ids"]) >= limit else "stop"
