"""What is asked about a general-purpose model, item by item: one list, from which three documents are made.

Items and recipients are those of the Model Documentation Form in the GPAI Code of Practice, transparency chapter; the
points of Annex XI stand beside them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from forgelm.evidence.documents.dossier import Dossier, said

Recipient = Literal["ai_office", "national_authorities", "downstream"]
OFFICE: tuple[Recipient, ...] = ("ai_office",)
AUTHORITIES: tuple[Recipient, ...] = ("ai_office", "national_authorities")
NATIONAL: tuple[Recipient, ...] = ("national_authorities",)
DOWNSTREAM: tuple[Recipient, ...] = ("downstream",)
ALL: tuple[Recipient, ...] = ("ai_office", "national_authorities", "downstream")
_BINS = ((500e6, "1 to 500 million"), (5e9, "500 million to 5 billion"), (15e9, "5 to 15 billion"),
         (50e9, "15 to 50 billion"), (100e9, "50 to 100 billion"), (500e9, "100 to 500 billion"),
         (1e12, "500 billion to 1 trillion"))  # fmt: skip
_MONTH_SECONDS = 30 * 86400
_JOULES_PER_MWH = 3.6e9


@dataclass(frozen=True)
class Item:
    """One item. ``value`` is ``None`` where nothing is known; ``source`` says whether a person or the run says it."""

    block: str
    title: str
    recipients: tuple[Recipient, ...]
    value: Any
    source: Literal["measured", "declared"]
    annex_xi: str | None = None

    @property
    def status(self) -> str:
        return "missing" if self.value in (None, "", [], {}) else self.source

    def as_record(self) -> dict[str, Any]:
        return {
            "block": self.block,
            "title": self.title,
            "recipients": list(self.recipients),
            "status": self.status,
            "value": self.value,
            "annex_xi": self.annex_xi,
        }


def list_items(dossier: Dossier) -> tuple[Item, ...]:
    """Return every item with what is known about it."""
    return (
        *_general(dossier),
        *_properties(dossier),
        *_distribution(dossier),
        *_use(dossier),
        *_training(dossier),
        *_data(dossier),
        *_compute(dossier),
    )


def parameter_bin(parameters: int) -> str:
    """Return the form's range for a number of parameters."""
    return next((name for limit, name in _BINS if parameters <= limit), "more than 1 trillion")


def round_to(value: float, digits: int) -> float:
    """Return ``value`` with that many significant digits."""
    return float(f"{value:.{digits - 1}e}")


def _general(dossier: Dossier) -> tuple[Item, ...]:
    compliance, gpai, block = dossier.compliance, dossier.gpai, "General information"
    names = (said(compliance.system_name), said(compliance.system_version))
    revision = dossier.run.loaded.revision.revision_resolved
    base = dossier.public_name(dossier.lineage.root)
    earlier = [item.run_id for item in dossier.lineage.earlier]
    return (
        Item(block, "Legal name of the provider", ALL, said(compliance.provider_name), "declared"),
        Item(block, "Model name and version", ALL, " ".join(filter(None, names)) or None, "declared"),
        Item(
            block,
            "Authenticity of the model",
            AUTHORITIES,
            f"SHA-256 of model_integrity.json, which lists every file: {dossier.model_root}",
            "measured",
        ),
        Item(block, "Release date", ALL, gpai.release_date, "declared", "1(c)"),
        Item(block, "Placed on the Union market", ALL, gpai.union_market_date, "declared"),
        Item(
            block,
            "Model dependencies",
            ALL,
            {"base model": base, "revision": revision or "local files", "earlier fine-tunes": earlier},
            "measured",
        ),
    )


def _properties(dossier: Dossier) -> tuple[Item, ...]:
    run, block = dossier.run, "Model properties"
    size = f"up to {run.config.model.max_length} tokens in training"
    total = run.loaded.total_parameters
    return (
        Item(block, "Architecture", ALL, f"{run.loaded.architecture}, {run.loaded.adapter_method}", "measured", "1(d)"),
        Item(block, "Design specifications", AUTHORITIES, dossier.gpai.design_choices, "declared", "2(b)"),
        Item(block, "Input modalities and their size", ALL, f"text, {size}", "measured", "1(e)"),
        Item(block, "Output modalities and their size", ALL, f"text, {size}", "measured", "1(e)"),
        Item(block, "Parameters", OFFICE, total, "measured", "1(d)"),
        Item(block, "Parameters, as a range", ALL, parameter_bin(total), "measured"),
    )


def _distribution(dossier: Dossier) -> tuple[Item, ...]:
    gpai, block = dossier.gpai, "Distribution and licence"
    return (
        Item(block, "Distribution channels", ALL, list(gpai.distribution_channels), "declared", "1(c)"),
        Item(block, "Licence", ALL, gpai.licence, "declared", "1(f)"),
        Item(block, "Files that are distributed", ALL, list(dossier.model_files), "measured"),
    )


def _use(dossier: Dossier) -> tuple[Item, ...]:
    gpai, compliance, block = dossier.gpai, dossier.compliance, "Use"
    restricted = [said(compliance.known_limitations), *(said(text) for text in dossier.risk.foreseeable_misuse)]
    return (
        Item(block, "Acceptable use policy", ALL, gpai.acceptable_use_policy, "declared", "1(b)"),
        Item(block, "Intended uses", ALL, said(compliance.intended_purpose), "declared", "1(a)"),
        Item(block, "Restricted uses", ALL, [text for text in restricted if text], "declared"),
        Item(block, "Kinds of AI systems it can be part of", ALL, gpai.system_types, "declared", "1(a)"),
        Item(block, "Technical means of integration", ALL, gpai.integration, "declared", "2(a)"),
        Item(block, "Required hardware", DOWNSTREAM, gpai.required_hardware, "declared"),
        Item(block, "Required software", DOWNSTREAM, gpai.required_software, "declared"),
    )


def _training(dossier: Dossier) -> tuple[Item, ...]:
    run, block = dossier.run, "Training process"
    training = run.config.training
    method = {
        "objective": training.trainer_type,
        "method": run.loaded.adapter_method,
        "optimizer steps": run.outcome.steps,
        "learning rate": training.learning_rate,
        "rows in a step": training.per_device_train_batch_size * training.gradient_accumulation_steps,
        "seed": training.seed,
    }
    return (
        Item(block, "Design specifications of the training", AUTHORITIES, method, "measured", "2(b)"),
        Item(block, "Rationale of decisions", AUTHORITIES, dossier.gpai.design_choices, "declared", "2(b)"),
    )


def _data(dossier: Dossier) -> tuple[Item, ...]:
    block, governance, prepared = "Training data", dossier.governance, dossier.run.prepared
    declared = governance.datasets
    rows = sum(source.rows_used for source in dossier.consumption.sources)
    measured = dossier.audit.findings if dossier.audit else {}
    cleaned = {
        "control characters dropped": dossier.run.config.data.clean_text,
        "rows left out": len(prepared.skipped),
        "declared": said(governance.data_preparation),
    }
    obtained = {dossier.public_name(item.name): item.obtained for item in declared if item.obtained}
    scope = {
        dossier.public_name(item.name): [item.content, *item.languages]
        for item in declared
        if item.content or item.languages
    }
    return (
        Item(block, "Types of data", ALL, "text", "measured", "2(c)"),
        Item(block, "Provenance", ALL, {dossier.public_name(i.name): i.category for i in declared}, "declared", "2(c)"),
        Item(
            block,
            "How it was obtained and selected",
            AUTHORITIES,
            obtained or said(governance.collection_method),
            "declared",
            "2(c)",
        ),
        Item(
            block,
            "Number of data points",
            OFFICE,
            f"{rows} rows, {dossier.consumption.tokens_used} tokens",
            "measured",
            "2(c)",
        ),
        Item(block, "Number of data points, rounded", NATIONAL, f"{round_to(rows, 1):g} rows", "measured"),
        Item(block, "Scope and main characteristics", AUTHORITIES, scope, "declared", "2(c)"),
        Item(block, "Curation", ALL, cleaned, "measured", "2(c)"),
        Item(block, "Measures to find unsuitable data", AUTHORITIES, measured or None, "measured", "2(c)"),
        Item(block, "Measures to find biases", AUTHORITIES, governance.bias_examination, "declared", "2(c)"),
    )


def _compute(dossier: Dossier) -> tuple[Item, ...]:
    run, block = dossier.run, "Computational resources and energy"
    compute, seconds = run.outcome.compute, run.outcome.seconds
    months = (
        "less than one month" if seconds < _MONTH_SECONDS else f"{math.ceil(seconds / _MONTH_SECONDS)} months at most"
    )
    devices = max(1, len(run.loaded.hardware.gpu_names))
    energy = None if compute.energy_joules is None else round_to(compute.energy_joules / _JOULES_PER_MWH, 2)
    time = {"wall-clock days": round_to(seconds / 86400, 2), "device days": round_to(seconds * devices / 86400, 2)}
    method = "operations counted pass by pass; see gpai_compute.json for the three figures and the assumptions"
    return (
        Item(block, "Training time", OFFICE, time, "measured", "2(d)"),
        Item(block, "Training time, as a range", NATIONAL, months, "measured"),
        Item(block, "Amount of computation", OFFICE, f"{compute.flop_operations:.1e} FLOP", "measured", "2(d)"),
        Item(
            block,
            "Amount of computation, order of magnitude",
            NATIONAL,
            _magnitude(compute.flop_operations),
            "measured",
        ),
        Item(block, "How it was measured", OFFICE, method, "measured"),
        Item(block, "Energy used in training, MWh", AUTHORITIES, energy, "measured", "2(e)"),
        Item(
            block,
            "How the energy was measured",
            AUTHORITIES,
            compute.energy_source or compute.energy_reason,
            "measured",
        ),
        Item(
            block,
            "Computation of use",
            AUTHORITIES,
            f"about {2.0 * compute.parameters:.1e} FLOP for each token read or written (2 operations a parameter)",
            "measured",
        ),
    )


def _magnitude(flop: float) -> str:
    return f"10^{math.floor(math.log10(flop))} FLOP" if flop > 0 else "none"
