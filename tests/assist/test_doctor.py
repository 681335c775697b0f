"""Every probe finds what is there, says how to mend what is not, and a broken one is a finding of its own."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from loopback import Answer, serving

from forgelm.assist.doctor import machine
from forgelm.assist.doctor.check import Check, Diagnosis, Status
from forgelm.assist.doctor.diagnose import diagnose, put_probes
from forgelm.assist.doctor.hub import check_cache, check_hub
from forgelm.assist.doctor.packages import check_extras
from forgelm.model.hardware import TorchBuild, read_torch

GB = 1 << 30


def by_name(found: Diagnosis) -> dict[str, Check]:
    return {check.name: check for check in found.checks}


def test_this_machine_is_looked_over_and_everything_but_a_pass_has_a_fix() -> None:
    found = diagnose(offline=True)
    checks = by_name(found)
    assert len(checks) == len(found.checks) == sum(found.summary.values())
    assert found.count(Status.CRASHED) == 0
    assert {"forgelm.install", "python.version", "torch.installed", "torch.cuda", "gpu.inventory"} <= checks.keys()
    assert {"numpy.torch_abi", "extras.qlora", "extras.eval", "extras.export", "disk.workspace"} <= checks.keys()
    assert "hf_hub.offline_cache" in checks and "hf_hub.reachable" not in checks
    assert [check.name for check in found.checks if (check.fix is None) is not (check.status is Status.PASS)] == []
    assert checks["torch.cuda"].extras["torch_version"] == read_torch().version
    assert checks["operator.identity"].status is Status.PASS


def test_an_environment_that_is_offline_asks_no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(lambda asked: Answer()) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        assert "hf_hub.offline_cache" in by_name(diagnose())
        assert hub.asked == []
        monkeypatch.delenv("HF_HUB_OFFLINE")
        monkeypatch.delenv("TRANSFORMERS_OFFLINE", raising=False)
        assert by_name(diagnose())["hf_hub.reachable"].status is Status.PASS
        assert [(asked.method, asked.path) for asked in hub.asked] == [("HEAD", "/api/models")]


def test_a_probe_that_breaks_is_a_finding_and_stops_no_other() -> None:
    def breaks() -> Check:
        raise RuntimeError("no such library")

    found = put_probes([("one", breaks), ("two", machine.check_install)])
    assert [(check.name, check.status) for check in found.checks] == [
        ("one", Status.CRASHED),
        ("forgelm.install", Status.PASS),
    ]
    assert "no such library" in found.checks[0].detail

    def interrupted() -> Check:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        put_probes([("one", interrupted)])


@pytest.mark.parametrize(
    ("version", "status"), [((3, 11, 0), Status.PASS), ((3, 13, 1), Status.PASS), ((3, 10, 9), Status.FAIL)]
)
def test_the_interpreter(version: tuple[int, ...], status: Status) -> None:
    assert machine.check_python(version).status is status


@pytest.mark.parametrize(
    ("torch", "numpy", "status"),
    [
        ("2.2.2+cu118", "2.0.1", Status.FAIL),
        ("2.2.2", "1.26.4", Status.PASS),
        ("2.3.0", "2.0.0", Status.PASS),
        ("2.13.0+cpu", "2.4.6", Status.PASS),
        (None, "2.0.0", Status.PASS),
        ("2.2.0", None, Status.PASS),
    ],
)
def test_numpy_and_torch(torch: str | None, numpy: str | None, status: Status) -> None:
    found = machine.check_numpy_abi(torch, numpy)
    assert found.status is status
    assert found.extras["skipped"] is (torch is None or numpy is None)


@pytest.mark.parametrize(
    ("free_gb", "status"), [(50, Status.PASS), (49.9, Status.WARN), (10, Status.WARN), (9.9, Status.FAIL)]
)
def test_the_disk(tmp_path: Path, free_gb: float, status: Status) -> None:
    found = machine.check_disk(tmp_path, int(free_gb * GB) + 1)
    assert found.status is status
    assert machine.check_disk(tmp_path).extras["free_gb"] > 0


DRIVER = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024\nGCC version: 12\n"


@pytest.mark.parametrize(
    ("cuda", "works", "driver", "visible", "said"),
    [
        ("12.8", True, True, None, "CUDA 12.8"),
        (None, False, True, None, "built without CUDA"),
        ("12.8", False, True, None, "cannot use driver 550.54.15"),
        ("12.8", False, True, "", "hides every GPU"),
        (None, False, False, "", "training runs on the processor"),
    ],
)
def test_cuda_and_why_not(
    tmp_path: Path, cuda: str | None, works: bool, driver: bool, visible: str | None, said: str
) -> None:
    path = tmp_path / "version"
    if driver:
        path.write_text(DRIVER)
    environ = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    found = machine._judge_cuda(TorchBuild("2.10.0", cuda, works), environ, path)
    assert said in found.detail
    assert found.status is (Status.PASS if works else Status.WARN)
    assert found.extras["driver_version"] == ("550.54.15" if driver else None)


def test_gpus_are_listed_with_their_memory() -> None:
    found = machine._list_gpus(TorchBuild("2.10.0", "12.8", True, (("A100", 80 * GB), ("T4", 15 * GB))))
    assert (found.status, found.extras["device_count"]) == (Status.PASS, 2)
    assert found.extras["devices"][1] == {"index": 1, "name": "T4", "vram_gib": 15.0, "vram_bytes": 15 * GB}
    assert machine._list_gpus(TorchBuild("2.10.0", None, False)).status is Status.WARN


def test_a_folder_that_is_not_there_cannot_be_written(tmp_path: Path) -> None:
    assert machine.check_writable(tmp_path).status is Status.PASS
    assert list(tmp_path.iterdir()) == []
    found = machine.check_writable(tmp_path / "none")
    assert found.status is Status.FAIL and "No such file" in found.detail


def test_who_is_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine.check_operator({"FORGELM_OPERATOR": "ci"}).extras == {"source": "FORGELM_OPERATOR"}
    monkeypatch.setenv("LOGNAME", "ada")
    assert machine.check_operator({}).extras == {"source": "login"}


def test_variables_are_named_and_their_values_never() -> None:
    found = machine.check_environment({"HF_TOKEN": "hf_secret", "FORGELM_AUDIT_SECRET": "", "OTHER": "x"})
    assert found.status is Status.WARN
    assert dict(found.extras) == {"set": ["FORGELM_AUDIT_SECRET", "HF_TOKEN"], "empty": ["FORGELM_AUDIT_SECRET"]}
    assert "hf_secret" not in repr(found)


def test_extras_come_from_the_packages_metadata_with_their_versions() -> None:
    checks = {
        check.name: check
        for check in check_extras(
            [
                "click>=8.2",
                "click>=8; extra == 'good'",
                'click<8; extra == "old"',
                "no-such-package-anywhere>=1; extra == 'deepspeed'",
                "pytest; extra == 'dev'",
            ]
        )
    }
    of_the_contract = ("qlora", "unsloth", "distributed", "eval", "tracking", "tracking-mlflow", "export")
    of_ingestion = ("ingestion", "ingestion-pii-ml", "ingestion-scale")
    names = ("good", "old", "deepspeed", *of_the_contract, *of_ingestion)
    assert checks.keys() == {f"extras.{name}" for name in names}
    assert checks["extras.good"].status is Status.PASS
    assert checks["extras.old"].status is Status.WARN and "needs <8" in checks["extras.old"].detail
    for name in ("extras.deepspeed", "extras.distributed"):
        assert checks[name].extras["installed"] is False
        assert checks[name].fix == "pip install 'forgelm[deepspeed]'"
    assert "nothing to install" in str(checks["extras.unsloth"].fix)


@pytest.mark.parametrize("status", [405, 501])
def test_a_hub_that_takes_no_head_is_asked_with_get(status: int) -> None:
    with serving(lambda asked: Answer(status if asked.method == "HEAD" else 200)) as hub:
        found = check_hub({"HF_ENDPOINT": f"{hub.url}/"})
    assert (found.status, found.extras["reachable"], found.extras["status_code"]) == (Status.PASS, True, 200)
    assert [asked.method for asked in hub.asked] == ["HEAD", "GET"]


def test_a_hub_that_fails_is_a_warning_with_its_status() -> None:
    with serving(lambda asked: Answer(503)) as hub:
        found = check_hub({"HF_ENDPOINT": hub.url})
    assert (found.status, found.extras["status_code"], found.extras["reachable"]) == (Status.WARN, 503, False)
    gone = check_hub({"HF_ENDPOINT": hub.url, "HTTPS_PROXY": "http://user:pass@proxy"})
    assert gone.status is Status.WARN and "HTTPS_PROXY" in str(gone.fix) and "pass@" not in repr(gone)


def test_a_hub_that_hangs_is_left_after_five_seconds() -> None:
    over = threading.Event()
    with serving(lambda asked: Answer(raw=lambda _: over.wait(120))) as hub:
        found = check_hub({"HF_ENDPOINT": hub.url})
        over.set()
    assert found.status is Status.WARN


@pytest.mark.parametrize("endpoint", ["http://169.254.169.254", "ftp://hub", "http://8.8.8.8", "not an address"])
def test_an_endpoint_that_no_connection_may_be_made_to_fails(endpoint: str) -> None:
    found = check_hub({"HF_ENDPOINT": endpoint})
    assert found.status is Status.FAIL
    assert found.extras["endpoint"] == endpoint


def test_the_cache_is_counted_within_bounds(tmp_path: Path) -> None:
    assert check_cache(tmp_path / "none").status is Status.WARN
    assert check_cache(tmp_path).status is Status.WARN
    snapshot = tmp_path / "models--org--name" / "blobs"
    snapshot.mkdir(parents=True)
    (snapshot / "one").write_bytes(b"x" * 1000)
    os.symlink(snapshot / "one", tmp_path / "dangling")
    found = check_cache(tmp_path)
    assert (found.status, found.extras["file_count"], found.extras["truncated"]) == (Status.PASS, 2, False)
    assert 1000 <= found.extras["bytes"] < 2000
    for number in range(5001):
        (snapshot / f"f{number}").touch()
    assert check_cache(tmp_path).extras["file_count"] == 5000
    assert check_cache(tmp_path).extras["truncated"] is True


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_cache_that_may_not_be_read_fails(tmp_path: Path) -> None:
    closed = tmp_path / "models--org--name"
    closed.mkdir(mode=0)
    assert check_cache(tmp_path).status is Status.FAIL
