"""Messages arrive at a real server, signed; one that is down, slow or forbidden costs a warning and no time."""

from __future__ import annotations

import json
import logging
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from certificates import write_certificate
from loopback import Answer, Asked, closed_port, serving

from forgelm.base.errors import AddressRefusedError, ConfigError
from forgelm.config.webhook import WebhookConfig
from forgelm.run.webhook import messages
from forgelm.run.webhook.messenger import Messenger, build_client, check_webhook
from forgelm.run.webhook.signing import sign_message

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE = messages.succeeded("grün", {"loss": 0.5})


def section(url: str | None, **fields: Any) -> WebhookConfig:
    return WebhookConfig.model_validate({"url": url, "allow_private_destinations": True, "timeout": 2, **fields})


def sent(found: WebhookConfig, *given: messages.Message, about: dict[str, Any] | None = None) -> bool:
    messenger = Messenger(found, first_wait_seconds=0.01)
    for message in given or (MESSAGE,):
        messenger.send(message, about or {})
    return messenger.close(10)


def test_a_message_arrives_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    log = {"size": 7, "root": "ab" * 32}
    with serving(lambda _: Answer(204, b"")) as server:
        assert sent(section(server.url, signing_secret_env="HOOK_SECRET"), about={"run_id": "fg-1", "audit_log": log})
        (asked,) = server.asked
    body, headers = asked.json(), asked.headers
    assert (body["event"], body["run_name"], body["metrics"]) == ("training.success", "grün", {"loss": 0.5})
    assert (body["run_id"], body["audit_log"]) == ("fg-1", log)
    assert body["timestamp"].endswith("+00:00")
    assert headers["content-type"] == "application/json"
    assert headers["webhook-id"] == body["id"]
    stamp = int(headers["webhook-timestamp"])
    assert abs(stamp - time.time()) < 60
    assert headers["webhook-signature"] == sign_message(SECRET, body["id"], stamp, asked.body)["webhook-signature"]


def test_a_busy_server_is_tried_again_with_the_same_id() -> None:
    answers = [Answer(503), Answer(429, headers={"Retry-After": "0"}), Answer(200)]
    with serving(lambda _: answers.pop(0)) as server:
        assert sent(section(server.url))
        assert len({asked.json()["id"] for asked in server.asked}) == 1
        assert len(server.asked) == 3


@pytest.mark.parametrize("status", [400, 404, 410, 500])
def test_a_server_that_refuses_is_told_about(status: int, caplog: pytest.LogCaptureFixture) -> None:
    with serving(lambda _: Answer(status, b"secret answer")) as server:
        assert sent(section(f"{server.url}/secretpath", max_attempts=2))
        assert len(server.asked) == (2 if status == 500 else 1)
    assert f"status {status}" in caplog.text
    assert "secret" not in caplog.text


def test_nobody_there(caplog: pytest.LogCaptureFixture) -> None:
    assert sent(section(f"http://127.0.0.1:{closed_port()}/secretpath", max_attempts=2))
    assert "was not delivered" in caplog.text
    assert "secretpath" not in caplog.text


def test_a_redirect_is_not_followed(caplog: pytest.LogCaptureFixture) -> None:
    def answer(asked: Asked) -> Answer:
        return Answer(307, headers={"Location": "http://169.254.169.254/latest"})

    with serving(answer) as server:
        assert sent(section(server.url, max_attempts=1))
    assert "redirect (307)" in caplog.text


def test_a_forbidden_address_is_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    with serving(lambda _: Answer()) as server:
        assert sent(section(server.url, allow_private_destinations=False))
        assert server.asked == []
    assert "private network" in caplog.text
    caplog.clear()
    assert sent(section("http://2130706433/"))
    assert "four decimal numbers" in caplog.text


def test_a_hanging_server_holds_nobody_up(caplog: pytest.LogCaptureFixture) -> None:
    """The server answers when sending and closing are over, which therefore did not wait for it."""
    over = threading.Event()
    with serving(lambda _: Answer(raw=lambda _: over.wait(120))) as server:
        messenger = Messenger(section(server.url, timeout=120))
        for _ in range(10):
            messenger.send(MESSAGE)
        assert not messenger.close(0.1)
        over.set()
    assert "10 messages to the webhook were not delivered" in caplog.text


@pytest.mark.parametrize("occasion", ["start", "success", "failure"])
def test_what_is_switched_off_is_not_sent(occasion: str) -> None:
    every = (messages.started("r"), messages.succeeded("r", {}), messages.failed("r", "why"))
    with serving(lambda _: Answer()) as server:
        assert sent(section(server.url, **{f"notify_on_{occasion}": False}), *every)
        events = [asked.json()["event"] for asked in server.asked]
    missing = {"start": "training.start", "success": "training.success", "failure": "training.failure"}[occasion]
    assert events == [name for name in ("training.start", "training.success", "training.failure") if name != missing]


def test_without_a_section_nothing_happens() -> None:
    messenger = Messenger(None)
    messenger.send(MESSAGE)
    assert messenger.close()


def test_a_variable_goes_before_the_url(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(lambda _: Answer()) as server:
        monkeypatch.setenv("HOOK", f"{server.url}/from-environment\n")
        assert sent(section("https://unused.example", url_env="HOOK"))
        assert server.asked[0].path == "/from-environment"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"url": None, "url_env": "NO_SUCH_HOOK"}, "NO_SUCH_HOOK"),
        ({"signing_secret_env": "NO_SUCH_SECRET"}, "NO_SUCH_SECRET"),
        ({"signing_secret_env": "BAD_SECRET"}, "BAD_SECRET cannot be used"),
        ({"url": "https://user:password@example.com"}, "user name"),
        ({"url": "https://169.254.169.254/"}, "a cloud's own service"),
        ({"url": "http://127.0.0.1/", "require_https": True}, "in the clear"),
        ({"url": "https://127.0.0.1/", "allow_private_destinations": False}, "webhook.allow_private_destinations"),
        ({"url": "file:///etc/passwd"}, "https://"),
    ],
)
def test_what_cannot_work_is_said_before_a_run_and_is_no_error_in_it(
    fields: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("BAD_SECRET", "whsec_!")
    found = section(**{"url": "http://127.0.0.1:9/", **fields})
    with pytest.raises((ConfigError, AddressRefusedError)) as caught:
        check_webhook(found)
    assert said in str(caught.value)
    assert "password" not in str(caught.value).replace("a password", "")
    assert sent(found)
    assert len(caplog.records) >= 1


def test_a_name_that_does_not_resolve_now_is_no_reason_not_to_train(caplog: pytest.LogCaptureFixture) -> None:
    check_webhook(section("https://no-such-host.invalid/"))
    assert "may not be reached" in caplog.text
    check_webhook(None)


def test_plain_http_is_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        check_webhook(section("http://127.0.0.1:9/"))
    assert "in the clear" in caplog.text


def test_the_shape_follows_the_section() -> None:
    with serving(lambda _: Answer()) as server:
        assert sent(section(server.url, format="teams"))
        assert json.loads(server.asked[0].body)["attachments"][0]["content"]["type"] == "AdaptiveCard"


def test_a_private_authority_is_trusted_where_it_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files = write_certificate(tmp_path, "localhost")
    with serving(lambda _: Answer(), tls=files) as server:
        url = f"https://localhost:{server.port}/"
        assert sent(section(url, tls_ca_bundle=files[0]))
        assert len(server.asked) == 1
        assert sent(section(url, max_attempts=1))
        assert len(server.asked) == 1
    assert "certificate" in caplog.text


def test_a_destination_has_the_time_the_section_gives_it() -> None:
    assert build_client(section("https://127.0.0.1/", timeout=7)).timeout_seconds == 7
