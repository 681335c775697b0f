"""The section ``evaluation.approval``: who may approve a held model, how many people it takes, for how long."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from forgelm.config.section import Section, refuse


class ApprovalConfig(Section):
    """What a decision about a held model must satisfy. The run writes it into the log, where no later edit reaches."""

    require_distinct_approver: bool = Field(
        False, description="Whether whoever started the run may not approve its model."
    )
    min_approvers: int = Field(1, ge=1, le=100, description="How many people must approve; nobody counts twice.")
    expires_after_days: int = Field(
        0, ge=0, description="Days after which a held model can no longer be approved; 0 is never."
    )
    approvers: list[str] = Field(
        default_factory=list,
        description="Public keys of those who may approve, each signing with theirs; without any, no key is asked for.",
    )

    @model_validator(mode="after")
    def _enough_approvers(self) -> Self:
        if len(set(self.approvers)) != len(self.approvers):
            raise refuse("approvers", "a key is listed twice")
        if self.approvers and len(self.approvers) < self.min_approvers:
            raise refuse(
                "min_approvers", f"{self.min_approvers} approvals are needed and {len(self.approvers)} keys are listed"
            )
        return self
