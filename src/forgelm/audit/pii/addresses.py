"""Street addresses as a dozen countries write them. Approximate, so they are only searched for when asked."""

# ruff: noqa: RUF001 (words in their own alphabets)

from __future__ import annotations

from typing import Any

from forgelm.audit.matching.family import Family

_UPPER = "A-Z\u00c0-\u00de\u0100-\u017f"
_LOWER = "a-z\u00df-\u00ff\u0100-\u017f"
_NAME = f"[{_UPPER}][{_LOWER}{_UPPER}.'’-]{{1,24}}"
_AFTER = f"(?![{_LOWER}{_UPPER}])"
_TOWN = f"(?:,? {{0,2}}[0-9]{{4,5}} {_NAME}(?: {_NAME}){{0,2}})?"
_US_STREET = (
    "Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Place|Pl|Square|Sq|Terrace|Way|Parkway|Pkwy|"
    "Highway|Hwy|Circle|Close|Crescent"
)
_FR_STREET = "rue|avenue|boulevard|bd|place|chemin|allée|impasse|quai|cours|route|square"


def _address(pattern: str, hint: str, **more: Any) -> Family:
    return Family("postal_address", pattern, "medium", "pii", hint=hint, right=more.pop("right", _AFTER), **more)


ADDRESS_FAMILIES = (
    _address(
        f"[0-9]{{1,5}}[A-Za-z]? (?:[NSEW]\\.? )?(?:(?:{_NAME}|[0-9]{{1,3}}(?:st|nd|rd|th)) ){{1,4}}"
        f"(?:{_US_STREET})\\b\\.?"
        f"(?:,? (?:Apt|Suite|Unit|Flat|#)\\.? ?[0-9A-Za-z-]{{1,6}})?"
        f"(?:, {_NAME}(?: {_NAME}){{0,2}})?(?:, [A-Z]{{2}} [0-9]{{5}}(?:-[0-9]{{4}})?)?",
        f"(?:{_US_STREET})",
    ),
    _address(
        f"(?:{_NAME}[ -]){{0,2}}[{_UPPER}][{_LOWER}{_UPPER}-]{{0,30}}"
        f"(?:[Ss]tra(?:ß|ss)e|[Ss]tr\\.|[Ww]eg|[Pp]latz|[Aa]llee|[Gg]asse|[Uu]fer|[Rr]ing|straat|laan|gatan|vägen|gade|vej)"
        f" ?[0-9]{{1,4}} ?[a-z]?{_TOWN}",
        "(?:tra(?:ß|ss)e|tr\\.|eg|latz|llee|asse|fer|ing|traat|laan|gatan|vägen|gade|vej) ?[0-9]",
    ),
    _address(
        f"[0-9]{{1,4}}(?: (?:bis|ter|quater))?,? (?i:{_FR_STREET})"
        f" (?:(?:de|du|des|la|le|les|d'|l'|d’|l’)(?: |(?<=['’]))){{0,3}}{_NAME}(?:[ -]{_NAME}){{0,3}}{_TOWN}",
        f"[0-9](?: (?:bis|ter|quater))?,? (?i:{_FR_STREET}) ",
    ),
    _address(
        f"(?:Calle|C/|Avda\\.?|Avenida|Plaza|Paseo|Via|Viale|Piazza|Corso|Largo|Rua|Travessa|Praça|ul\\.|ulica|al\\.) ?"
        f"(?:(?:de|del|la|las|los|di|della|dei|da|do|dos) ){{0,3}}{_NAME}(?: (?:e |y )?{_NAME}){{0,4}}"
        f",? ?(?:n[.ºo°]{{0,2}} ?)?[0-9]{{1,4}}[A-Za-z]?{_TOWN}",
        "(?:Calle|C/|Avda|Avenida|Plaza|Paseo|Via|Piazza|Corso|Largo|Rua|Travessa|Praça|ul\\.|ulica|al\\.)",
    ),
    _address(
        f"{_NAME}(?: {_NAME}){{0,3}} (?:Mah\\.|Mahallesi|Cad\\.|Caddesi|Sok\\.|Sokak|Sokağı|Bulvarı)"
        f"[^\\n]{{0,60}}?[Nn]o ?[:.]? ?[0-9]{{1,4}}",
        "(?:Mah|Cad|Sok|Bulvar)",
    ),
    _address("[A-Z]{1,2}[0-9][0-9A-Z]? [0-9][ABD-HJLNP-UW-Z]{2}", "[0-9A-Z] [0-9][ABD-HJLNP-UW-Z]{2}",
             right="(?![0-9A-Za-z])"),
    _address("〒 ?[0-9]{3}-?[0-9]{4}", "〒", left="", right="(?![0-9])"),
    _address("(?i:P\\.? ?O\\.? ?Box|Postfach|Casilla|Apartado) [0-9]{1,8}", "(?i:box|postfach|casilla|apartado) [0-9]"),
)  # fmt: skip
