"""The test report's own signature: it holds for these bytes and this key alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from forgelm.base.errors import ConfigError, IntegrityError
from forgelm.base.files import sha256_bytes
from forgelm.evidence.dsse import STATEMENT_TYPE, build_bundle
from forgelm.evidence.ec_key import EcKey, generate_ec_key
from forgelm.evidence.report_signature import REPORT_TYPE, verify_report_signature
from forgelm.evidence.sign import sign_report

pytest.importorskip("cryptography", reason="needs the extra sign")


@pytest.fixture
def key(tmp_path: Path) -> EcKey:
    return generate_ec_key(tmp_path / "key.pem")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    root = tmp_path / "run"
    (root / "compliance").mkdir(parents=True)
    (root / "compliance" / "test_report.json").write_bytes(b'{"passed": true}')
    return root


def test_a_signed_report_is_told_from_every_other(run: Path, key: EcKey, tmp_path: Path) -> None:
    signed = sign_report(run, key)
    assert signed.path == run / "compliance" / "test_report.json.sig"
    assert signed.sha256 == sha256_bytes(b'{"passed": true}')
    data = signed.path.read_bytes()
    verify_report_signature(data, signed.sha256, key.public)
    with pytest.raises(IntegrityError, match="another report"):
        verify_report_signature(data, sha256_bytes(b'{"passed": false}'), key.public)
    with pytest.raises(IntegrityError, match="does not hold under this key"):
        verify_report_signature(data, signed.sha256, generate_ec_key(tmp_path / "other.pem").public)
    with pytest.raises(ConfigError, match="cannot be used"):
        verify_report_signature(b"{}", signed.sha256, key.public)


@pytest.mark.parametrize(
    "statement",
    [
        {"predicateType": "https://model_signing/signature/v1.0", "subject": [{"digest": {"sha256": "0" * 64}}]},
        {"predicateType": REPORT_TYPE, "subject": []},
        {"predicateType": REPORT_TYPE, "subject": [{"digest": "0" * 64}]},
        {"predicateType": REPORT_TYPE},
    ],
)
def test_a_signature_made_for_something_else_is_none_of_the_report(key: EcKey, statement: dict[str, object]) -> None:
    data = json.dumps(build_bundle({"_type": STATEMENT_TYPE, **statement}, key.public, key.sign)).encode()
    with pytest.raises(IntegrityError, match="another report"):
        verify_report_signature(data, "0" * 64, key.public)


def test_without_a_report_there_is_nothing_to_sign(tmp_path: Path, key: EcKey) -> None:
    with pytest.raises(ConfigError, match="no folder"):
        sign_report(tmp_path / "gone", key)
    with pytest.raises(ConfigError, match="no test report"):
        sign_report(tmp_path, key)
    assert not (tmp_path / "compliance").exists()
