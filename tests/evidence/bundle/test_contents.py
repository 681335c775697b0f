import json

import pytest

from forgelm.base.errors import IntegrityError
from forgelm.evidence.bundle.contents import find_models, is_weights, parse_contents, render_contents, select_files
from forgelm.evidence.hashing import HashedFile

FILES = [HashedFile("run/b", "b" * 64, 2), HashedFile("README.txt", "a" * 64, 1)]


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)


def test_evidence_goes_along_and_whatever_else_lies_there_does_not(tmp_path):
    evidence = [
        "audit_log.jsonl",
        "audit_log.jsonl.manifest.json",
        "audit_log.jsonl.torn-1",
        "compliance/deep/page.html",
        "compliance/report.json",
        "final_model/README.md",
        "final_model/model.sig",
        "final_model/model_integrity.json",
        "quarantine/fg-1/final_model/model_integrity.json",
        "quarantine/fg-1/verdict.json",
        "resolved_config.yaml",
    ]
    weights = ["final_model/adapter.safetensors", "quarantine/fg-1/final_model/adapter.safetensors"]
    touch(tmp_path, *evidence, *weights)
    touch(tmp_path, ".forgelm.lock", ".forgelm_audit_salt", "my.key", "notes/secret.txt", "checkpoint-20/optimizer.pt")
    touch(tmp_path, "runs/events.out", "superseded/by-fg-1/model_integrity.json", "unsealed/config.json")
    selected = select_files(tmp_path, with_model=False)
    assert (list(selected.files), list(selected.left_out)) == (evidence, weights)
    whole = select_files(tmp_path, with_model=True)
    assert (list(whole.files), whole.left_out) == (sorted(evidence + weights), ())


def test_a_model_inside_a_model_is_part_of_it():
    files = [
        "m/model_integrity.json",
        "m/onnx/model_integrity.json",
        "q/x/m/model_integrity.json",
        "model_integrity.json",
    ]
    assert find_models(files) == ("m", "q/x/m")
    assert is_weights("m/onnx/model_integrity.json", ["m"])
    assert not is_weights("m/README.md", ["m"])
    assert not is_weights("other/x", ["m"])


def test_the_list_reads_as_it_was_written_and_in_no_other_form():
    data = render_contents("fg-1", "1.0", FILES, ["run/m/w"])
    assert data == render_contents("fg-1", "1.0", FILES[::-1], ["run/m/w"])
    contents = parse_contents(data)
    assert (contents.run_id, sorted(contents.files), contents.left_out) == (
        "fg-1",
        ["README.txt", "run/b"],
        frozenset({"run/m/w"}),
    )
    for at in range(0, len(data), 3):
        with pytest.raises(IntegrityError):
            parse_contents(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    escaping = render_contents(None, "1.0", [HashedFile("../x", "a" * 64, 1)], [])
    for wrong in (b"", b"[]", b"[" * 100_000, data + b"\n", json.dumps(json.loads(data)).encode(), escaping):
        with pytest.raises(IntegrityError, match="not as it was written"):
            parse_contents(wrong)
