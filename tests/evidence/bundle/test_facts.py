import json

from forgelm.evidence.bundle.facts import LaterRun, read_facts


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


def test_runs_that_wrote_no_documents_are_named_and_do_not_hide_the_one_that_did(tmp_path):
    first = [
        {"event": "pipeline.initialized", "run_id": "fg-1", "resolved_config_sha256": "a"},
        {"event": "evaluation.recorded", "run_id": "fg-1", "files": {"text/a.jsonl": "b", "judge/a.json": "c"}},
        {"event": "compliance.artifacts_exported", "run_id": "fg-1", "sha256": {"report.json": "d"}},
        {"event": "pipeline.completed", "run_id": "fg-1"},
    ]
    later = [
        {"event": "pipeline.initialized", "run_id": "fg-2", "resolved_config_sha256": "e"},
        {"event": "evaluation.recorded", "run_id": "fg-2", "files": {"text/a.jsonl": "f"}},
        {"event": "pipeline.failed", "run_id": "fg-2"},
        {"event": "pipeline.initialized", "run_id": "fg-3", "resolved_config_sha256": "g"},
        {"event": "pipeline.stopped", "run_id": "fg-3"},
        {"event": "pipeline.initialized", "run_id": "fg-4"},
    ]
    facts = read_facts(write(tmp_path / "log", *first, *later))
    assert facts.run_id == "fg-1"
    assert facts.later_runs == [LaterRun("fg-2", "failed"), LaterRun("fg-3", "stopped"), LaterRun("fg-4")]
    # What lies in the folder: the results of the second run over those of the first, and a fourth configuration.
    assert facts.documents == {"text/a.jsonl": "f", "judge/a.json": "c", "compliance/report.json": "d"}
    exported = {"event": "compliance.artifacts_exported", "run_id": "fg-4", "sha256": {"report.json": "h"}}
    facts = read_facts(write(tmp_path / "log", *first, *later, exported))
    assert (facts.run_id, facts.later_runs) == ("fg-4", [])
    assert facts.documents == {"compliance/report.json": "h"}


def test_results_of_evaluations_are_documents_where_a_bundle_looks_for_them(tmp_path):
    log = write(
        tmp_path / "log",
        {"event": "pipeline.initialized", "run_id": "fg-1"},
        {"event": "evaluation.recorded", "run_id": "fg-1", "files": {"text/a.jsonl": "b", "elsewhere/c.json": "d"}},
        {"event": "evaluation.recorded", "run_id": "fg-1", "files": 7},
    )
    facts = read_facts(log)
    assert facts.documents == {"text/a.jsonl": "b"}
    assert facts.recorded_on == {"text/a.jsonl": 2}


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


def purge(run_id, kind, paths, **more):
    return {
        "event": "data.erasure_completed",
        "run_id": run_id,
        "erasure_id": "e1",
        "target_kind": kind,
        "target_id": run_id,
        "paths": paths,
        "dry_run": False,
        **more,
    }


def test_what_was_purged_is_known_by_the_event_and_only_after_it_was_recorded(tmp_path):
    exported = {"event": "compliance.artifacts_exported", "run_id": "fg-1", "sha256": {"a": "1", "ab": "2"}}
    log = write(
        tmp_path / "log",
        exported,
        {"event": "human_approval.required", "run_id": "fg-1", "evidence_sha256": {"review/fg-1/x/y": "3"}},
        {"event": "data.erasure_requested", "target_kind": "artefacts", "paths": ["compliance"], "dry_run": False},
        purge("fg-1", "artefacts", ["review/fg-1"]),
        purge("fg-1", "artefacts", ["compliance/a", "", 7], dry_run=True),
        purge("fg-1", "artefacts", ["compliance/a", "", 7]),
        purge("fg-1", "artefacts", "compliance"),
    )
    facts = read_facts(log)
    assert str(facts.purge_of("review/fg-1/x/y")) == "line 4, data.erasure_completed e1"
    assert facts.purge_of("compliance/a").line == 6
    assert facts.purge_of("compliance/ab") is None
    with log.open("a") as stream:
        stream.write(json.dumps(exported) + "\n")
    assert read_facts(log).purge_of("compliance/a") is None


def test_a_model_is_purged_by_an_erasure_of_its_own_run_after_its_seal(tmp_path):
    seal = {"event": "model.integrity_verified", "run_id": "fg-1", "manifest_sha256": "c"}
    model = purge("fg-1", "model", ["final_model"])
    other = [purge("fg-2", "model", ["x"]), purge("fg-1", "artefacts", ["review/fg-1"])]
    assert read_facts(write(tmp_path / "log", seal, *other, model)).purge_of_model().line == 4
    assert read_facts(write(tmp_path / "log", seal, *other)).purge_of_model() is None
    assert read_facts(write(tmp_path / "log", model, seal)).purge_of_model() is None
    assert read_facts(write(tmp_path / "log", model)).purge_of_model() is None
