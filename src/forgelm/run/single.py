"""One run, from configuration to a published model. The whole product reads here from top to bottom."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from forgelm.base.errors import ForgeError, StoppedError
from forgelm.base.events import TRANSIENT, Emit, Event, emit_nothing
from forgelm.base.files import INTEGRITY_FILE, sha256_file, write_text
from forgelm.base.network import private
from forgelm.base.processes import read_place
from forgelm.config.root import ForgeConfig
from forgelm.config.stages import refuse_pipeline
from forgelm.data.canaries import describe_canaries
from forgelm.data.rows import PreparedData
from forgelm.evaluate.evaluator import Subject
from forgelm.evaluate.measurement import Measurement
from forgelm.evaluate.self_check import measure_saved_model
from forgelm.evaluate.table import ask_model, measure_answers
from forgelm.evidence.erasure.journal import finish_erasures
from forgelm.evidence.erasure.retention import enforce_retention
from forgelm.evidence.evaluations import write_evaluations
from forgelm.evidence.ledger import AuditLogger
from forgelm.evidence.record import RunRecord
from forgelm.gate.decide import decide
from forgelm.gate.limits import build_thresholds
from forgelm.gate.verdict import Verdict
from forgelm.model.load import LoadedModel, load, load_saved, release_memory
from forgelm.model.passes import before_each_pass
from forgelm.model.unsloth import prepare_backend
from forgelm.publish.promote import settle
from forgelm.run.audience import audience
from forgelm.run.conclude import conclude
from forgelm.run.current import CurrentRun
from forgelm.run.exporting import measure_export, rehearse_export
from forgelm.run.folder import open_folder, remove_unfinished, run_files
from forgelm.run.follow import follow_run
from forgelm.run.heartbeat import Heartbeat
from forgelm.run.metrics import build_metrics
from forgelm.run.preflight import check_needs
from forgelm.run.resources import measure_resources
from forgelm.run.result import TrainResult
from forgelm.run.stop import StopRequest
from forgelm.run.summaries import report_evaluations
from forgelm.train.checkpoints import find_checkpoint
from forgelm.train.distributed import check_strategy
from forgelm.train.loop import Outcome, Wishes, check_checkpoint, train
from forgelm.train.processes import Processes, joined_processes
from forgelm.train.tokenised import TokenisedData, tokenise_data


@dataclass(frozen=True)
class _Trained:
    """What training hands on. The model in memory is gone: from here on only what was saved counts."""

    loaded: LoadedModel
    tokenised: TokenisedData
    outcome: Outcome
    base: Mapping[str, Any]


def run_single(
    config: ForgeConfig, *, resume: str | None = None, listen: Emit = emit_nothing, stop: StopRequest | None = None
) -> TrainResult:
    """Train, judge, document and publish one model.

    ``listen`` hears every event, progress included; the audit log hears all that are not transient. ``resume`` is
    ``None``, ``"auto"`` or the path of a checkpoint. As one of several processes all call it, and the first returns the
    verdict.

    Raises:
        ConfigError: the configuration, the data or the model cannot be used; nothing was trained. What can be seen
            before the model is loaded ends the call before the folder's log is touched.
        TrainingError: training began and failed; nothing was promoted.
        StoppedError: a stop was asked for through ``stop``.
        StorageError: something could not be written; nothing was promoted.
    """
    stop = stop or StopRequest()
    check_strategy(config.distributed, count=read_place().count)
    with joined_processes() as processes:
        if processes.first:
            return _lead(config, processes, resume=resume, listen=listen, stop=stop)
        return follow_run(config, processes, stop)


def _lead(
    config: ForgeConfig, processes: Processes, *, resume: str | None, listen: Emit, stop: StopRequest
) -> TrainResult:
    """Run as the first of ``processes``, the one that writes: the folder, the log and the verdict are its own."""
    refuse_pipeline(config, "this call")
    files = run_files(config)
    with private(offline=config.model.offline), open_folder(files), contextlib.ExitStack() as stack:
        settle(files)
        finish_erasures(files)
        remove_unfinished(files)
        found = find_checkpoint(files.root, resume)
        ledger = AuditLogger(str(files.root))
        heartbeat = Heartbeat(ledger.checkpoint)
        outside = stack.enter_context(audience(config, files.root, ledger.run_id))

        def say(event: Event, /, **fields: Any) -> None:
            outside(event, **fields)
            listen(event, **fields)

        def emit(event: Event, /, **fields: Any) -> None:
            if event not in TRANSIENT:
                ledger.log_event(event, **fields)
            heartbeat(event, **fields)
            say(event, **fields)

        processes.tell(lambda: (found, ledger.run_id))
        wishes = Wishes(found.path, found.skipped, stop.asked, processes)
        run = CurrentRun(config, files, ledger.run_id, emit, wishes, stop, ledger.checkpoint)
        try:
            prepare_backend(config)
            prepared = check_needs(config, say).prepared
            stop.check()
        except BaseException as error:
            # Nothing has begun: the log and the folder keep speaking of the runs before.
            with contextlib.suppress(OSError, ForgeError):
                _report_end(say, error)
            outside.close(None)
            raise
        try:
            result = _run(run, prepared)
        except BaseException as error:
            # A staged model is kept once it is sealed: then only its promotion failed, and training it again is dear.
            if not (files.staging(run.run_id) / INTEGRITY_FILE).exists():
                shutil.rmtree(files.staging(run.run_id), ignore_errors=True)
            # The log may be what cannot be written; the error that ended the run matters more.
            with contextlib.suppress(OSError, ForgeError):
                _report_end(emit, error)
                outside.close(ledger.close_run())
            outside.close(None)
            raise
        closed = ledger.close_run()
        outside.close(closed)
        return replace(result, audit_log=closed.as_record())


def _run(run: CurrentRun, prepared: PreparedData) -> TrainResult:
    config, emit = run.config, run.emit
    saved = write_text(run.files.config, config.to_yaml())
    emit(
        Event.PIPELINE_INITIALIZED,
        model=config.model.name_or_path,
        trainer_type=config.training.trainer_type,
        config_hash=config.config_hash,
        resolved_config_sha256=sha256_file(saved),
    )
    enforce_retention(run.files, config.retention, config.data, emit)
    _describe_data(run, prepared)
    trained = _train(run, prepared)
    run.stop.check()
    measured = _evaluate(run, trained)
    verdict = _decide(run, measured)
    run.stop.check()
    written = write_evaluations(run.files, measured, run.emit)
    record = RunRecord(
        run_id=run.run_id,
        config=config,
        prepared=prepared,
        tokenised=trained.tokenised,
        loaded=trained.loaded,
        outcome=trained.outcome,
        measurements=measured,
        verdict=verdict,
        metrics=build_metrics(trained.outcome, measured),
        resources=measure_resources(config, trained.loaded.hardware, trained.outcome),
        evaluation_files=written,
    )
    return conclude(run, record)


def _describe_data(run: CurrentRun, prepared: PreparedData) -> None:
    run.emit(
        Event.DATA_PREPARED,
        format=prepared.format,
        train_rows=len(prepared.train),
        validation_rows=len(prepared.validation or ()),
        validation_origin=prepared.validation_origin,
        rows_skipped=len(prepared.skipped),
        notes=list(prepared.notes),
    )
    if prepared.canaries:
        run.emit(Event.CANARIES_PLANTED, **describe_canaries(prepared))


def _train(run: CurrentRun, prepared: PreparedData) -> _Trained:
    run.emit(Event.STAGE, name="loading the model")
    loaded = load(run.config)
    run.emit(
        Event.MODEL_LOADED,
        revision=loaded.revision.revision_resolved,
        resolution_source=loaded.revision.resolution_source,
        adapter_method=loaded.adapter_method,
        quantization=loaded.quantization,
        notes=list(loaded.precision.notes),
    )
    run.emit(Event.STAGE, name="tokenising")
    tokenised = tokenise_data(run.config, prepared, loaded.reader, loaded.model.generation_config)
    run.stop.check()
    if run.wishes.checkpoint is not None:
        check_checkpoint(run.config, tokenised, loaded, run.wishes.checkpoint)
    subject = _subject(run, loaded.model, loaded.tokenizer, tokenised, is_base=True)
    rehearse_export(subject, run.files)
    with run.stop.amid() as look, before_each_pass(loaded.model, look):
        base = ask_model(subject)
    run.emit(Event.STAGE, name="training")
    outcome = train(run.config, tokenised, loaded, run.files, run_id=run.run_id, emit=run.emit, wishes=run.wishes)
    run.wishes.processes.leave()
    run.emit(Event.MODEL_STAGED, path=outcome.staging.name)
    return _Trained(replace(loaded, model=None), tokenised, outcome, base)


def _evaluate(run: CurrentRun, trained: _Trained) -> tuple[Measurement, ...]:
    run.emit(Event.STAGE, name="judging the saved model")
    release_memory()
    loaded, outcome = trained.loaded, trained.outcome
    saved = load_saved(outcome.staging, run.config, loaded)
    merged = run.config.training.merge_adapters
    check = measure_saved_model(saved, loaded.tokenizer, outcome, loaded.precision, merged=merged)
    run.emit(Event.SELF_CHECK_COMPLETED, difference=check.value, **check.details)
    subject = _subject(run, saved, loaded.tokenizer, trained.tokenised)
    with run.stop.amid() as look:
        with before_each_pass(saved, look):
            tuned = ask_model(subject)
            exported = measure_export(subject, run.files, outcome.staging)
        # Guards and judges are loaded next, and may need the room.
        del saved, subject
        release_memory()
        measured = measure_answers(run.config, trained.tokenised, tuned, trained.base, look)
    return check, *measured, *exported


def _subject(run: CurrentRun, model: Any, tokenizer: Any, data: TokenisedData, *, is_base: bool = False) -> Subject:
    return Subject(model, tokenizer, run.config, data, run.emit, run.files.root, is_base)


def _decide(run: CurrentRun, measured: tuple[Measurement, ...]) -> Verdict:
    thresholds = build_thresholds(run.config, measured)
    verdict = decide(measured, thresholds)
    loss = next((gate for gate in verdict.gates if gate.gate == "loss"), None)
    if loss is not None:
        run.emit(
            Event.LOSS_GATE_COMPLETED,
            passed=loss.status == "passed",
            eval_loss=next((m.value for m in measured if m.name == "eval_loss"), None),
            max_acceptable_loss=thresholds.max_loss,
            baseline_loss=thresholds.baseline_loss,
        )
    report_evaluations(measured, verdict, run.emit)
    return verdict


def _report_end(emit: Emit, error: BaseException) -> None:
    if isinstance(error, StoppedError):
        emit(Event.PIPELINE_STOPPED, checkpoint=error.checkpoint, resumable=True)
    else:
        emit(Event.PIPELINE_FAILED, error=f"{type(error).__name__}: {error}")
