"""A body in the shape its reader understands."""

from __future__ import annotations

import pytest

from forgelm.run.webhook import messages
from forgelm.run.webhook.shapes import SHAPES, choose_shape, shape

PAYLOAD = messages.succeeded("run <!channel> & co", {"loss": 0.5}).payload()


@pytest.mark.parametrize(
    ("form", "host", "chosen"),
    [
        ("auto", "hooks.slack.com", "slack"),
        ("auto", "acme.webhook.office.com", "teams"),
        ("auto", "prod-1.westeurope.logic.azure.com", "teams"),
        ("auto", "hooks.slack.com.evil.example", "generic"),
        ("auto", "example.com", "generic"),
        ("slack", "proxy.internal", "slack"),
        ("generic", "hooks.slack.com", "generic"),
    ],
)
def test_the_host_tells_the_shape(form: str, host: str, chosen: str) -> None:
    assert choose_shape(form, host) == chosen


def test_programs_get_every_field() -> None:
    assert shape("generic", PAYLOAD) == PAYLOAD


def test_slack_mentions_nobody() -> None:
    body = shape("slack", PAYLOAD)
    assert body["text"] == "Training succeeded"
    assert "<!channel>" not in body["attachments"][0]["text"]
    assert "&lt;!channel&gt; &amp; co" in body["attachments"][0]["text"]
    assert body["attachments"][0]["color"] == "#36a64f"


def test_teams_gets_a_card() -> None:
    body = shape("teams", PAYLOAD)
    (attachment,) = body["attachments"]
    assert (body["type"], attachment["contentType"]) == ("message", "application/vnd.microsoft.card.adaptive")
    title, text, facts = attachment["content"]["body"]
    assert (title["text"], title["color"]) == ("Training succeeded", "Good")
    assert "run" in text["text"]
    assert {"title": "loss", "value": "0.5"} in facts["facts"]


@pytest.mark.parametrize("form", SHAPES)
def test_no_shape_changes_what_it_is_given(form: str) -> None:
    before = str(PAYLOAD)
    assert shape(form, PAYLOAD)["event"] == "training.success"
    assert str(PAYLOAD) == before
