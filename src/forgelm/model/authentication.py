"""Logs in to the model hub, for libraries that look the token up themselves."""

from __future__ import annotations

from forgelm.base.errors import ConfigError
from forgelm.base.extras import load_extra
from forgelm.base.network import hub_token, is_offline


def setup_authentication(token: str | None = None) -> None:
    """Log in to the hub with ``token``, or with the environment's when ``None``.

    Without any token nothing happens: public models need none. Nothing is sent when offline.

    Raises:
        ConfigError: the hub refuses the token.
        OptionalDependencyError: ``huggingface_hub`` is not installed.
    """
    found = hub_token(token)
    if found is None or is_offline():
        return
    hub = load_extra("huggingface_hub", extra="train")
    try:
        hub.login(token=found, add_to_git_credential=False)
    except (ValueError, hub.errors.HfHubHTTPError) as error:
        raise ConfigError(
            "the hub refused the token", hint="make a new one and set auth.hf_token or HUGGINGFACE_TOKEN"
        ) from error
