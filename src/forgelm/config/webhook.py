"""The section ``webhook``: who is told when a run starts, ends, or needs a person."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_serializer, field_validator, model_validator

from forgelm.base.redact import REDACTED
from forgelm.config.section import Place, Section, refuse


class WebhookConfig(Section):
    """Messages to a URL, which is a secret: every dump and every repr shows only where it leads."""

    url: str | None = Field(
        None,
        min_length=1,
        description="Where messages go; better kept in the environment.",
        json_schema_extra={"writeOnly": True},
    )
    url_env: str | None = Field(
        None, min_length=1, description="Environment variable with the URL; it goes before url."
    )
    notify_on_start: bool = Field(True, description="Send a message when training starts.")
    notify_on_success: bool = Field(True, description="Send one when a model is final or waits for a person.")
    notify_on_failure: bool = Field(True, description="Send one when a run fails or its model is refused.")
    timeout: int = Field(10, ge=1, description="Longest time in seconds for one attempt.")
    max_attempts: int = Field(5, ge=1, le=20, description="How often a message is sent when it does not arrive.")
    format: Literal["auto", "generic", "slack", "teams"] = Field(
        "auto", description="Shape of a message; auto reads it off the host, generic where it is nobody's."
    )
    signing_secret_env: str | None = Field(
        None, min_length=1, description="Environment variable with the secret that messages are signed with."
    )
    allow_private_destinations: bool = Field(
        False, description="Let the URL lead to this machine or into a private network."
    )
    require_https: bool = Field(False, description="Refuse a URL that begins with http://.")
    tls_ca_bundle: Place | None = Field(None, description="PEM file of authorities to trust instead of the system's.")

    @field_validator("url")
    @classmethod
    def _check_url(cls, value: str | None) -> str | None:
        if value is not None and REDACTED in value:
            raise ValueError("is that of a redacted copy; put the URL in, or name its variable with url_env")
        return value

    @model_validator(mode="after")
    def _check_there_is_a_url(self) -> Self:
        if self.url is None and self.url_env is None:
            raise refuse("url", "there is nobody to tell", "set url or url_env, or remove the section")
        return self

    @field_serializer("url")
    def _hide_url(self, value: str | None) -> str | None:
        return None if value is None else hide_path(value)

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            yield name, hide_path(value) if name == "url" and value else value


def hide_path(url: str) -> str:
    """Return scheme and host of a URL, whose path may be all that keeps strangers out."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host = None
    return f"{parts.scheme}://{host}/{REDACTED}" if host else REDACTED
