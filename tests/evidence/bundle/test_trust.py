from pathlib import Path

import pytest

from forgelm.base.errors import ConfigError
from forgelm.evidence.bundle.trust import read_trust
from forgelm.evidence.ec_key import generate_ec_key
from forgelm.evidence.keys import generate_key


def test_each_kind_of_key_finds_its_place(tmp_path: Path) -> None:
    pytest.importorskip("cryptography", reason="needs the extra sign")
    model = generate_ec_key(tmp_path / "model.pem").public
    log = generate_key(tmp_path / "log.pem", "example.org/ci").public
    named = [str(tmp_path / "model.pub"), str(tmp_path / "log.pub")]
    trust = read_trust(named, [], hmac_secret_env="S", environ={"S": "secret"})
    assert (trust.keys, trust.log_keys, trust.hmac_secret) == ((model,), (log,), "secret")
    assert read_trust([log.text], [], hmac_secret_env="S", environ={}).log_keys == (log,)


def test_what_is_no_key_or_no_anchor_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("text")
    for keys, anchors in (([str(tmp_path / "text")], []), (["nothing"], []), ([], [str(tmp_path / "text")])):
        with pytest.raises(ConfigError):
            read_trust(keys, anchors, hmac_secret_env="S", environ={})
