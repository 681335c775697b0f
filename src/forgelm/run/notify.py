"""What a run reports into the messages of its webhook: one when training starts, one when the run is over."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from forgelm.base.events import Event
from forgelm.base.files import RunFiles
from forgelm.config.load import load_config
from forgelm.config.root import ForgeConfig
from forgelm.config.webhook import WebhookConfig
from forgelm.evidence.approval import CaseStatus
from forgelm.evidence.checkpoint import Checkpoint
from forgelm.evidence.entries import take_checkpoint
from forgelm.publish.decide import Decided
from forgelm.run.webhook import messages
from forgelm.run.webhook.messages import Message
from forgelm.run.webhook.messenger import Messenger


class RunMessages:
    """An ``Emit`` that tells the webhook of a run. How it ended is told with the closed log's size and root."""

    def __init__(self, config: ForgeConfig, run_id: str, messenger: Messenger | None = None) -> None:
        self._name = run_name(config)
        self._about = {"run_id": run_id, "config_hash": config.config_hash}
        self._messenger = messenger or Messenger(config.webhook)
        self._last: Message | None = None

    def __call__(self, event: Event, /, **fields: Any) -> None:
        if event in (Event.TRAINING_STARTED, Event.TRAINING_RESUMED):
            self._messenger.send(messages.started(self._name), self._about)
        elif event in _ENDS:
            # A refused model ends the run as well, and that it was refused says more.
            found = _ENDS[event](self._name, fields)
            keep = self._last is not None and self._last.event == "training.reverted"
            self._last = self._last if keep else found

    def close(self, audit_log: Checkpoint | None) -> None:
        """Tell how the run ended, once, and give what is on its way a moment."""
        last, self._last = self._last, None
        if last is not None:
            self._messenger.send(last, {**self._about, "audit_log": audit_log.as_record() if audit_log else None})
        self._messenger.close()


class PipelineMessages:
    """An ``Emit`` that tells the webhook of a pipeline; its stages' runs tell of themselves.

    Nothing is said when it goes on or waits for a person: the held stage says that.
    """

    def __init__(self, config: ForgeConfig, messenger: Messenger | None = None) -> None:
        self._messenger = messenger or Messenger(config.webhook)
        self._last: tuple[str, Message] | None = None

    def __call__(self, event: Event, /, **fields: Any) -> None:
        name = str(fields.get("pipeline_run_id"))
        if event is Event.PIPELINE_STARTED:
            self._messenger.send(messages.pipeline_started(name, fields["stage_count"]), {"run_id": name})
        elif event is Event.STAGE_REVERTED:
            told = messages.pipeline_stage_reverted(name, fields["stage_name"], str(fields.get("error")))
            self._messenger.send(told, {"run_id": name})
        elif event is Event.PIPELINE_COMPLETED and "final_status" in fields:
            self._last = name, messages.pipeline_completed(name, fields["final_status"], fields["stopped_at"])

    def close(self, audit_log: Checkpoint | None) -> None:
        """Tell how the pipeline ended, once, and give what is on its way a moment."""
        last, self._last = self._last, None
        if last is not None:
            about = {"run_id": last[0], "audit_log": audit_log.as_record() if audit_log else None}
            self._messenger.send(last[1], about)
        self._messenger.close()


def run_name(config: ForgeConfig) -> str:
    """Return the name a run goes by: its own, or its model's with ``_finetune``."""
    return config.training.run_name or f"{config.model.name_or_path.rstrip('/').rpartition('/')[2]}_finetune"


def open_messenger(output_dir: str, config: str | None) -> Messenger:
    """Return who is told of decisions about the models of a run folder. ``config`` is the run's YAML file.

    Without it the URL is read from the variable that the folder's own copy of the configuration names; the copy holds
    no URL, so nobody is told where there is no variable.

    Raises:
        ConfigError: ``config`` cannot be used.
    """
    return Messenger(load_config(config).webhook if config else _read_section(RunFiles(Path(output_dir)).config))


def tell_decision(decided: Decided, output_dir: str, messenger: Messenger) -> None:
    """Tell what a person decided about a held model, if that settled it, and give the message a moment."""
    files = RunFiles(Path(output_dir).absolute())
    message = _describe(decided, files)
    if message is None:
        return
    about: dict[str, Any] = {"run_id": decided.run_id}
    with contextlib.suppress(OSError):
        about["audit_log"] = take_checkpoint(files.audit_log).as_record()
    messenger.send(message, about)
    messenger.close()


def _read_section(path: Path) -> WebhookConfig | None:
    try:
        written = yaml.safe_load(path.read_text(encoding="utf-8"))
        section = {name: value for name, value in written["webhook"].items() if name != "url"}
        return WebhookConfig.model_validate(section)
    except (OSError, yaml.YAMLError, LookupError, TypeError, AttributeError, ValueError):
        return None


def _describe(decided: Decided, files: RunFiles) -> Message | None:
    name = files.root.name
    if decided.status is CaseStatus.GRANTED:
        return messages.succeeded(name, _read_metrics(files, decided.run_id))
    by = f"{decided.approver}: {decided.comment}" if decided.comment else decided.approver
    if decided.status is CaseStatus.REJECTED:
        return messages.failed(name, f"rejected by {by}")
    if decided.status is CaseStatus.REVOKED:
        return messages.failed(name, f"revoked by {by}")
    return None


def _read_metrics(files: RunFiles, run_id: str) -> Mapping[str, Any]:
    """Return the metrics that the model was approved on, from the documents kept for the decision."""
    for folder in (files.review(run_id) / files.compliance.name, files.compliance):
        try:
            written = yaml.safe_load((folder / "training_manifest.yaml").read_text(encoding="utf-8"))
            return dict(written["final_metrics"])
        except (OSError, yaml.YAMLError, LookupError, TypeError, ValueError):
            continue
    return {}


def _completed(name: str, fields: Mapping[str, Any]) -> Message:
    if fields.get("success"):
        return messages.succeeded(name, fields.get("metrics_summary") or {})
    return messages.failed(name, "a gate failed; the model was kept all the same, marked as failed")


def _reverted(name: str, fields: Mapping[str, Any]) -> Message:
    return messages.reverted(name, str(fields.get("detail") or fields.get("reason")))


_ENDS: Mapping[Event, Callable[[str, Mapping[str, Any]], Message]] = MappingProxyType(
    {
        Event.MODEL_REVERTED: _reverted,
        Event.PIPELINE_COMPLETED: _completed,
        Event.PIPELINE_FAILED: lambda name, fields: messages.failed(name, str(fields.get("error"))),
        Event.PIPELINE_STOPPED: lambda name, fields: messages.failed(
            name, "stopped; it can be continued with --resume"
        ),
        Event.HUMAN_APPROVAL_REQUIRED: lambda name, fields: messages.awaiting_approval(
            name, str(fields["staging_path"])
        ),
    }
)
