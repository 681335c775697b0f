"""The section ``evaluation.approval``: rules that cannot be met are refused before anything is trained."""

from __future__ import annotations

from typing import Any

import pytest

from forgelm.base.errors import ConfigError
from forgelm.config.approval import ApprovalConfig

KEYS = ["one+00000000+AAAA", "two+00000000+AAAA"]


def test_by_default_one_approval_by_anybody_is_enough() -> None:
    rules = ApprovalConfig()
    assert (rules.min_approvers, rules.require_distinct_approver, rules.expires_after_days) == (1, False, 0)
    assert rules.approvers == []


@pytest.mark.parametrize(
    ("approval", "message"),
    [
        ({"min_approvers": 0}, "at least 1"),
        ({"min_approvers": 3, "approvers": KEYS}, "3 approvals are needed and 2 keys are listed"),
        ({"approvers": [KEYS[0], KEYS[0]]}, "listed twice"),
        ({"expires_after_days": -1}, "at least 0"),
        ({"signers": []}, "unknown key"),
    ],
)
def test_rules_nobody_could_meet_are_refused(build: Any, approval: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build(evaluation={"require_human_approval": True, "approval": approval})


def test_rules_without_a_request_are_refused(build: Any) -> None:
    with pytest.raises(ConfigError, match=r"evaluation\.approval: nobody is asked to approve"):
        build(evaluation={"approval": {"min_approvers": 2}})
