from forgelm.evidence.bundle.facts import LaterRun
from forgelm.evidence.bundle.report import Check, Status, Verification, render_verification

CHECKS = (
    Check("log chain", Status.PASSED, "12 lines"),
    Check("log tags", Status.NOT_CHECKED, "the secret was not given"),
    Check("model files", Status.FAILED, "not what is listed", tuple(f"changed: file-{n:02}" for n in range(60))),
)


def test_every_check_stands_in_the_text_with_its_reason():
    text = render_verification(Verification("run", "fg-1", "open", CHECKS, ("That it is true.",)))
    cause = "cause: changed: file-00 and 59 more (model files: not what is listed)"
    assert text.startswith(f"FAIL: 1 passed, 1 failed, 1 not checked\n{cause}\nrun: fg-1\nstate: OPEN")
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
    plain = {"name": "log chain", "status": "passed", "detail": "12 lines", "findings": (), "follows": None}
    assert record["checks"][0] == plain
    assert "OK: 1 passed, 0 failed, 1 not checked\nrun: unknown\nstate: closed" in render_verification(found)
    assert len(Verification("run", None, "closed", CHECKS, ()).as_record()["checks"][2]["findings"]) == 60


def test_runs_after_the_one_that_is_spoken_of_are_named():
    found = Verification("run", "fg-1", "closed", CHECKS[:1], (), (LaterRun("fg-2", "failed"),))
    assert "run: fg-1\nlater run: fg-2, failed: it wrote no documents\nstate: closed" in render_verification(found)
    assert found.as_record()["later_runs"] == [{"run_id": "fg-2", "ended": "failed"}]


def test_causes_stand_first_and_what_follows_from_them_is_said_to():
    checks = (
        Check("documents", Status.FAILED, "not recorded so", ("changed: compliance/a",)),
        Check("model files", Status.FAILED, "not what is listed", ("changed: m/w",)),
        Check("provenance", Status.FAILED, "it is of m as it was sealed", ("compliance/p",), "model files"),
        Check("bill of materials", Status.FAILED, "the same", (), "model files"),
    )
    text = render_verification(Verification("run", "fg-1", "unknown", checks, ()))
    assert text.split("\n")[:4] == [
        "FAIL: 0 passed, 4 failed, 0 not checked",
        "cause: changed: compliance/a (documents: not recorded so)",
        "cause: changed: m/w (model files: not what is listed)",
        "       what follows from it: provenance, bill of materials",
    ]
    assert "FAILED       provenance         follows from model files: it is of m as it was sealed\n" in text
    assert "state: unknown" in text
