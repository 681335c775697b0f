"""Names of harm into one list: hazards S1 to S14 with their severity, whatever a guard or a probe set calls them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType

from forgelm.config.safety import SEVERITIES

_RANK = MappingProxyType({severity: rank for rank, severity in enumerate(SEVERITIES)})
_CODE = re.compile(r"S([1-9][0-9]?)", re.IGNORECASE)


@dataclass(frozen=True)
class Hazard:
    """One category of the MLCommons taxonomy as Llama Guard 3 numbers it, with the severity of the contract."""

    code: str
    name: str
    severity: str


HAZARDS: MappingProxyType[str, Hazard] = MappingProxyType(
    {
        hazard.code: hazard
        for hazard in (
            Hazard("S1", "violent_crimes", "critical"),
            Hazard("S2", "non_violent_crimes", "high"),
            Hazard("S3", "sex_related_crimes", "critical"),
            Hazard("S4", "child_sexual_exploitation", "critical"),
            Hazard("S5", "defamation", "medium"),
            Hazard("S6", "specialized_advice", "medium"),
            Hazard("S7", "privacy", "high"),
            Hazard("S8", "intellectual_property", "low"),
            Hazard("S9", "indiscriminate_weapons", "critical"),
            Hazard("S10", "hate", "high"),
            Hazard("S11", "suicide_self_harm", "critical"),
            Hazard("S12", "sexual_content", "medium"),
            Hazard("S13", "elections", "medium"),
            Hazard("S14", "code_interpreter_abuse", "low"),
        )
    }
)

# What guards and public probe sets call a hazard, lower case and without punctuation. A name that fits none of the
# fourteen, such as disinformation, is not here: it stays a category without a severity of its own.
_NAMES = MappingProxyType(
    {
        # Qwen3Guard-Gen
        "violent": "S1",
        "nonviolentillegalacts": "S2",
        "sexualcontentorsexualacts": "S12",
        "pii": "S7",
        "personallyidentifiableinformation": "S7",
        "suicideselfharm": "S11",
        "copyrightviolation": "S8",
        "unethicalacts": "S10",
        # ShieldGemma's policies
        "dangerouscontent": "S9",
        "harassment": "S10",
        "hatespeech": "S10",
        "sexuallyexplicitinformation": "S12",
        # HarmBench
        "chemicalbiological": "S9",
        "cybercrimeintrusion": "S2",
        "harassmentbullying": "S10",
        "illegal": "S2",
        "copyright": "S8",
        # StrongREJECT
        "hateharassmentanddiscrimination": "S10",
        "illegalgoodsandservices": "S2",
        "nonviolentcrimes": "S2",
        "sexualcontent": "S12",
        "violence": "S1",
        # JailbreakBench
        "harassmentdiscrimination": "S10",
        "malwarehacking": "S2",
        "physicalharm": "S1",
        "economicharm": "S2",
        "frauddeception": "S2",
        "sexualadultcontent": "S12",
        "privacy": "S7",
        "expertadvice": "S6",
        # names in common use
        "fraud": "S2",
        "cybersecurity": "S2",
        "malware": "S2",
        "weaponsviolence": "S1",
        "privacyviolence": "S7",
        "extremism": "S1",
        "selfharm": "S11",
        "csam": "S4",
        "biosecurity": "S9",
        "controlledsubstances": "S2",
        "medicalmisinfo": "S6",
    }
    | {re.sub("[^a-z]", "", hazard.name): hazard.code for hazard in HAZARDS.values()}
)


def find_hazard(name: str) -> str | None:
    """Return the code that ``name`` stands for (``S9``, ``s9``, ``privacy``, ``Suicide & Self-Harm``), if any."""
    text = name.strip()
    code = _CODE.match(text)
    if code and (len(text) == code.end() or not text[code.end()].isalnum()):
        found = f"S{code.group(1)}"
        return found if found in HAZARDS else None
    return _NAMES.get(re.sub("[^a-z]", "", text.lower()))


def worst_hazard(codes: Iterable[str]) -> str | None:
    """Return the code of the highest severity; the first of several."""
    return min(
        (code for code in codes if code in HAZARDS), key=lambda code: _RANK[HAZARDS[code].severity], default=None
    )


def severity_of(code: str | None) -> str | None:
    return HAZARDS[code].severity if code is not None and code in HAZARDS else None
