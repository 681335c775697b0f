"""Checks a GGUF file: its structure, its tokenizer block, and its bytes against the digest beside it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forgelm.base.errors import ConfigError
from forgelm.base.files import sha256_file
from forgelm.publish.gguf.parse import ArrayShape, GgufError, GgufFile, parse_gguf
from forgelm.publish.gguf.types import MAGIC, STRING

SIDECAR_SUFFIX = ".sha256"
_DIGEST = re.compile(r"[0-9a-fA-F]{64}")
_LONGEST_SIDECAR = 1 << 16
_TOKENS = "tokenizer.ggml.tokens"
_PER_TOKEN = ("tokenizer.ggml.token_type", "tokenizer.ggml.scores")
_IDS = tuple(f"tokenizer.ggml.{name}_token_id" for name in ("bos", "eos", "eot", "unknown", "padding"))


@dataclass(frozen=True)
class VerifyGgufResult:
    """What was found. ``failure`` is ``None``, ``integrity`` (the bytes are not those promised, or nothing vouches for
    a file that cannot be read) or ``input`` (no GGUF file, or no usable digest).

    ``checks`` holds ``magic_ok``, ``metadata_parsed``, ``sidecar_present``, ``sidecar_match``, ``sha256_actual``,
    ``sha256_expected``, and of a file that parses its version, architecture, counts and whether the tokenizer fits.
    """

    valid: bool
    reason: str | None
    checks: dict[str, Any] = field(default_factory=dict)
    failure: str | None = None


def verify_gguf(path: str) -> VerifyGgufResult:
    """Check the header, the metadata, the tensor catalogue and the tokenizer of a GGUF file, and its digest.

    The digest is taken from ``<path>.sha256`` when that exists, as ``sha256sum`` writes it.

    Raises:
        ConfigError: ``path`` is no regular file.
        OSError: it cannot be read.
    """
    file = Path(path)
    if not file.exists():
        raise ConfigError(f"there is no file {file}")
    if not file.is_file():
        raise ConfigError(f"{file} is not a file")
    checks: dict[str, Any] = {"magic_ok": _has_magic(file), "metadata_parsed": False}
    if not checks["magic_ok"]:
        return VerifyGgufResult(False, "not a GGUF file: it does not begin with GGUF", checks, "input")
    problem = _check_structure(file, checks)
    expected, unusable = _read_sidecar(file.with_name(file.name + SIDECAR_SUFFIX))
    actual = sha256_file(file)
    checks |= {
        "sidecar_present": expected is not None or unusable is not None,
        "sidecar_match": None if expected is None else expected == actual,
        "sha256_actual": actual,
        "sha256_expected": expected,
    }
    if expected is not None and expected != actual:
        return VerifyGgufResult(
            False, f"its SHA-256 is not the one in {file.name}{SIDECAR_SUFFIX}", checks, "integrity"
        )
    if problem is not None:
        return VerifyGgufResult(False, problem, checks, "integrity" if expected is None else "input")
    if unusable is not None:
        return VerifyGgufResult(False, unusable, checks, "input")
    return VerifyGgufResult(True, None, checks)


def find_tokenizer_problem(parsed: GgufFile) -> str | None:
    """Return what is wrong with the tokenizer block, ``None`` when it fits the model."""
    metadata = parsed.metadata
    tokens = metadata.get(_TOKENS)
    if "tokenizer.ggml.model" not in metadata:
        return (
            "it has no tokenizer: tokenizer.ggml.model is missing" if tokens is None else "its tokenizer has no model"
        )
    if not isinstance(tokens, ArrayShape) or tokens.kind != STRING or not tokens.length:
        return f"its tokenizer has no {_TOKENS}"
    for key in _PER_TOKEN:
        found = metadata.get(key)
        if found is not None and (not isinstance(found, ArrayShape) or found.length != tokens.length):
            return f"{key} does not go with the {tokens.length} tokens"
    for key in _IDS:
        found = metadata.get(key)
        if found is not None and (type(found) is not int or not 0 <= found < tokens.length):
            return f"{key} is {found!r}, which is none of the {tokens.length} tokens"
    table = next((tensor for tensor in parsed.tensors if tensor.name == "token_embd.weight"), None)
    if table is not None and table.shape[1:] != (tokens.length,):
        return f"it has {tokens.length} tokens, but token_embd.weight has the shape {list(table.shape)}"
    return None


def _check_structure(file: Path, checks: dict[str, Any]) -> str | None:
    try:
        parsed = parse_gguf(file)
    except GgufError as error:
        checks["metadata_error"] = error.message
        return f"its structure is broken: {error.message}"
    architecture = parsed.metadata.get("general.architecture")
    tokenizer = find_tokenizer_problem(parsed)
    checks |= {
        "metadata_parsed": True,
        "version": parsed.version,
        "architecture": architecture if isinstance(architecture, str) else None,
        "metadata_count": len(parsed.metadata),
        "tensor_count": len(parsed.tensors),
        "tensor_types": _count_types(parsed),
        "tokenizer_ok": tokenizer is None,
    }
    if checks["architecture"] is None:
        checks["metadata_error"] = "general.architecture is missing"
        return "it does not say its architecture: general.architecture is missing"
    if not parsed.tensors:
        return "it holds no tensor"
    return tokenizer


def _count_types(parsed: GgufFile) -> dict[str, int]:
    kinds = [tensor.kind for tensor in parsed.tensors]
    return {kind: kinds.count(kind) for kind in sorted(set(kinds))}


def _has_magic(file: Path) -> bool:
    with file.open("rb") as stream:
        return stream.read(4) == MAGIC


def _read_sidecar(path: Path) -> tuple[str | None, str | None]:
    """Return the digest the sidecar names, or why it cannot be used; neither when there is none."""
    if not path.exists() and not path.is_symlink():
        return None, None
    if not path.is_file():
        return None, f"{path.name} is not a file"
    with path.open("rb") as stream:
        words = stream.read(_LONGEST_SIDECAR).decode("utf-8", "replace").split(maxsplit=1)
    if not words or not _DIGEST.fullmatch(words[0]):
        return None, f"{path.name} does not begin with a SHA-256 in hex"
    return words[0].lower(), None
