"""ForgeLM: one YAML in; a fine-tuned model, a verdict and sealed evidence out.

Names resolve on first use, so ``import forgelm`` loads nothing heavy.
"""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType

# The real constant lives in typing, whose import would take a third of this package's time.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from forgelm.assist.ingest import IngestionResult, describe_strategies, ingest_path, list_supported_formats
    from forgelm.assist.preview import DatasetPreview, preview_dataset
    from forgelm.audit.dataset import audit_dataset
    from forgelm.audit.findings import Finding
    from forgelm.audit.pii.find import detect_pii, find_pii, mask_pii
    from forgelm.audit.report.record import AuditReport
    from forgelm.audit.rows.minhash import compute_minhash
    from forgelm.audit.rows.simhash import compute_simhash
    from forgelm.audit.secrets.find import detect_secrets, find_secrets, mask_secrets
    from forgelm.base.errors import (
        AddressRefusedError,
        ArgumentError,
        ClusterError,
        ConfigError,
        DataError,
        ForgeError,
        IntegrityError,
        ModelError,
        NetworkError,
        OptionalDependencyError,
        RunBusyError,
        SourceError,
        StoppedError,
        StorageError,
        TrainingError,
    )
    from forgelm.config.load import load_config
    from forgelm.config.root import ForgeConfig
    from forgelm.data.synthesis.outcome import SynthesisResult
    from forgelm.evaluate.benchmark.library import BenchmarkResult, run_benchmark
    from forgelm.evidence.anchor import Anchor, read_anchors
    from forgelm.evidence.approval import ApprovalCheck
    from forgelm.evidence.approval_check import verify_approvals
    from forgelm.evidence.bundle.report import Verification
    from forgelm.evidence.bundle.trust import Trust
    from forgelm.evidence.bundle.verify import verify_evidence
    from forgelm.evidence.bundle.write import Bundle, write_bundle
    from forgelm.evidence.chain import VerifyResult, verify_audit_log
    from forgelm.evidence.checkpoint import Checkpoint
    from forgelm.evidence.documents.verify_annex_iv import VerifyAnnexIVResult, verify_annex_iv_artifact
    from forgelm.evidence.ec_key import EcKey, generate_ec_key, load_ec_key
    from forgelm.evidence.ec_public import EcPublicKey, read_ec_public_key
    from forgelm.evidence.erasure.purge import PurgeKind, RowOrder, RowPurge, purge_row, purge_run
    from forgelm.evidence.erasure.retention import find_overdue
    from forgelm.evidence.erasure.search import AccessRequest, search_person
    from forgelm.evidence.inventory import VerifyIntegrityResult, verify_integrity
    from forgelm.evidence.keys import PublicKey, read_public_key
    from forgelm.evidence.ledger import AuditLogger
    from forgelm.evidence.pipeline.verify import PipelineVerification, verify_pipeline
    from forgelm.evidence.sign import SignedModel, SignedReport, sign_model, sign_report
    from forgelm.evidence.signature import VerifySignatureResult, verify_signature
    from forgelm.evidence.subjects import SubjectKeys
    from forgelm.evidence.unproven import Unproven
    from forgelm.model.authentication import setup_authentication
    from forgelm.model.load import get_model_and_tokenizer
    from forgelm.publish.approvals import list_pending, show_run
    from forgelm.publish.decide import approve_run, reject_run, revoke_run
    from forgelm.publish.desk import Opinion
    from forgelm.publish.gguf.export import ExportReport, export_gguf
    from forgelm.publish.gguf.verify import VerifyGgufResult, verify_gguf
    from forgelm.publish.merging import MergeReport, merge_adapter, merge_models
    from forgelm.run.pipeline.run import PipelineResult, run_pipeline
    from forgelm.run.pipeline.wishes import PipelineWishes
    from forgelm.run.result import TrainResult
    from forgelm.run.safety_eval import SafetyResult, run_safety_eval
    from forgelm.run.synthetic import SyntheticDataGenerator
    from forgelm.run.trainer import ForgeTrainer
    from forgelm.run.webhook.notifier import WebhookNotifier
    from forgelm.train.checkpoints import manage_checkpoints
    from forgelm.train.dataset import prepare_dataset

    __version__: str

__api_version__ = "1.0.0"

_HOMES = MappingProxyType(
    {
        "AccessRequest": "forgelm.evidence.erasure.search",
        "AddressRefusedError": "forgelm.base.errors",
        "Anchor": "forgelm.evidence.anchor",
        "ApprovalCheck": "forgelm.evidence.approval",
        "ArgumentError": "forgelm.base.errors",
        "Bundle": "forgelm.evidence.bundle.write",
        "ClusterError": "forgelm.base.errors",
        "AuditLogger": "forgelm.evidence.ledger",
        "AuditReport": "forgelm.audit.report.record",
        "BenchmarkResult": "forgelm.evaluate.benchmark.library",
        "Checkpoint": "forgelm.evidence.checkpoint",
        "ConfigError": "forgelm.base.errors",
        "DataError": "forgelm.base.errors",
        "DatasetPreview": "forgelm.assist.preview",
        "EcKey": "forgelm.evidence.ec_key",
        "EcPublicKey": "forgelm.evidence.ec_public",
        "ExportReport": "forgelm.publish.gguf.export",
        "Finding": "forgelm.audit.findings",
        "ForgeConfig": "forgelm.config.root",
        "ForgeError": "forgelm.base.errors",
        "ForgeTrainer": "forgelm.run.trainer",
        "IngestionResult": "forgelm.assist.ingest",
        "IntegrityError": "forgelm.base.errors",
        "MergeReport": "forgelm.publish.merging",
        "ModelError": "forgelm.base.errors",
        "NetworkError": "forgelm.base.errors",
        "Opinion": "forgelm.publish.desk",
        "OptionalDependencyError": "forgelm.base.errors",
        "PipelineResult": "forgelm.run.pipeline.run",
        "PipelineVerification": "forgelm.evidence.pipeline.verify",
        "PipelineWishes": "forgelm.run.pipeline.wishes",
        "PublicKey": "forgelm.evidence.keys",
        "PurgeKind": "forgelm.evidence.erasure.purge",
        "RowOrder": "forgelm.evidence.erasure.purge",
        "RowPurge": "forgelm.evidence.erasure.purge",
        "RunBusyError": "forgelm.base.errors",
        "SafetyResult": "forgelm.run.safety_eval",
        "SignedModel": "forgelm.evidence.sign",
        "SignedReport": "forgelm.evidence.sign",
        "SourceError": "forgelm.base.errors",
        "StoppedError": "forgelm.base.errors",
        "StorageError": "forgelm.base.errors",
        "SubjectKeys": "forgelm.evidence.subjects",
        "SynthesisResult": "forgelm.data.synthesis.outcome",
        "SyntheticDataGenerator": "forgelm.run.synthetic",
        "TrainResult": "forgelm.run.result",
        "TrainingError": "forgelm.base.errors",
        "Trust": "forgelm.evidence.bundle.trust",
        "Unproven": "forgelm.evidence.unproven",
        "Verification": "forgelm.evidence.bundle.report",
        "VerifyAnnexIVResult": "forgelm.evidence.documents.verify_annex_iv",
        "VerifyGgufResult": "forgelm.publish.gguf.verify",
        "VerifyIntegrityResult": "forgelm.evidence.inventory",
        "VerifyResult": "forgelm.evidence.chain",
        "VerifySignatureResult": "forgelm.evidence.signature",
        "WebhookNotifier": "forgelm.run.webhook.notifier",
        "approve_run": "forgelm.publish.decide",
        "audit_dataset": "forgelm.audit.dataset",
        "compute_minhash": "forgelm.audit.rows.minhash",
        "compute_simhash": "forgelm.audit.rows.simhash",
        "describe_strategies": "forgelm.assist.ingest",
        "detect_pii": "forgelm.audit.pii.find",
        "detect_secrets": "forgelm.audit.secrets.find",
        "export_gguf": "forgelm.publish.gguf.export",
        "find_overdue": "forgelm.evidence.erasure.retention",
        "find_pii": "forgelm.audit.pii.find",
        "find_secrets": "forgelm.audit.secrets.find",
        "generate_ec_key": "forgelm.evidence.ec_key",
        "get_model_and_tokenizer": "forgelm.model.load",
        "ingest_path": "forgelm.assist.ingest",
        "list_pending": "forgelm.publish.approvals",
        "list_supported_formats": "forgelm.assist.ingest",
        "load_config": "forgelm.config.load",
        "load_ec_key": "forgelm.evidence.ec_key",
        "manage_checkpoints": "forgelm.train.checkpoints",
        "mask_pii": "forgelm.audit.pii.find",
        "mask_secrets": "forgelm.audit.secrets.find",
        "merge_adapter": "forgelm.publish.merging",
        "merge_models": "forgelm.publish.merging",
        "prepare_dataset": "forgelm.train.dataset",
        "preview_dataset": "forgelm.assist.preview",
        "purge_row": "forgelm.evidence.erasure.purge",
        "purge_run": "forgelm.evidence.erasure.purge",
        "read_anchors": "forgelm.evidence.anchor",
        "read_ec_public_key": "forgelm.evidence.ec_public",
        "read_public_key": "forgelm.evidence.keys",
        "reject_run": "forgelm.publish.decide",
        "revoke_run": "forgelm.publish.decide",
        "run_benchmark": "forgelm.evaluate.benchmark.library",
        "run_pipeline": "forgelm.run.pipeline.run",
        "run_safety_eval": "forgelm.run.safety_eval",
        "search_person": "forgelm.evidence.erasure.search",
        "setup_authentication": "forgelm.model.authentication",
        "show_run": "forgelm.publish.approvals",
        "sign_model": "forgelm.evidence.sign",
        "sign_report": "forgelm.evidence.sign",
        "verify_annex_iv_artifact": "forgelm.evidence.documents.verify_annex_iv",
        "verify_approvals": "forgelm.evidence.approval_check",
        "verify_audit_log": "forgelm.evidence.chain",
        "verify_evidence": "forgelm.evidence.bundle.verify",
        "verify_gguf": "forgelm.publish.gguf.verify",
        "verify_integrity": "forgelm.evidence.inventory",
        "verify_pipeline": "forgelm.evidence.pipeline.verify",
        "verify_signature": "forgelm.evidence.signature",
        "write_bundle": "forgelm.evidence.bundle.write",
    }
)

__all__ = [
    "AccessRequest",
    "AddressRefusedError",
    "Anchor",
    "ApprovalCheck",
    "ArgumentError",
    "AuditLogger",
    "AuditReport",
    "BenchmarkResult",
    "Bundle",
    "Checkpoint",
    "ClusterError",
    "ConfigError",
    "DataError",
    "DatasetPreview",
    "EcKey",
    "EcPublicKey",
    "ExportReport",
    "Finding",
    "ForgeConfig",
    "ForgeError",
    "ForgeTrainer",
    "IngestionResult",
    "IntegrityError",
    "MergeReport",
    "ModelError",
    "NetworkError",
    "Opinion",
    "OptionalDependencyError",
    "PipelineResult",
    "PipelineVerification",
    "PipelineWishes",
    "PublicKey",
    "PurgeKind",
    "RowOrder",
    "RowPurge",
    "RunBusyError",
    "SafetyResult",
    "SignedModel",
    "SignedReport",
    "SourceError",
    "StoppedError",
    "StorageError",
    "SubjectKeys",
    "SynthesisResult",
    "SyntheticDataGenerator",
    "TrainResult",
    "TrainingError",
    "Trust",
    "Unproven",
    "Verification",
    "VerifyAnnexIVResult",
    "VerifyGgufResult",
    "VerifyIntegrityResult",
    "VerifyResult",
    "VerifySignatureResult",
    "WebhookNotifier",
    "__api_version__",
    "__version__",
    "approve_run",
    "audit_dataset",
    "compute_minhash",
    "compute_simhash",
    "describe_strategies",
    "detect_pii",
    "detect_secrets",
    "export_gguf",
    "find_overdue",
    "find_pii",
    "find_secrets",
    "generate_ec_key",
    "get_model_and_tokenizer",
    "ingest_path",
    "list_pending",
    "list_supported_formats",
    "load_config",
    "load_ec_key",
    "manage_checkpoints",
    "mask_pii",
    "mask_secrets",
    "merge_adapter",
    "merge_models",
    "prepare_dataset",
    "preview_dataset",
    "purge_row",
    "purge_run",
    "read_anchors",
    "read_ec_public_key",
    "read_public_key",
    "reject_run",
    "revoke_run",
    "run_benchmark",
    "run_pipeline",
    "run_safety_eval",
    "search_person",
    "setup_authentication",
    "show_run",
    "sign_model",
    "sign_report",
    "verify_annex_iv_artifact",
    "verify_approvals",
    "verify_audit_log",
    "verify_evidence",
    "verify_gguf",
    "verify_integrity",
    "verify_pipeline",
    "verify_signature",
    "write_bundle",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        value: Any = import_module("importlib.metadata").version("forgelm")
    elif name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
    else:
        raise AttributeError(f"module 'forgelm' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
