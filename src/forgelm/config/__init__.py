"""The YAML file as frozen, checked values: ``load_config`` reads it, ``ForgeConfig`` holds it."""

from forgelm.config.approval import ApprovalConfig
from forgelm.config.benchmark import BenchmarkConfig
from forgelm.config.data import DataConfig, GovernanceConfig
from forgelm.config.declarations import DatasetDeclaration, GpaiConfig, Statement
from forgelm.config.evaluation import EvaluationConfig
from forgelm.config.export import ExportConfig
from forgelm.config.governance import AuthConfig, ComplianceConfig, RiskAssessmentConfig, RiskTier
from forgelm.config.load import load_config
from forgelm.config.memorisation import MemorisationConfig
from forgelm.config.merge import MergeConfig, MergeSource
from forgelm.config.model import LoraConfig, ModelConfig
from forgelm.config.pipeline import PipelineConfig, PipelineStage
from forgelm.config.retention import RetentionConfig
from forgelm.config.root import ForgeConfig
from forgelm.config.safety import GuardConfig, SafetyConfig
from forgelm.config.schema import build_json_schema
from forgelm.config.text_metrics import TextMetricsConfig
from forgelm.config.training import TrainingConfig

__all__ = [
    "ApprovalConfig",
    "AuthConfig",
    "BenchmarkConfig",
    "ComplianceConfig",
    "DataConfig",
    "DatasetDeclaration",
    "EvaluationConfig",
    "ExportConfig",
    "ForgeConfig",
    "GovernanceConfig",
    "GpaiConfig",
    "GuardConfig",
    "LoraConfig",
    "MemorisationConfig",
    "MergeConfig",
    "MergeSource",
    "ModelConfig",
    "PipelineConfig",
    "PipelineStage",
    "RetentionConfig",
    "RiskAssessmentConfig",
    "RiskTier",
    "SafetyConfig",
    "Statement",
    "TextMetricsConfig",
    "TrainingConfig",
    "build_json_schema",
    "load_config",
]
