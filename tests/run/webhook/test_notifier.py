"""The library's notifier sends all eight events, from any thread, and never raises."""

from __future__ import annotations

import threading
from typing import Any

from loopback import Answer, serving
from support import sections

from forgelm import WebhookNotifier
from forgelm.config.root import ForgeConfig


def notifier(url: str) -> WebhookNotifier:
    webhook = {"url": url, "allow_private_destinations": True, "timeout": 2, "max_attempts": 1}
    return WebhookNotifier(ForgeConfig(**sections("d.jsonl", "out"), webhook=webhook))  # type: ignore[arg-type]


def test_all_events() -> None:
    with serving(lambda _: Answer()) as server:
        found = notifier(server.url)
        found.notify_start("run", run_id="fg-1")
        found.notify_success("run", {"loss": 0.5})
        found.notify_failure("run", "why")
        found.notify_reverted("run", "why")
        found.notify_awaiting_approval("run", "/model")
        found.notify_pipeline_started("run", 2)
        found.notify_pipeline_completed("run", "stopped_at_stage", "dpo")
        found.notify_pipeline_stage_reverted("run", "dpo", "why")
        assert found.close(10)
        events = [asked.json()["event"] for asked in server.asked]
        assert server.asked[0].json()["run_id"] == "fg-1"
    assert events == [
        "training.start",
        "training.success",
        "training.failure",
        "training.reverted",
        "approval.required",
        "pipeline.started",
        "pipeline.completed",
        "pipeline.stage_reverted",
    ]


def test_it_takes_whatever_it_is_given() -> None:
    odd: Any = object()
    with serving(lambda _: Answer()) as server:
        found = notifier(server.url)
        found.notify_success("run", odd)
        found.notify_failure("run", ValueError("x"))  # type: ignore[arg-type]
        found.notify_start(odd, extra=odd)
        assert found.close(10)
        assert len(server.asked) == 3


def test_threads_may_share_it() -> None:
    with serving(lambda _: Answer()) as server:
        found = notifier(server.url)
        threads = [threading.Thread(target=found.notify_start, args=(f"run {n}",)) for n in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found.close(10)
        assert len({asked.json()["run_name"] for asked in server.asked}) == 12


def test_without_a_webhook_it_does_nothing() -> None:
    found = WebhookNotifier(ForgeConfig(**sections("d.jsonl", "out")))  # type: ignore[arg-type]
    found.notify_start("run")
    assert found.close()
