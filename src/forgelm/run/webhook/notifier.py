"""The library's way to send the messages of a run whose steps are somebody else's."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from forgelm.config.root import ForgeConfig
from forgelm.run.webhook import messages
from forgelm.run.webhook.messenger import Messenger

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class WebhookNotifier:
    """Sends what happened to the configuration's ``webhook``; without one it does nothing.

    Every method returns at once and raises nothing: messages are delivered in the background, tried again, and given up
    with a warning. Threads may share a notifier. ``about`` is what else a message shall hold, such as ``run_id``.
    """

    def __init__(self, config: ForgeConfig) -> None:
        self._messenger = Messenger(config.webhook)

    def notify_start(self, run_name: str, **about: Any) -> None:
        """Send ``training.start``."""
        self._messenger.send(messages.started(run_name), about)

    def notify_success(self, run_name: str, metrics: Mapping[str, Any] = _NOTHING, **about: Any) -> None:
        """Send ``training.success`` with those of ``metrics`` that are finite numbers."""
        numbers = metrics if isinstance(metrics, Mapping) else _NOTHING
        self._messenger.send(messages.succeeded(run_name, numbers), about)

    def notify_failure(self, run_name: str, reason: str, **about: Any) -> None:
        """Send ``training.failure``."""
        self._messenger.send(messages.failed(run_name, str(reason)), about)

    def notify_reverted(self, run_name: str, reason: str, **about: Any) -> None:
        """Send ``training.reverted``: the gates refused the model."""
        self._messenger.send(messages.reverted(run_name, str(reason)), about)

    def notify_awaiting_approval(self, run_name: str, model_path: str, **about: Any) -> None:
        """Send ``approval.required``: the model in ``model_path`` waits for a person."""
        self._messenger.send(messages.awaiting_approval(run_name, str(model_path)), about)

    def notify_pipeline_started(self, run_name: str, stage_count: int, **about: Any) -> None:
        """Send ``pipeline.started``."""
        self._messenger.send(messages.pipeline_started(run_name, stage_count), about)

    def notify_pipeline_completed(
        self, run_name: str, final_status: str, stopped_at: str | None = None, **about: Any
    ) -> None:
        """Send ``pipeline.completed``; ``final_status`` is ``completed`` or says where it ended instead."""
        self._messenger.send(messages.pipeline_completed(run_name, final_status, stopped_at), about)

    def notify_pipeline_stage_reverted(self, run_name: str, stage_name: str, reason: str, **about: Any) -> None:
        """Send ``pipeline.stage_reverted``."""
        self._messenger.send(messages.pipeline_stage_reverted(run_name, stage_name, str(reason)), about)

    def close(self, timeout_seconds: float | None = None) -> bool:
        """Wait a moment for what is on its way; return whether all of it was dealt with.

        A program that ends without it does the same. The default is one attempt's time and five seconds.
        """
        return self._messenger.close(timeout_seconds)
