from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from gguf_files import write_small

from forgelm.base.errors import ConfigError
from forgelm.base.files import sha256_file
from forgelm.publish.gguf.verify import verify_gguf


def sidecar(path: Path, content: str) -> None:
    Path(f"{path}.sha256").write_text(content)


def test_a_whole_file_is_valid_with_and_without_a_digest(tmp_path: Path) -> None:
    path = write_small(tmp_path / "m.gguf")
    alone = verify_gguf(str(path))
    assert (alone.valid, alone.reason, alone.failure) == (True, None, None)
    assert alone.checks["sidecar_present"] is False and alone.checks["sidecar_match"] is None
    assert alone.checks["sha256_actual"] == sha256_file(path)
    assert (alone.checks["architecture"], alone.checks["tensor_count"], alone.checks["version"]) == ("llama", 3, 3)
    assert alone.checks["tensor_types"] == {"F16": 2, "F32": 1}
    sidecar(path, f"{sha256_file(path).upper()}  m.gguf\n")
    assert verify_gguf(str(path)).checks["sidecar_match"] is True


def test_one_changed_byte_is_an_integrity_failure(tmp_path: Path) -> None:
    path = write_small(tmp_path / "m.gguf")
    sidecar(path, sha256_file(path))
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    result = verify_gguf(str(path))
    assert (result.valid, result.failure, result.checks["metadata_parsed"]) == (False, "integrity", True)
    assert "SHA-256 is not the one in m.gguf.sha256" in str(result.reason)


def test_a_broken_structure_is_the_makers_or_somebody_elses(tmp_path: Path) -> None:
    path = write_small(tmp_path / "m.gguf")
    path.write_bytes(path.read_bytes()[:200])
    result = verify_gguf(str(path))
    assert (result.valid, result.failure) == (False, "integrity")
    assert result.checks["metadata_error"] in str(result.reason)
    sidecar(path, sha256_file(path))
    assert verify_gguf(str(path)).failure == "input"


@pytest.mark.parametrize("content", ["", "not a digest", "ab" * 31, "g" * 64])
def test_a_digest_that_is_none_is_a_failure(tmp_path: Path, content: str) -> None:
    path = write_small(tmp_path / "m.gguf")
    sidecar(path, content)
    result = verify_gguf(str(path))
    assert (result.valid, result.failure, result.checks["sidecar_present"]) == (False, "input", True)


@pytest.mark.parametrize("content", [b"", b"GGU", b"GGML" + bytes(100), bytes(100)])
def test_what_is_no_gguf_file_says_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(content)
    result = verify_gguf(str(path))
    assert (result.valid, result.failure, result.checks["magic_ok"]) == (False, "input", False)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"types": [1] * 39}, "token_type does not go with the 40 tokens"),
        ({"eos": 40}, "eos_token_id is 40, which is none of the 40 tokens"),
        ({"rows": 39}, "it has 40 tokens, but token_embd.weight has the shape [32, 39]"),
    ],
)
def test_a_tokenizer_that_does_not_fit_is_found(tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    result = verify_gguf(str(write_small(tmp_path / "m.gguf", **changes)))
    assert not result.valid
    assert reason in str(result.reason)
    assert result.checks["tokenizer_ok"] is False


def test_what_is_not_there_or_no_file_is_the_callers_mistake(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(ConfigError):
            verify_gguf(str(path))
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(ConfigError, match="is not a file"):
            verify_gguf(str(tmp_path / "pipe"))
