"""Checks the signature of a run's test report: a file of its own beside the report, over the report's bytes."""

from __future__ import annotations

from forgelm.base.errors import IntegrityError
from forgelm.evidence.dsse import open_bundle
from forgelm.evidence.ec_public import EcPublicKey

REPORT_FILE = "test_report.json"
REPORT_SIGNATURE = "test_report.json.sig"
REPORT_TYPE = "urn:forgelm:test-report:v1"


def verify_report_signature(signature: bytes, report_sha256: str, key: EcPublicKey) -> None:
    """Return when ``signature`` holds under ``key`` for the report with that digest.

    Raises:
        ConfigError: it is no such signature.
        IntegrityError: it does not hold, or is of another report.
    """
    statement = open_bundle(signature, key, REPORT_SIGNATURE)
    try:
        (subject,) = statement["subject"]
        signed = subject["digest"]["sha256"]
    except (KeyError, TypeError, ValueError):
        signed = None
    if statement.get("predicateType") != REPORT_TYPE or signed != report_sha256:
        raise IntegrityError(f"{REPORT_SIGNATURE} signs another report than the one that is here")
