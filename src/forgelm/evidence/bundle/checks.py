"""The table of all checks of a run's evidence, in the order they are shown."""

from __future__ import annotations

from forgelm.evidence.bundle.case import CaseCheck
from forgelm.evidence.bundle.log_checks import (
    check_anchors,
    check_annex_iv,
    check_approvals,
    check_chain,
    check_documents,
    check_log_signature,
    check_tags,
)
from forgelm.evidence.bundle.model_checks import check_model, check_seal
from forgelm.evidence.bundle.statement_checks import (
    check_bom,
    check_list_signature,
    check_provenance,
    check_signature,
    check_signed_report,
)

CHECKS: tuple[CaseCheck, ...] = (
    check_chain,
    check_tags,
    check_log_signature,
    check_anchors,
    check_documents,
    check_annex_iv,
    check_seal,
    check_model,
    check_signature,
    check_list_signature,
    check_signed_report,
    check_provenance,
    check_bom,
    check_approvals,
)
