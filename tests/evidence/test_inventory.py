import hashlib
import json
import os

import pytest

from forgelm.base.errors import ConfigError
from forgelm.evidence.inventory import verify_integrity, write_integrity_manifest


@pytest.fixture
def model(tmp_path):
    root = tmp_path / "final_model.staging.fg-1"
    (root / "onnx").mkdir(parents=True)
    (root / "model.safetensors").write_bytes(b"w" * 3_000_000)
    (root / "config.json").write_text("{}")
    (root / "empty").write_bytes(b"")
    (root / "onnx" / "model_integrity.json").write_text("only the one at the top is the manifest")
    (root / ".hidden").write_text("x")
    return root


def differences(root):
    result = verify_integrity(str(root))
    assert result.valid is not bool(result.changed or result.removed or result.added)
    assert bool(result.reason) is not result.valid
    return result.changed, result.removed, result.added


def test_the_manifest_lists_every_file_but_itself(model):
    path = write_integrity_manifest(model)
    assert path == model / "model_integrity.json"
    content = json.loads(path.read_text())
    assert list(content) == ["verified_at", "model_path", "artifacts", "skipped_symlinks"]
    files = [artifact["file"] for artifact in content["artifacts"]]
    assert files == [".hidden", "config.json", "empty", "model.safetensors", "onnx/model_integrity.json"]
    weights = content["artifacts"][3]
    assert weights == {
        "file": "model.safetensors",
        "sha256": hashlib.sha256(b"w" * 3_000_000).hexdigest(),
        "size_bytes": 3_000_000,
    }
    result = verify_integrity(str(model))
    assert (result.valid, result.reason, result.verified_count) == (True, None, 5)


def test_it_holds_when_the_folder_is_promoted_and_can_be_written_again(model):
    write_integrity_manifest(model)
    final = model.rename(model.with_name("final_model"))
    assert json.loads((final / "model_integrity.json").read_text())["model_path"] == "."
    assert verify_integrity(str(final)).valid
    write_integrity_manifest(final, model_path="final_model")
    assert json.loads((final / "model_integrity.json").read_text())["model_path"] == "final_model"
    assert verify_integrity(str(final)).verified_count == 5


def test_each_difference_is_named(model):
    write_integrity_manifest(model)
    (model / "config.json").write_text("[]")
    (model / "empty").unlink()
    (model / "onnx" / "new.bin").write_bytes(b"")
    (model / "README.md").write_text("card")
    assert differences(model) == (("config.json",), ("empty",), ("README.md", "onnx/new.bin"))
    assert verify_integrity(str(model)).verified_count == 3


def test_one_changed_bit_of_the_same_size_is_found(model):
    write_integrity_manifest(model)
    with (model / "model.safetensors").open("r+b") as stream:
        stream.seek(2_999_999)
        stream.write(b"v")
    assert differences(model) == (("model.safetensors",), (), ())


def test_links_out_of_the_folder_are_not_taken_for_its_files(model, tmp_path):
    outside = tmp_path / "outside.bin"
    outside.write_bytes(b"x")
    (model / "inside").symlink_to("config.json")
    (model / "out").symlink_to(outside)
    (model / "folder").symlink_to(tmp_path)
    (model / "broken").symlink_to("nowhere")
    content = json.loads(write_integrity_manifest(model).read_text())
    assert content["skipped_symlinks"] == ["broken", "folder", "out"]
    assert "inside" in [artifact["file"] for artifact in content["artifacts"]]
    result = verify_integrity(str(model))
    assert (result.valid, result.verified_count) == (True, 6)
    assert "not covered" in result.reason
    (model / "out").unlink()
    (model / "out2").symlink_to(outside)
    (model / "broken").unlink()
    (model / "broken").write_text("now a file")
    assert differences(model) == ((), ("out",), ("broken", "out2"))


def test_a_file_replaced_by_a_link_to_the_same_bytes_elsewhere_is_changed(model, tmp_path):
    write_integrity_manifest(model)
    (model / "config.json").rename(tmp_path / "config.json")
    (model / "config.json").symlink_to(tmp_path / "config.json")
    assert differences(model) == (("config.json",), (), ())


def test_a_pipe_is_refused_and_never_read(model):
    write_integrity_manifest(model)
    (model / "empty").unlink()
    os.mkfifo(model / "empty")
    os.mkfifo(model / "pipe")
    assert differences(model) == (("empty",), (), ("pipe",))
    with pytest.raises(ConfigError, match="regular file"):
        write_integrity_manifest(model)


def test_a_name_that_no_manifest_can_hold_is_refused(model):
    try:
        (model / os.fsdecode(b"\xff.bin")).write_bytes(b"")
    except OSError:
        pytest.skip("the file system refuses such names itself")
    with pytest.raises(ConfigError, match="UTF-8"):
        write_integrity_manifest(model)


def test_an_empty_or_missing_folder_cannot_be_sealed(tmp_path):
    with pytest.raises(ConfigError, match="no file"):
        write_integrity_manifest(tmp_path)
    with pytest.raises(ConfigError, match="not a folder"):
        write_integrity_manifest(tmp_path / "nothing")


ARTIFACT = {"file": "config.json", "sha256": hashlib.sha256(b"{}").hexdigest(), "size_bytes": 2}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[" * 100_000,
        "[]",
        "{}",
        {"artifacts": {}},
        {"artifacts": []},
        {"artifacts": ["config.json"]},
        {"artifacts": [{"file": "config.json"}]},
        {"artifacts": [ARTIFACT, ARTIFACT]},
        {"artifacts": [ARTIFACT | {"size_bytes": "2"}]},
        {"artifacts": [ARTIFACT | {"sha256": "00"}]},
        {"artifacts": [ARTIFACT | {"file": "model_integrity.json"}]},
        {"artifacts": [ARTIFACT], "skipped_symlinks": "x"},
        {"artifacts": [ARTIFACT], "skipped_symlinks": ["../x"]},
        *(
            {"artifacts": [ARTIFACT | {"file": file}]}
            for file in (
                "/etc/passwd",
                "../x",
                "a/../../x",
                "..",
                ".",
                "",
                "a//b",
                "./a",
                "a/",
                "C:\\x",
                "a\\b",
                "a\0",
                7,
            )
        ),
    ],
)
def test_an_unusable_manifest_is_a_config_error(model, content):
    (model / "model_integrity.json").write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(ConfigError, match="cannot be used"):
        verify_integrity(str(model))


def test_no_manifest_is_a_config_error(model):
    for path in (model, model / "nothing", model / "config.json"):
        with pytest.raises(ConfigError, match="has no model_integrity"):
            verify_integrity(str(path))
