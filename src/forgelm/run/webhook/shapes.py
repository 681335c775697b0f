"""A message into the body its reader understands: Slack's, Teams', or every field for programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

_SLACK_HOSTS = ("hooks.slack.com", "hooks.slack-gov.com")
_TEAMS_HOSTS = (".webhook.office.com", ".logic.azure.com", ".api.powerplatform.com", ".powerautomate.com")
_TEAMS_COLOURS = MappingProxyType(
    {"succeeded": "Good", "completed": "Good", "started": "Accent", "awaiting_approval": "Warning"}
)


def choose_shape(form: str, host: str) -> str:
    """Return the shape for a host, where the user left it open."""
    if form != "auto":
        return form
    if host in _SLACK_HOSTS:
        return "slack"
    return "teams" if host.endswith(_TEAMS_HOSTS) else "generic"


def shape(form: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body of a message in the shape ``form``."""
    return SHAPES[form](payload)


def _slack(payload: Mapping[str, Any]) -> dict[str, Any]:
    # Slack shows text in the notification and the attachments with their colour; it ignores the other fields.
    attachment = payload["attachments"][0]
    escaped = {name: _escape_slack(value) for name, value in attachment.items()}
    return {**payload, "text": escaped["title"], "attachments": [escaped]}


def _teams(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return a message with an Adaptive Card, which Teams' workflows and its old connectors take."""
    shown = payload["attachments"][0]
    facts = [{"title": name, "value": str(payload[name])} for name in ("run_name", "event", "status")]
    facts += [{"title": name, "value": f"{value:.4g}"} for name, value in payload["metrics"].items()]
    title = {
        "type": "TextBlock",
        "text": shown["title"],
        "weight": "Bolder",
        "size": "Medium",
        "color": _TEAMS_COLOURS.get(payload["status"], "Attention"),
    }
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [
            title,
            {"type": "TextBlock", "text": shown["text"], "wrap": True},
            {"type": "FactSet", "facts": facts},
        ],
    }
    content = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {**payload, "type": "message", "attachments": [content]}


def _generic(payload: Mapping[str, Any]) -> dict[str, Any]:
    return dict(payload)


def _escape_slack(text: str) -> str:
    """Return ``text`` with what Slack would read as a mention or a link made plain."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


SHAPES: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = MappingProxyType(
    {"generic": _generic, "slack": _slack, "teams": _teams}
)
