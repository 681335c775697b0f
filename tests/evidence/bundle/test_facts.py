import json

from forgelm.evidence.bundle.facts import read_facts


def write(path, *entries):
    path.write_text("".join(f"{json.dumps(entry)}\n" for entry in entries))
    return path


def test_the_newest_run_counts_and_every_seal(tmp_path):
    log = write(
        tmp_path / "log",
        {"event": "pipeline.initialized", "run_id": "fg-1", "resolved_config_sha256": "a"},
        {"event": "compliance.artifacts_exported", "run_id": "fg-1", "sha256": {"old.json": "b"}},
        {"event": "model.integrity_verified", "run_id": "fg-1", "manifest_sha256": "c"},
        {"event": "pipeline.initialized", "run_id": "fg-2", "resolved_config_sha256": "d"},
        {"event": "other", "text": "model.integrity_verified"},
        {"event": "compliance.artifacts_exported", "run_id": "fg-2", "sha256": {"new.json": "e"}},
        {"event": "model.integrity_verified", "run_id": "fg-2", "manifest_sha256": "f"},
    )
    facts = read_facts(log)
    assert facts.run_id == "fg-2"
    assert facts.documents == {"resolved_config.yaml": "d", "compliance/new.json": "e"}
    assert facts.seals == [(3, "c"), (7, "f")]


def test_lines_that_are_no_entries_are_passed_over(tmp_path):
    log = tmp_path / "log"
    log.write_bytes(
        b'\xff pipeline.initialized\n"pipeline.initialized"\n{"pipeline.initialized": \n'
        b'{"event": "compliance.artifacts_exported", "sha256": 7}\n'
        b'{"event": "pipeline.initialized", "run_id": "fg-1"}'
    )
    assert read_facts(log).run_id == "fg-1"


def test_what_a_person_was_asked_about_stays_recorded_through_later_runs(tmp_path):
    log = write(
        tmp_path / "log",
        {"event": "human_approval.required", "run_id": "fg-1", "evidence_sha256": {"review/fg-1/a": "b"}},
        {"event": "human_approval.required", "run_id": "fg-1", "evidence_sha256": 7},
        {"event": "pipeline.initialized", "run_id": "fg-2"},
    )
    assert read_facts(log).reviewed == {"review/fg-1/a": "b"}
