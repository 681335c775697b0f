import json
from pathlib import Path

import pytest
from packing import flip, pack, unpack

from forgelm.evidence.bundle.offline import main
from forgelm.evidence.ec_key import EcKey


def test_it_answers_in_text_and_in_json_with_one_exit_code(
    whole: Path, key: EcKey, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "key.pub").write_text(key.public.pem)
    assert main([str(whole), "--key", str(tmp_path / "key.pub")]) == 0
    assert capsys.readouterr().out.startswith("OK: ")
    members = unpack(whole)
    changed = pack(
        tmp_path / "a.zip", {**members, "run/resolved_config.yaml": flip(members["run/resolved_config.yaml"])}
    )
    assert main([str(changed), "--output-format", "json"]) == 6
    reply = json.loads(capsys.readouterr().out)
    assert (reply["success"], reply["failed"]) == (False, ["contents", "documents"])


def test_what_cannot_be_asked_has_its_own_exit_codes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "no.zip").write_text("no")
    for arguments, code in (
        ([str(tmp_path / "nothing")], 1),
        ([str(tmp_path)], 1),
        ([str(tmp_path / "no.zip")], 6),
        ([str(tmp_path / "no.zip"), "--key", str(tmp_path / "no.zip")], 1),
    ):
        assert main(arguments) == code
        assert capsys.readouterr().out.startswith("FAIL: ")
        assert main([*arguments, "--output-format", "json"]) == code
        assert json.loads(capsys.readouterr().out)["success"] is False
    for arguments, code in ((["--wrong"], 1), ([], 1), (["--help"], 0)):
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        assert stop.value.code == code
