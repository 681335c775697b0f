"""The section ``export``: the file the promoted model is written to, tried out before anything is trained."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from forgelm.config.section import Place, Section


class ExportConfig(Section):
    """A GGUF file of the promoted model, and the gate that it serves what was trained."""

    format: Literal["gguf"] = Field("gguf", description="The file's format.")
    quant: Literal["q2_k", "q3_k_m", "q4_k_m", "q5_k_m", "q8_0", "f16"] = Field(
        "q4_k_m", description="How numbers are packed."
    )
    output: Place | None = Field(None, description="The file; null is model.gguf in training.output_dir.")
    rehearse: bool = Field(
        True, description="Export two layers of the untrained model and load them back before training begins."
    )
    parity_rows: int = Field(
        8, ge=1, le=1000, description="Rows whose token ids and replies are compared between model and file."
    )
    min_reply_agreement: float = Field(
        0.75, ge=0, le=1, description="Least share of those rows whose reply begins the same from model and file."
    )
