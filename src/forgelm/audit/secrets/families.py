"""The table of credentials: every family a text is searched for."""

from __future__ import annotations

from forgelm.audit.matching.family import Family
from forgelm.audit.secrets.cloud import CLOUD
from forgelm.audit.secrets.code import CODE
from forgelm.audit.secrets.keys import GENERIC, IN_TEXT, PRIVATE_KEYS
from forgelm.audit.secrets.services import SERVICES

# The generic rule is last: whatever has a name of its own is reported under it.
SECRET_FAMILIES: tuple[Family, ...] = PRIVATE_KEYS + CLOUD + CODE + SERVICES + IN_TEXT + GENERIC

SECRET_TYPES: tuple[str, ...] = tuple(dict.fromkeys(family.kind for family in SECRET_FAMILIES))

CONTRACT_SECRETS = (
    "aws_access_key", "github_token", "slack_token", "openai_api_key", "google_api_key", "jwt", "openssh_private_key",
    "pgp_private_key", "azure_storage_key",
)  # fmt: skip
