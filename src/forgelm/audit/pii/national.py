"""Identity numbers country by country.

A number that is only digits is searched for without a word beside it when a random number of its length passes the
check at most about once in forty; the others need their name within the 64 characters before them.
"""

# ruff: noqa: RUF001 (words in their own alphabets)

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from forgelm.audit.matching.family import Family
from forgelm.audit.pii import european_ids as europe
from forgelm.audit.pii import world_ids as world
from forgelm.audit.pii.columns import COLUMNS, never
from forgelm.audit.pii.shapes import AFTER, BEFORE, DAY, MONTH, SPACE

Check = Callable[[str], bool]

_DASH = "[\u2010-\u2015\u2212-]"
_SEVEN = "[0-9]{7}(?:-?[A-Za-z]|-[0-9])"
_RUT = ("rut", "RUN", "rol único tributario")
_MONTH_20 = "(?:[02468][1-9]|[13579][0-2])"  # plus 20, 40, 60 or 80
_MONTH_50 = "(?:[0257][1-9]|[1368][0-2])"  # plus 20, 50 or 70
_DAY_40 = "(?:[04][1-9]|[1256][0-9]|[37][01])"  # plus 40
_DAY_60 = "(?:[06][1-9]|[1278][0-9]|[39][01])"  # plus 60
_TAX = ("tax id", "tax number", "tax no", "TIN")


def _plain(kind: str, pattern: str, check: Check | None = None, **more: Any) -> Family:
    """A number that its shape and its check tell from any other."""
    column = more.pop("column", COLUMNS.get(check))
    return Family(kind, pattern, "high", "pii", check, left=BEFORE, right=AFTER, retries=True, column=column, **more)


def _named(kind: str, pattern: str, check: Check, context: tuple[str, ...], **more: Any) -> Family:
    """A number that only the words before it tell from any other."""
    return _plain(kind, pattern, check, context=context, needs_context=True, column=None, **more)


_BELGIAN_WORDS = ("rijksregister", "rijksregisternummer", "registre national", "niss", "insz", "NN")


def _belgian(month: str) -> str:
    """A birthday and a serial; those who are not residents have 20 or 40 added to the month."""
    return f"[0-9]{{2}}[.-]?{month}[.-]?(?:[0-2][0-9]|3[01])[.-]?[0-9]{{3}}[.-]?[0-9]{{2}}"


_EUROPE = (
    _plain("de_tax_id", f"[1-9][0-9](?:{SPACE}?[0-9]{{3}}){{3}}", europe.german_tax_id, digits=11,
           context=("steuer-id", "steueridentifikationsnummer", "steuer-idnr", "steuernummer", "idnr", "IdNr", *_TAX)),
    _plain("es_id", "(?i:[0-9]{8}-?[A-HJ-NP-TV-Z]|[XYZ]-?[0-9]{7}-?[A-HJ-NP-TV-Z])", europe.spanish_id, digits=7,
           clue=_SEVEN),
    _plain("it_fiscal_code", "(?i:[A-Z]{6}[0-9]{2}[ABCDEHLMPRST][0-9LMNP-V]{2}[A-Z][0-9LMNP-V]{3}[A-Z])",
           europe.italian_code, clue="[A-Za-z][0-9]{2}[A-Ta-t]"),
    _named("nl_bsn", "[0-9]{8,9}|[0-9]{4}[. ][0-9]{2}[. ][0-9]{3}", lambda value: europe.dutch_bsn(value.rjust(9, "0")),
           ("bsn", "burgerservicenummer", "sofinummer", "sofi-nummer", "citizen service number"), digits=8),
    _plain("pl_pesel", f"[0-9]{{2}}{_MONTH_20}{DAY}[0-9]{{5}}", europe.polish_pesel, digits=11, context=("pesel",)),
    _named("pt_nif", f"[0-9]{{9}}|[0-9]{{3}}{SPACE}[0-9]{{3}}{SPACE}[0-9]{{3}}", europe.portuguese_nif,
           ("nif", "contribuinte", "número fiscal", "identificação fiscal", *_TAX), digits=9),
    _plain("pt_cc", "[0-9]{8} ?[0-9] ?[A-Z][0-9A-Z][0-9]", europe.portuguese_card, digits=8,
           context=("cartão de cidadão", "cidadão", "CC", "citizen card")),
    _plain("uk_nino", f"(?i:[ABCEGHJ-PRSTW-Z][ABCEGHJ-NPRSTW-Z]{SPACE}?[0-9]{{2}}{SPACE}?[0-9]{{2}}{SPACE}?[0-9]{{2}}"
           f"{SPACE}?[A-D])", lambda value: value[:2].upper() not in {"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"},
           clue=f"[0-9]{{2}}{SPACE}?[0-9]{{2}}{SPACE}?[0-9]{{2}}{SPACE}?[A-Da-d]"),
    _named("uk_nhs", f"[0-9]{{10}}|[0-9]{{3}}{SPACE}[0-9]{{3}}{SPACE}[0-9]{{4}}", europe.british_nhs,
           ("nhs", "nhs number", "health service"), digits=10),
    _plain("ch_ahv", "756[. ]?[0-9]{4}[. ]?[0-9]{4}[. ]?[0-9]{2}", europe.swiss_ahv, digits=13),
    _plain("se_personnummer",
           f"[0-9]{{2}}{MONTH}{DAY}[-+][0-9]{{4}}|(?:19|20)[0-9]{{2}}{MONTH}{DAY}-?[0-9]{{4}}",
           europe.swedish_number, digits=10, context=("personnummer", "pnr", "samordningsnummer")),
    # Coordination numbers look like a Danish number.
    _named("se_personnummer", f"(?:19|20)?[0-9]{{2}}{MONTH}{_DAY_60}[-+]?[0-9]{{4}}", europe.swedish_number,
           ("personnummer", "pnr", "samordningsnummer"), digits=10),
    _plain("no_fodselsnummer", f"{_DAY_40}{MONTH}[0-9]{{2}} ?[0-9]{{5}}", europe.norwegian_number, digits=11,
           context=("fødselsnummer", "fodselsnummer", "personnummer", "fnr")),
    _named("dk_cpr", f"{DAY}{MONTH}[0-9]{{6}}", europe.danish_cpr,
           ("cpr", "cpr-nr", "cpr-nummer", "personnummer"), digits=10),
    _plain("fi_hetu", f"{DAY}{MONTH}[0-9]{{2}}[-+AaBbCcDdEeFfUuVvWwXxYy][0-9]{{3}}[0-9A-FHJ-NPR-Ya-fhj-npr-y]",
           europe.finnish_number, context=("henkilötunnus", "hetu"),
           clue="[0-9]{6}[-+A-Ya-y][0-9]{3}"),
    _plain("be_rrn", _belgian("(?:0[0-9]|1[0-2])"), europe.belgian_number, digits=11, context=_BELGIAN_WORDS),
    _named("be_rrn", _belgian("(?:2[0-9]|3[0-2]|4[0-9]|5[0-2])"), europe.belgian_number, _BELGIAN_WORDS, digits=11),
    _named("bg_egn", f"[0-9]{{2}}{_MONTH_20}{DAY}[0-9]{{4}}", europe.bulgarian_egn, ("ЕГН", "егн", "egn"), digits=10),
    _plain("cz_sk_birth_number", f"[0-9]{{2}}{_MONTH_50}{DAY}/[0-9]{{4}}", europe.czech_number,
           column=never, digits=10),
    _named("cz_sk_birth_number", f"[0-9]{{2}}{_MONTH_50}{DAY}[0-9]{{4}}", europe.czech_number,
           ("rodné číslo", "rodne cislo", "rč", "r.č.", "birth number"), digits=10),
    _plain("ro_cnp", f"[1-9][0-9]{{2}}{MONTH}{DAY}[0-9]{{6}}", europe.romanian_cnp, digits=13,
           context=("cnp", "cod numeric personal")),
    _plain("gr_amka", f"{DAY}{MONTH}[0-9]{{7}}", europe.greek_amka, digits=11, context=("amka", "ΑΜΚΑ")),
    _plain("ee_lt_personal_code", f"[1-8][0-9]{{2}}{MONTH}{DAY}[0-9]{{4}}", europe.baltic_code, digits=11,
           context=("isikukood", "asmens kodas", "personal code")),
    _plain("lv_personal_code", f"{DAY}{MONTH}[0-9]{{2}}-[0-9]{{5}}", europe.latvian_code, column=never, digits=11),
    _named("hr_oib", "[0-9]{11}", europe.croatian_oib, ("oib",), digits=11),
    _plain("balkan_jmbg", f"{DAY}{MONTH}(?:9[0-9]|0[0-2])[0-9]{{7}}", europe.balkan_jmbg, digits=13,
           context=("jmbg", "emšo", "emso", "ЈМБГ", "ЕМБГ")),
    _plain("ie_pps", "[0-9]{7}[A-Wa-w][A-IWa-iw]?", europe.irish_pps, digits=7, clue=_SEVEN),
    _named("ua_rnokpp", "[0-9]{10}", europe.ukrainian_number,
           ("рнокпп", "РНОКПП", "ІПН", "іпн", "ідентифікаційний код", "rnokpp"), digits=10),
    _plain("ru_snils", "[0-9]{3}-[0-9]{3}-[0-9]{3}[ -][0-9]{2}", europe.russian_snils, column=never, digits=11),
    _named("ru_snils", "[0-9]{11}", europe.russian_snils, ("снилс", "СНИЛС", "Снилс", "snils"), digits=11),
    _plain("ru_inn", "[0-9]{12}", europe.russian_inn, digits=12, context=("ИНН", "инн", "INN")),
    # Without a check digit: whatever has one comes first.
    _plain("dk_cpr", f"{DAY}{MONTH}[0-9]{{2}}-[0-9]{{4}}", europe.danish_cpr, column=never, digits=10,
           context=("CPR", "cpr-nr", "cpr-nummer")),
)  # fmt: skip

_WORLD = (
    _plain("us_itin", f"9[0-9]{{2}}{_DASH}(?:5[0-9]|6[0-5]|7[0-9]|8[0-8]|9[0-24-9]){_DASH}[0-9]{{4}}",
           column=never, digits=9),
    _plain("br_cpf", "[0-9]{3}\\.[0-9]{3}\\.[0-9]{3}-[0-9]{2}|[0-9]{9}-?[0-9]{2}", world.brazilian_cpf, digits=11,
           context=("cpf",)),
    # Not three groups of a longer number.
    Family("in_aadhaar", f"[2-9][0-9]{{3}}{SPACE}[0-9]{{4}}{SPACE}[0-9]{{4}}", "high", "pii", world.indian_aadhaar,
           column=never, digits=12, context=("aadhaar", "aadhar", "uidai", "आधार"), left=f"{BEFORE}(?<![0-9]{SPACE})",
           right=f"{AFTER}(?!{SPACE}[0-9])", retries=True),
    _named("in_aadhaar", "[2-9][0-9]{11}", world.indian_aadhaar, ("aadhaar", "aadhar", "uidai", "आधार"), digits=12),
    _plain("in_pan", "[A-Z]{3}P[A-Z][0-9]{4}[A-Z]"),
    _named("ca_sin", f"[0-9]{{9}}|[0-9]{{3}}{SPACE}[0-9]{{3}}{SPACE}[0-9]{{3}}", world.canadian_sin,
           ("SIN", "sin number", "sin no", "social insurance", "social insurance number", "NAS", "assurance sociale"),
           digits=9),
    _named("au_tfn", "[0-9]{9}|[0-9]{3} [0-9]{3} [0-9]{3}", world.australian_tfn, ("tfn", "tax file number",
           "tax file"),
           digits=9),
    _named("au_medicare", "[2-6][0-9]{9,10}|[2-6][0-9]{3} [0-9]{5} [0-9](?:[ -/]?[0-9])?", world.australian_medicare,
           ("medicare",), digits=10),
    _plain("cn_resident_id", f"[1-9][0-9]{{5}}(?:19|20)[0-9]{{2}}{MONTH}{DAY}[0-9]{{3}}[0-9Xx]", world.chinese_id,
           digits=17),
    _plain("kr_rrn", f"[0-9]{{2}}{MONTH}{DAY}-[1-8][0-9]{{6}}", world.korean_number, column=never, digits=13,
           context=("주민등록번호", "주민번호")),
    _named("jp_my_number", "[0-9]{12}|[0-9]{4}[ -][0-9]{4}[ -][0-9]{4}", world.japanese_number,
           ("マイナンバー", "個人番号", "my number", "mynumber"), digits=12),
    _plain("tw_id", "[A-Z][12][0-9]{8}", world.taiwanese_id, digits=9),
    _plain("sg_nric", "[STFGM][0-9]{7}[A-Z]", world.singaporean_nric, digits=7, clue=_SEVEN),
    Family("hk_id", "[A-Z]{1,2}[0-9]{6}\\([0-9A]\\)", "high", "pii", world.hong_kong_id, retries=True,
           clue="[A-Z][0-9]{6}\\("),
    _named("il_id", "[0-9]{9}|[0-9]{8}-[0-9]", world.israeli_id,
           ("תעודת זהות", "מספר זהות", "ת.ז.", "ת.ז", "teudat zehut", "israeli id"), digits=9),
    _plain("za_id", f"[0-9]{{2}}{MONTH}{DAY}[0-9]{{4}}[0-2][0-9]{{2}}", world.south_african_id, digits=13),
    _plain("mx_curp", "[A-Z][AEIOUX][A-Z]{2}[0-9]{6}[HMX][A-Z]{2}[B-DF-HJ-NP-TV-Z]{3}[0-9A-Z][0-9]", world.mexican_curp,
           clue="[A-Z]{4}[0-9]{6}[HMX]"),
    _plain("ar_cuit", "2[0347]-[0-9]{8}-[0-9]", world.argentine_cuit, column=never, digits=11),
    _named("ar_cuit", "2[0347][0-9]{9}", world.argentine_cuit, ("cuit", "cuil"), digits=11),
    _plain("cl_rut", "[0-9]{1,2}\\.[0-9]{3}\\.[0-9]{3}-[0-9Kk]", world.chilean_rut, digits=7,
           clue="[0-9]\\.[0-9]{3}\\.[0-9]{3}-"),
    _named("cl_rut", "[0-9]{7,8}-?[0-9]|[0-9]{8}-?[Kk]", world.chilean_rut, _RUT, digits=8),
    _named("cl_rut", "[0-9]{7}-?[Kk]", world.chilean_rut, _RUT, digits=7, clue=_SEVEN),
    _plain("th_id", "[1-8]-[0-9]{4}-[0-9]{5}-[0-9]{2}-[0-9]", world.thai_id, column=never, digits=13),
    _named("th_id", "[1-8][0-9]{12}", world.thai_id, ("เลขประจำตัวประชาชน", "บัตรประชาชน", "thai id"), digits=13),
    _plain("my_nric", f"[0-9]{{2}}{MONTH}{DAY}-(?:0[1-9]|1[0-6]|[2-5][0-9]|[6-8][0-9])-[0-9]{{4}}",
           world.malaysian_id, column=never, digits=12),
    _plain("pk_cnic", "[1-7][0-9]{4}-[0-9]{7}-[0-9]", column=never, digits=13),
)  # fmt: skip

NATIONAL_FAMILIES = _EUROPE + _WORLD
