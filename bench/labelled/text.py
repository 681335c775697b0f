"""Labelled texts, the sentences of thirty languages that carry a value, and templates that are filled at random."""

# ruff: noqa: RUF001 (words in their own alphabets)

from __future__ import annotations

import random
import re
import string
import uuid
from dataclasses import dataclass

_ALPHABETS = {
    "d": string.digits,
    "h": "0123456789abcdef",
    "H": "0123456789ABCDEF",
    "u": string.ascii_uppercase,
    "l": string.ascii_lowercase,
    "a": string.ascii_letters + string.digits,
    "n": string.ascii_uppercase + string.digits,
    "C": "BCDFGHJKLMNPRSTVZ",
    "G": "CFGHJKLMNPRTVWXY",
    "g": "CFGHJKLMNPRTVWXYZ0123456789",
    "b": string.ascii_letters + string.digits + "+/",
}

# How a sentence names a number, and how it carries one without a name.
CARRIERS: dict[str, tuple[str, str]] = {
    "en": ("Please note the {label}: {value}, thanks.", "The record says {value} and nothing else."),
    "de": ("Bitte {label} {value} notieren.", "Im Brief steht {value}, mehr nicht."),
    "fr": ("Voici mon {label} : {value}, merci.", "Le dossier indique {value} sans autre détail."),
    "es": ("Mi {label} es {value}, gracias.", "En la ficha aparece {value} y nada más."),
    "it": ("Il mio {label} è {value}, grazie.", "Nel modulo si legge {value} e basta."),
    "nl": ("Mijn {label} is {value}, dank u.", "In de brief staat {value} en verder niets."),
    "pt": ("O meu {label} é {value}, obrigado.", "Na ficha consta {value} e nada mais."),
    "tr": ("{label}: {value}, teşekkürler.", "Formda {value} yazıyor, başka bir şey yok."),
    "pl": ("Mój {label} to {value}, dziękuję.", "W piśmie stoi {value} i nic więcej."),
    "ru": ("Мой {label}: {value}, спасибо.", "В письме указано {value} и больше ничего."),
    "uk": ("Мій {label}: {value}, дякую.", "У листі стоїть {value} і більше нічого."),
    "bg": ("Моето {label}: {value}, благодаря.", "В писмото пише {value} и нищо повече."),
    "el": ("Ο {label} μου: {value}, ευχαριστώ.", "Στο έντυπο γράφει {value} και τίποτα άλλο."),
    "ro": ("{label} meu este {value}, mulțumesc.", "În dosar scrie {value} și nimic altceva."),
    "cs": ("Moje {label}: {value}, děkuji.", "V dopise stojí {value} a nic víc."),
    "sv": ("Mitt {label} är {value}, tack.", "I brevet står {value} och inget mer."),
    "no": ("Mitt {label} er {value}, takk.", "I brevet står {value} og ikke mer."),
    "da": ("Mit {label} er {value}, tak.", "I brevet står {value} og ikke mere."),
    "fi": ("{label}: {value}, kiitos.", "Kirjeessä lukee {value} eikä muuta."),
    "et": ("Minu {label} on {value}, aitäh.", "Kirjas seisab {value} ja muud midagi."),
    "lt": ("Mano {label}: {value}, ačiū.", "Laiške parašyta {value} ir nieko daugiau."),
    "lv": ("Mans {label}: {value}, paldies.", "Vēstulē rakstīts {value} un nekas cits."),
    "hr": ("Moj {label} je {value}, hvala.", "U pismu piše {value} i ništa više."),
    "zh": ("我的{label}：{value}。谢谢。", "信里写着 {value} ，没有别的。"),
    "ja": ("{label}は {value} です。", "書類には {value} とあります。"),
    "ko": ("제 {label}: {value} 입니다.", "서류에 {value} 라고 적혀 있습니다."),
    "ar": ("{label}: {value} شكرا", "ورد في الرسالة {value} فقط"),
    "he": ("{label}: {value} תודה", "במכתב כתוב {value} ותו לא"),
    "hi": ("मेरा {label} {value} है।", "पत्र में {value} लिखा है।"),
    "th": ("{label}: {value} ขอบคุณ", "ในจดหมายเขียนว่า {value} เท่านั้น"),
    "ms": ("{label} saya {value}, terima kasih.", "Surat itu menyebut {value} sahaja."),
    "ur": ("{label}: {value} شکریہ", "خط میں {value} لکھا ہے"),
}


@dataclass(frozen=True)
class Labelled:
    """A text and the one value in it: of ``kind``, from ``span[0]`` to ``span[1]``; or of no kind.

    ``about`` is the category it was made for, or what it looks like. A finding of the kind ``tolerated`` is not wrong:
    a key that was cut is no longer its vendor's, but still a random value given to a name.
    """

    text: str
    about: str
    language: str
    kind: str | None = None
    span: tuple[int, int] = (0, 0)
    tolerated: str = ""


def carry(value: str, language: str, label: str, *, about: str, kind: str | None) -> Labelled:
    """Set ``value`` into a sentence, behind ``label`` where there is one."""
    before, after = CARRIERS[language][not label].replace("{label}", label).split("{value}")
    return Labelled(
        f"{before}{value}{after}", about, language, kind, (len(before), len(before) + len(value)) if kind else (0, 0)
    )


def fill(template: str, chance: random.Random) -> str:
    """Fill the places of a template.

    ``<d5>`` is five digits, ``h`` hex, ``u`` capitals, ``l`` small letters, ``a`` both and digits, ``n`` capitals and
    digits, ``C`` and ``G`` consonants, ``g`` those and digits, ``b`` base64; ``<ymd>`` and such are of a birthday.
    """

    def part(match: re.Match[str]) -> str:
        word = match[1]
        if word == "uuid":
            return str(uuid.UUID(int=chance.getrandbits(128), version=4))
        if size := word[1:].isdigit() and int(word[1:]):
            return "".join(chance.choices(_ALPHABETS[word[0]], k=size))
        return "".join(_birthday(char, chance) for char in word)

    return re.sub("<(uuid|[A-Za-z][0-9]{1,3}|[Yymd]{1,3})>", part, template)


def _birthday(part: str, chance: random.Random) -> str:
    first, last, width = {"y": (40, 99, 2), "Y": (1940, 1999, 4), "m": (1, 12, 2), "d": (1, 28, 2)}[part]
    return f"{chance.randint(first, last):0{width}d}"
