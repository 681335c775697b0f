from forgelm.evidence.bundle.facts import LaterRun
from forgelm.evidence.bundle.report import Check, Status, Verification, render_verification

CHECKS = (
    Check("log chain", Status.PASSED, "12 lines"),
    Check("log tags", Status.NOT_CHECKED, "the secret was not given"),
    Check("model files", Status.FAILED, "not what is listed", tuple(f"changed: file-{n:02}" for n in range(60))),
)


def test_every_check_stands_in_the_text_with_its_reason():
    text = render_verification(Verification("run", "fg-1", "open", CHECKS, ("That it is true.",)))
    assert text.startswith("FAIL: 1 passed, 1 failed, 1 not checked\nrun: fg-1\nstate: OPEN")
    for part in ("passed       log chain", "not checked  log tags     the secret was not given", "changed: file-49"):
        assert part in text
    assert "file-50" not in text
    assert "and 10 more" in text
    assert text.endswith("not proven:\n  - That it is true.")


def test_what_was_not_checked_does_not_fail_and_is_named():
    found = Verification("run", None, "closed", CHECKS[:2], ())
    assert found.valid
    record = found.as_record()
    assert (record["success"], record["failed"], record["not_checked"]) == (True, [], ["log tags"])
    assert record["checks"][0] == {"name": "log chain", "status": "passed", "detail": "12 lines", "findings": ()}
    assert "OK: 1 passed, 0 failed, 1 not checked\nrun: unknown\nstate: closed" in render_verification(found)
    assert len(Verification("run", None, "closed", CHECKS, ()).as_record()["checks"][2]["findings"]) == 60


def test_runs_after_the_one_that_is_spoken_of_are_named():
    found = Verification("run", "fg-1", "closed", CHECKS[:1], (), (LaterRun("fg-2", "failed"),))
    assert "run: fg-1\nlater run: fg-2, failed: it wrote no documents\nstate: closed" in render_verification(found)
    assert found.as_record()["later_runs"] == [{"run_id": "fg-2", "ended": "failed"}]
