"""The one-third question: whether a fine-tune took more than a third of the compute of the model it started from."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from forgelm.config.declarations import GpaiConfig
from forgelm.evidence.documents.base_models import BaseCompute, find_base_compute
from forgelm.evidence.documents.document import Document
from forgelm.evidence.documents.dossier import Dossier
from forgelm.evidence.documents.lineage import largest_figure
from forgelm.evidence.documents.page import Bullets, Facts, Mark, Page, Paragraph, Section

GPAI_FLOP, SYSTEMIC_FLOP = 1e23, 1e25
_GUIDELINES = (
    "European Commission, Guidelines on the scope of the obligations for general-purpose AI models, C(2025) 5045, "
    "formally adopted as C(2025) 7719"
)
_COUNTED = "all compute that contributed directly to updates of the weights of this run and of those it builds on"
_NOT_COUNTED = (
    "evaluation and testing",
    "activations computed again to save memory",
    "training of reward or value models",
    "experiments that did not lead to these weights",
    "steps lost to a crash and done again",
)
_OTHER_QUESTIONS = (
    (
        "Article 25(1): putting one's own name on a high-risk system, modifying it substantially, or changing its "
        "purpose so that it becomes high-risk makes one its provider, whatever was computed. This page says nothing "
        "about that."
    ),
    "A modifier above the line has the duties of Article 53 for the modification only (recital 109).",
    "The criterion is indicative and not binding; a change can be significant below it.",
)


@dataclass(frozen=True)
class Threshold:
    """A third of what the original took, and the rule it follows from."""

    flop: float
    rule: str


@dataclass(frozen=True)
class OneThird:
    """The answer. ``share`` is the modification's compute over the threshold: above 1 the criterion is met."""

    total: float
    threshold: Threshold
    share: float

    @property
    def above(self) -> bool:
        return self.total > self.threshold.flop


def base_compute(dossier: Dossier) -> BaseCompute | None:
    """Return the original model's training compute: as declared, else by the table, else unknown."""
    gpai = dossier.gpai
    if gpai.base_training_flop is not None:
        return BaseCompute(gpai.base_training_flop, "declared", gpai.base_training_flop_source or "")
    return find_base_compute(dossier.lineage.root)


def choose_threshold(base: BaseCompute | None, *, systemic: bool) -> Threshold:
    """Return a third of the original's compute or, where that is unknown, of the class's own line."""
    if base is not None:
        return Threshold(base.flop / 3, f"a third of the original's training compute, {base.flop:.3g} FLOP")
    line = SYSTEMIC_FLOP if systemic else GPAI_FLOP
    kind = "a general-purpose model with systemic risk" if systemic else "a general-purpose model"
    return Threshold(
        line / 3,
        f"the original's compute is not known: a third of {line:.0e} FLOP, from which on it is taken for {kind}",
    )


def decide_one_third(this_run: float, earlier: float, base: BaseCompute | None, *, systemic: bool) -> OneThird:
    """Compare the compute of all modifications together with the threshold."""
    threshold, total = choose_threshold(base, systemic=systemic), this_run + earlier
    return OneThird(total, threshold, total / threshold.flop)


def build_gpai_compute(dossier: Dossier) -> Document:
    """Return the verdict with its figures, sources and assumptions."""
    compute, gpai = dossier.run.outcome.compute, dossier.gpai
    figure, this_run = largest_figure(dossier.run)
    base = base_compute(dossier)
    answer = decide_one_third(
        this_run, dossier.lineage.flop + gpai.earlier_flop, base, systemic=gpai.base_has_systemic_risk
    )
    record: dict[str, Any] = dossier.head() | {
        "question": "Did the modification take more than a third of the original model's training compute?",
        "criterion": _GUIDELINES,
        "above_one_third": answer.above,
        "sentence": _sentence(answer, base),
        "share_of_threshold": answer.share,
        "threshold": asdict(answer.threshold),
        "modification_flop": answer.total,
        "this_run": {
            "flop_used": this_run,
            "figure_used": f"{figure}, the largest of those known",
            "flop_operations": compute.flop_operations,
            "flop_upper_bound": compute.flop_upper_bound,
            "flop_hardware": compute.flop_hardware,
            "flop_hardware_reason": compute.flop_hardware_reason,
            "figures_differ_by_more_than_30_percent": compute.figures_differ,
            "notes": list(compute.notes),
            "steps": compute.steps,
            "tokens": compute.real_tokens,
            "padding_tokens": compute.padded_tokens,
            "parameters": compute.parameters,
            "trainable_parameters": compute.trainable_parameters,
        },
        "earlier_modifications": {
            "from_lineage": [asdict(item) for item in dossier.lineage.earlier],
            "lineage_problem": dossier.lineage.problem,
            "declared_flop": gpai.earlier_flop,
            "declared_source": gpai.earlier_flop_source,
        },
        "original_model": {
            "name": dossier.lineage.root,
            "training_flop": base.flop if base else None,
            "basis": base.basis if base else None,
            "source": base.source if base else None,
            "note": base.note if base else None,
            "declared_systemic_risk": gpai.base_has_systemic_risk,
            "reaches_1e23_flop": base.flop > GPAI_FLOP if base else None,
        },
        "assumptions": list(_assumptions(dossier, base, gpai)),
        "not_counted": list(_NOT_COUNTED),
        "other_questions": list(_OTHER_QUESTIONS),
    }
    return Document(
        "gpai_compute",
        "Compute, and the one-third criterion",
        "Whether this fine-tune took more than a third of its base model's compute, with every figure for it.",
        "Article 53; Commission guidelines on GPAI models",
        record,
        _page(dossier, record, answer),
    )


def _sentence(answer: OneThird, base: BaseCompute | None) -> str:
    side = "above" if answer.above else "not above"
    return (
        f"The modification took {answer.total:.3g} FLOP, {_share(answer.share)} of the line at "
        f"{answer.threshold.flop:.3g} FLOP: {side} the indicative one-third criterion.{_below_all(answer, base)}"
    )


def _share(share: float) -> str:
    return f"{share:.1%}" if share >= 0.01 else f"one part in {1 / share:,.0f}" if share else "nothing"


def _below_all(answer: OneThird, base: BaseCompute | None) -> str:
    """Return what to add where even the result is too small for the criterion to be about it."""
    if base is None or base.flop + answer.total > GPAI_FLOP:
        return ""
    return (
        f" Original and modification together stay below {GPAI_FLOP:.0e} FLOP, from which on a model is taken for a "
        "general-purpose one, so the criterion is hardly about this model."
    )


def _assumptions(dossier: Dossier, base: BaseCompute | None, gpai: GpaiConfig) -> tuple[str, ...]:
    found = [
        f"Counted: {_COUNTED}.",
        "Where figures for one training differ, the largest is used. Operations of every precision count alike.",
        (
            "The operation count takes two operations for each weight and position forwards, two backwards, and two "
            "for each weight that learns, plus attention; the upper bound takes every weight as learning (6PD)."
        ),
    ]
    if base is not None and base.basis != "declared":
        found.append(f"The original's compute is {base.basis}, by what its provider published: {base.source}.")
    if base is not None and base.note:
        found.append(f"About that figure: {base.note}.")
    if not dossier.lineage.earlier and not gpai.earlier_flop:
        found.append("No earlier modification is known: none was declared, and the base model's folder lists none.")
    if dossier.lineage.problem:
        found.append(f"The sum over earlier modifications may be too small: {dossier.lineage.problem}.")
    if gpai.base_has_systemic_risk:
        found.append(
            "For an original with systemic risk, compute for synthetic data and merged weights counts as well; "
            "declare it as compliance.gpai.earlier_flop."
        )
    return tuple(found)


def _page(dossier: Dossier, record: dict[str, Any], answer: OneThird) -> Page:
    run, original = record["this_run"], record["original_model"]
    figures = (
        ("operation count", f"{run['flop_operations']:.4g} FLOP"),
        ("upper bound 6PD", f"{run['flop_upper_bound']:.4g} FLOP"),
        ("hardware N·L·H·U", run["flop_hardware"] or f"not measured: {run['flop_hardware_reason']}"),
        ("further apart than 30 %", Mark("yes", "open") if run["figures_differ_by_more_than_30_percent"] else "no"),
        *(("why", note) for note in run["notes"]),
        ("tokens, without padding", run["tokens"]),
        ("padding tokens", run["padding_tokens"]),
        ("parameters", f"{run['parameters']}, of which {run['trainable_parameters']} learnt"),
        ("optimizer steps", run["steps"]),
    )
    earlier = tuple(
        (item["run_id"], f"{item['flop']:.4g} FLOP on {item['base_model']}")
        for item in record["earlier_modifications"]["from_lineage"]
    )
    return Page(
        "Compute, and the one-third criterion",
        (
            Mark("above a third" if answer.above else "not above a third", "bad" if answer.above else "good"),
            record["sentence"],
        ),
        (
            Section("What this run computed", (Facts(figures),)),
            Section(
                "What came before it",
                (Facts((*earlier, ("declared", f"{dossier.gpai.earlier_flop:.4g} FLOP"))),),
            ),
            Section(
                "The line",
                (
                    Facts(
                        (
                            ("original model", original["name"]),
                            ("its training compute", original["training_flop"]),
                            ("how that is known", original["basis"]),
                            ("source", original["source"]),
                            ("rule", answer.threshold.rule),
                            ("criterion", record["criterion"]),
                        )
                    ),
                ),
            ),
            Section("Assumptions", (Bullets(tuple(record["assumptions"])),)),
            Section("Not counted", (Bullets(_NOT_COUNTED),)),
            Section("Other questions this does not answer", (Paragraph("Keep them apart:"), Bullets(_OTHER_QUESTIONS))),
        ),
        dossier.foot,
    )
