"""The tables of personal data: every family a text is searched for, and the severity each kind is reported with."""

# ruff: noqa: RUF001 (words in their own alphabets)

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from forgelm.audit.findings import Severity
from forgelm.audit.matching.family import Family
from forgelm.audit.pii import european_ids, network, payment, phone
from forgelm.audit.pii.columns import COLUMNS, never
from forgelm.audit.pii.national import NATIONAL_FAMILIES
from forgelm.audit.pii.shapes import AFTER, BEFORE, SPACE

# Alphabets whose words are set apart by spaces: in others, a sentence would run into the address.
_LETTER = "A-Za-z\u00c0-\u02af\u0370-\u052f\u1e00-\u1fff"
_MAILBOX = f"[0-9_{_LETTER}][0-9_{_LETTER}.%+'-]{{0,127}}@"
_LABEL = f"[0-9{_LETTER}](?:[0-9{_LETTER}-]{{0,61}}[0-9{_LETTER}])?"
_PHONE_GAP = "[ ./()\u00a0\u2009\u202f\u2010-\u2015\u2212-]"
_PHONE_WORDS = (
    "phone", "telephone", "tel", "mobile", "cell", "cellphone", "fax", "whatsapp", "gsm", "call", "text", "sms",
    "telefon", "telefonnummer", "rufnummer", "handy", "mobil", "telefoon", "mobiel", "puhelin", "téléphone", "portable",
    "teléfono", "móvil", "celular", "telefono", "cellulare", "telefone", "telemóvel", "komórka", "numara", "cep",
    "тел", "Тел", "телефон", "Телефон", "моб", "τηλ", "Τηλ", "电话", "手机", "電話", "携帯", "전화", "휴대폰",
    "هاتف", "جوال",
    "फोन", "मोबाइल", "โทร", "điện thoại",
)  # fmt: skip
# The first digit follows four letters, or one and comes before three more characters.
_GERMAN_NEAR = "[0-9](?<=[A-Z][0-9])"
_GERMAN_CLUE = "[A-Z][0-9][0-9CFGHJKLMNPRTVWXYZ]{3}|[CFGHJKLMNPRTVWXYZ]{4}[0-9]"
_NIR_WORDS = ("sécurité sociale", "sécu", "sécu.", "securite sociale", "NIR", "INSEE", "insee", "SSN", "french ssn")


def _nir(department: str, clue: str, digits: int = 0) -> tuple[Family, ...]:
    """With its key; in groups; or bare, which is also how a time in milliseconds looks."""
    common: dict[str, Any] = {"left": BEFORE, "clue": clue, "digits": digits, "retries": True}
    return (
        Family("fr_ssn",
               f"[12]{SPACE}?[0-9]{{2}}{SPACE}?(?:0[1-9]|1[0-2]|[2-9][0-9]){SPACE}?{department}{SPACE}?[0-9]{{3}}"
               f"{SPACE}?[0-9]{{3}}{SPACE}?[0-9]{{2}}", "high", "pii", european_ids.french_nir, right=AFTER,
               column=COLUMNS[european_ids.french_nir] if digits else None, **common),
        Family("fr_ssn",
               f"[12]{SPACE}[0-9]{{2}}{SPACE}(?:0[1-9]|1[0-2]){SPACE}{department}{SPACE}[0-9]{{3}}{SPACE}[0-9]{{3}}",
               "high", "pii", right=f"{AFTER}(?!{SPACE}[0-9])", column=never if digits else None, **common),
        Family("fr_ssn", f"[12][0-9]{{2}}(?:0[1-9]|1[0-2]){department}[0-9]{{6}}", "high", "pii", right=AFTER,
               needs_context=True, context=_NIR_WORDS, **common),
    )  # fmt: skip


def _card(pattern: str, right: str) -> Family:
    return Family("credit_card", pattern, "critical", "pii", payment.credit_card, digits=13, retries=True,
                  left=BEFORE, right=right, column=COLUMNS[payment.credit_card])  # fmt: skip


def _phone(pattern: str, check: Callable[[str], bool], left: str, **more: Any) -> Family:
    return Family("phone", pattern, "low", "pii", check, digits=phone.FEWEST, trims=True, retries=True, left=left,
                  right="(?![0-9])", **more)  # fmt: skip


CONTRACT_FAMILIES = (
    Family(
        "email",
        f"{_MAILBOX}(?:{_LABEL}\\.){{1,8}}(?:[{_LETTER}]{{2,63}}|xn--[0-9A-Za-z-]{{2,59}})",
        "medium",
        "pii",
        keywords=("@",),
        anchor="@",
        opening=_MAILBOX,
        left=f"(?<![0-9_{_LETTER}.%+-])",
        # The name and the password before the host of an address on the web are no mailbox.
        unless="://(?:[^ \\t\\r\\n/@:]{0,64}:)?",
        right=f"(?![0-9_{_LETTER}])",
        hint=r"[^ \t\r\n@]@[^ \t\r\n@]",
        retries=True,
    ),
    Family("iban", payment.iban_pattern(SPACE), "critical", "pii", payment.iban, right=AFTER, retries=True,
           left=f"(?=[A-Za-z]{{2}}[0-9]{{2}}){BEFORE}", hint=f"[A-Za-z]{{2}}[0-9]{{2}}(?:{SPACE}?[0-9A-Za-z]){{11}}",
           near="[0-9](?<=[A-Za-z]{2}[0-9])[0-9]", clue=f"[A-Za-z]{{2}}[0-9]{{2}}(?:{SPACE}?[0-9A-Za-z]){{4}}"),
    _card("[2-6][0-9]{12,18}", right=AFTER),
    _card(f"[2-6][0-9]{{3}}(?:{SPACE}[0-9]{{4}}){{3}}{SPACE}[0-9]{{1,3}}", right=AFTER),
    _card(f"[2-6][0-9]{{3}}(?:{SPACE}[0-9]{{4}}){{3}}", right="(?![0-9A-Za-z_])"),
    _card(f"3[0-9]{{3}}{SPACE}[0-9]{{6}}{SPACE}[0-9]{{4,5}}", right="(?![0-9A-Za-z_])"),
    # Any other grouping, when nothing but the card stands in the run of digits.
    Family("credit_card", f"[2-6](?:{SPACE}?[0-9]){{12,18}}", "critical", "pii", payment.credit_card, digits=13,
           column=COLUMNS[payment.credit_card], left=f"{BEFORE}(?<![0-9]{SPACE})", right=f"{AFTER}(?!{SPACE}[0-9])",
           weak=True),
    Family("us_ssn", "(?:00[1-9]|0[1-9][0-9]|[1-5][0-9]{2}|6[0-57-9][0-9]|66[0-57-9]|[78][0-9]{2})"
           "[\u2010-\u2015\u2212-](?:0[1-9]|[1-9][0-9])[\u2010-\u2015\u2212-](?:000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})",
           "high", "pii", column=never, digits=9, left=f"{BEFORE}(?<![0-9]-)", right=f"{AFTER}(?!-[0-9])"),
    *_nir("[0-9]{2}", "", digits=13),
    *_nir("2[ABab]", f"[0-9]{{2}}{SPACE}?2[ABab]{SPACE}?[0-9]{{3}}"),
    # The check digits leave an even one at the end.
    Family("tr_id", "[1-9][0-9]{9}[02468]", "high", "pii", european_ids.turkish_id, digits=11, left=BEFORE, right=AFTER,
           column=COLUMNS[european_ids.turkish_id],
           context=("TC", "T.C.", "TCKN", "kimlik", "kimlik no", "tc no", "tckn", "vatandaşlık")),
    Family("de_id", "[LMNPRTVWXYCFGHJK][0-9CFGHJKLMNPRTVWXYZ]{8}[0-9]", "high", "pii", european_ids.german_card,
           left=BEFORE, right=AFTER, retries=True, clue=_GERMAN_CLUE, near=_GERMAN_NEAR),
    Family("de_id", "[A-Z][0-9]{7,8}[0-9A-Z]?|[LMNPRTVWXYCFGHJK][0-9CFGHJKLMNPRTVWXYZ]{8}", "high", "pii",
           european_ids.german_serial, left=BEFORE, right=AFTER, needs_context=True, clue=_GERMAN_CLUE,
           near=_GERMAN_NEAR, retries=True,
           context=("personalausweis", "personalausweisnummer", "ausweis", "ausweisnummer", "ausweis-nr", "reisepass",
                    "passnummer", "personalausweisnr", "german id", "id card", "identity card")),
    _phone(f"\\+[1-9][0-9]{{0,3}}(?:{SPACE}?\\([0-9]{{1,5}}\\){SPACE}?[0-9])?(?:[/.]?{SPACE}?[0-9]){{3,14}}",
           phone.international, left="(?<![0-9A-Za-z+])", hint="\\+[1-9][0-9]{0,3}[^A-Za-z\\r\\n]{0,3}[0-9]"),
    _phone(f"(?:8{SPACE}?)?\\([0-9]{{2,5}}\\){SPACE}?[0-9]{{2,8}}(?:[.\u00a0\u202f\u2010-\u2015 -][0-9]{{2,5}}){{0,4}}",
           phone.with_area, left=r"(?<![0-9A-Za-z)])", hint="\\([0-9]{2,5}\\)"),
    _phone(f"[0-9]{{2,5}}(?:{_PHONE_GAP}{{1,2}}[0-9]{{2,8}}){{1,5}}|[0-9]{{9,12}}", phone.national,
           left=BEFORE, needs_context=True, reach=24, context=_PHONE_WORDS,
           hint=f"[0-9](?:{_PHONE_GAP}{{0,2}}[0-9]){{7}}"),
)  # fmt: skip

NETWORK_FAMILIES = (
    Family("ip_address", network.IPV4, "medium", "pii", network.public_ipv4, left=network.BEFORE_IPV4, right=AFTER,
           clue=network.IPV4_CLUE),
    Family("ip_address", network.IPV4, "low", "pii", network.private_ipv4, left=network.BEFORE_IPV4, right=AFTER,
           clue=network.IPV4_CLUE),
    Family("ip_address", network.IPV6, "medium", "pii", network.public_ipv6, keywords=(":",),
           left=network.BEFORE_IPV6, right=network.AFTER_IPV6, clue=network.IPV6_CLUE),
    Family("ip_address", network.IPV6, "low", "pii", network.private_ipv6, keywords=(":",),
           left=network.BEFORE_IPV6, right=network.AFTER_IPV6, clue=network.IPV6_CLUE),
    Family("mac_address", network.MAC, "low", "pii", network.mac, left=network.BEFORE_MAC, right=network.AFTER_MAC,
           clue=network.MAC_CLUE),
)  # fmt: skip

PII_FAMILIES = CONTRACT_FAMILIES + NETWORK_FAMILIES + NATIONAL_FAMILIES

# Kinds that need a model or a switch of their own.
_OPTIONAL: tuple[tuple[str, Severity], ...] = (
    ("postal_address", "medium"),
    ("person", "medium"),
    ("organization", "low"),
    ("location", "low"),
)
# A kind whose severity depends on the value stands here with its worst.
PII_SEVERITY: Mapping[str, Severity] = MappingProxyType(
    dict([(family.kind, family.severity) for family in reversed(PII_FAMILIES)] + list(_OPTIONAL))
)
PII_TYPES: tuple[str, ...] = (*dict.fromkeys(family.kind for family in PII_FAMILIES), *(kind for kind, _ in _OPTIONAL))
