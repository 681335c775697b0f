"""``PipelineConfig``: every section of one pipeline, checked together, to and from YAML, JSON and plain data."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import yaml

from finetune_cli.core import sections
from finetune_cli.core.exceptions import (
    ConfigurationError,
    IncompatibleConfigError,
    InvalidConfigError,
    MethodNotImplementedError,
    MissingConfigError,
)
from finetune_cli.core.types import ADAPTER_METHODS, SUPPORTED_METHODS, TrainingMethod
from forgelm.base.errors import ConfigError, StorageError
from forgelm.base.files import write_text
from forgelm.config.source import Source, read_source


class PipelineConfig(sections.SectionModel):
    """The whole configuration. It never changes.

    Raises:
        InvalidConfigError: a value is not allowed, or a key is unknown.
        MissingConfigError: a section or field is needed and absent.
        IncompatibleConfigError: values exclude each other.
        MethodNotImplementedError: ``training.method`` is one that is not supported.
    """

    record: ClassVar[type[Any]] = dict

    model: sections.ModelConfigModel
    dataset: sections.DatasetConfigModel
    tokenization: sections.TokenizationConfigModel
    training: sections.TrainingConfigModel
    lora: sections.LoRAConfigModel | None = None
    evaluation: sections.EvaluationConfigModel | None = None

    def check(self) -> None:
        method = self.training.method
        if method not in SUPPORTED_METHODS:
            raise MethodNotImplementedError(method)
        if method in ADAPTER_METHODS and self.lora is None:
            raise MissingConfigError("lora", "PipelineConfig", hint=f"method {method} needs this section")
        quantised = self.model.load_in_4bit or self.model.load_in_8bit
        if method is TrainingMethod.QLORA and not quantised:
            raise IncompatibleConfigError(
                "method qlora trains an adapter on a quantised base",
                ("training.method", "model.load_in_4bit"),
                hint="set model.load_in_4bit: true",
            )
        if method is TrainingMethod.FULL_FINETUNING and quantised:
            raise IncompatibleConfigError(
                "full_finetuning trains the weights themselves, which quantised ones cannot be",
                ("training.method", "model.load_in_4bit"),
                hint="set model.load_in_4bit and load_in_8bit to false, or use qlora",
            )

    def to_config(self) -> dict[str, Any]:
        """Return the frozen record of every section that is there, by its name."""
        found = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: section.to_config() for name, section in found.items() if section is not None}

    def to_dict(self) -> dict[str, Any]:
        """Return every value as plain data, words in place of enum members."""
        return self.model_dump(mode="json")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        if not isinstance(values, Mapping):
            raise InvalidConfigError("a configuration is a mapping of section names to sections")
        return cls(**values)

    @classmethod
    def from_yaml(cls, path: str | os.PathLike[str]) -> Self:
        """Return the configuration in a YAML file; errors name the line."""
        file, text = _read(path)
        try:
            source = read_source(text, file)
        except ConfigError as error:
            raise InvalidConfigError(error.message) from None
        if source.problems:
            raise InvalidConfigError(str(source.problems[0]))
        return cls._from_file(source.data, file, source)

    @classmethod
    def from_json(cls, path: str | os.PathLike[str]) -> Self:
        file, text = _read(path)
        try:
            values = json.loads(text)
        except ValueError as error:
            raise InvalidConfigError(f"{file}: not a JSON document: {error}") from None
        return cls._from_file(values, file, None)

    def to_yaml(self, path: str | os.PathLike[str]) -> None:
        """Write every value, defaults included; folders that are missing are made."""
        _write(path, yaml.safe_dump(self.to_dict(), sort_keys=False, allow_unicode=True))

    def to_json(self, path: str | os.PathLike[str]) -> None:
        _write(path, json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n")

    @classmethod
    def _from_file(cls, values: Any, file: str, source: Source | None) -> Self:
        if not isinstance(values, dict):
            raise InvalidConfigError(f"{file}: {'the file is empty' if values is None else 'holds no sections'}")
        try:
            return cls(**{str(name): value for name, value in values.items()})
        except ConfigurationError as error:
            error.args = (f"{_place(error, file, source)}: {error.message}",)
            error.message = error.args[0]
            raise


def _place(error: ConfigurationError, file: str, source: Source | None) -> str:
    loc = tuple((error.field or "").split(", ")[0].split("."))
    while source is not None and loc:
        spot = source.keys.get(loc)
        if spot is not None:
            return f"{file}:{spot.line}:{spot.column}"
        loc = loc[:-1]
    return file


def _read(path: str | os.PathLike[str]) -> tuple[str, str]:
    file = os.fspath(path)
    try:
        return file, Path(file).read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise InvalidConfigError(f"{file}: there is no such file") from None
    except UnicodeDecodeError:
        raise InvalidConfigError(f"{file}: not UTF-8 text") from None
    except OSError as error:
        raise InvalidConfigError(f"{file}: cannot be read: {error.strerror or error}") from None


def _write(path: str | os.PathLike[str], text: str) -> None:
    try:
        write_text(Path(path), text)
    except StorageError as error:
        raise InvalidConfigError(error.message, hint=error.hint) from None
