"""Turns pydantic's errors into this package's exceptions: the field, what is wrong, and the nearest key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import MappingProxyType

from pydantic import BaseModel, ValidationError

from finetune_cli.core.exceptions import ConfigurationError, InvalidConfigError, MissingConfigError
from forgelm.config.explain import Finding, explain
from forgelm.config.nearest import known_paths, nearest_word

_FAMILIAR = MappingProxyType(
    {
        "epochs": "num_epochs",
        "num_train_epochs": "num_epochs",
        "per_device_train_batch_size": "batch_size",
        "lr": "learning_rate",
        "rank": "r",
        "lora_r": "r",
        "alpha": "lora_alpha",
        "dropout": "lora_dropout",
        "name_or_path": "name",
        "model_name_or_path": "name",
        "dtype": "torch_dtype",
        "dataset_name_or_path": "path",
        "max_seq_length": "max_length",
        "eval_strategy": "evaluation_strategy",
    }
)


def explain_as_ours(error: ValidationError, root: type[BaseModel], section: str) -> tuple[Finding, ...]:
    """Return every finding of a validation of ``root``, paths beginning with the name of its ``section``."""
    prefix = (section,) if section else ()
    kinds = [details["type"] for details in error.errors(include_url=False)]
    findings = explain(error, root, prefix)
    named = zip(findings, kinds, strict=True)
    return tuple(_name_nearest(one, root) if kind == "extra_forbidden" else one for one, kind in named)


def build_error(findings: Sequence[Finding]) -> ConfigurationError:
    """Return the one exception that says all ``findings``: ``MissingConfigError`` where all is that fields lack."""
    first = findings[0]
    place = ":".join(str(part) for part in (first.file, first.line, first.column) if part is not None)
    if all(_is_missing(finding) for finding in findings):
        names = ", ".join(finding.path for finding in findings)
        return MissingConfigError(names, place, hint=first.hint if len(findings) == 1 else None)
    if len(findings) == 1:
        text = ": ".join(part for part in (place, first.path, first.message) if part)
        return InvalidConfigError(text, field=first.path or None, hint=first.hint)
    return InvalidConfigError("; ".join(str(one) for one in findings), field=first.path or None)


def _is_missing(finding: Finding) -> bool:
    return finding.message in ("this key is missing", "this section is missing")


def _name_nearest(finding: Finding, root: type[BaseModel]) -> Finding:
    key = str(finding.loc[-1])
    paths = tuple(known_paths(root))
    names = [path.rpartition(".")[2] for path in paths]
    meant = _FAMILIAR.get(key.lower().replace("-", "_"))
    meant = meant if meant in names else nearest_word(key, names)
    return replace(finding, message="unknown key", hint=f"did you mean '{meant}'?" if meant else None)
