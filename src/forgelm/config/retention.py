"""The section ``retention``: how long what a run leaves behind may be kept, and what happens when it is older."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from forgelm.config.section import Section


class Enforcement(StrEnum):
    """What a run does when something in its folder is older than it may be."""

    LOG = "log_only"
    WARN = "warn_on_excess"
    BLOCK = "block_on_excess"


class RetentionConfig(Section):
    """Storage limitation (GDPR, Article 5(1)(e)): days, 0 keeps for ever. Checked before every training.

    Refused and rejected models past ``staging_ttl_days`` are deleted then; all else is reported, and deleted by people.
    """

    audit_log_retention_days: int = Field(1825, ge=0, description="For the audit log, from its first line on.")
    staging_ttl_days: int = Field(7, ge=0, description="For models held in staging, refused or rejected.")
    ephemeral_artefact_retention_days: int = Field(
        90, ge=0, description="For checkpoints, reports and other files a run derives."
    )
    raw_documents_retention_days: int = Field(
        90, ge=0, description="For documents (PDF, DOCX, EPUB, TXT, Markdown) among the files a run trains on."
    )
    enforce: Enforcement = Field(
        Enforcement.LOG,
        description="log_only writes what is too old to the log, warn_on_excess also warns, "
        "block_on_excess refuses to train.",
    )
