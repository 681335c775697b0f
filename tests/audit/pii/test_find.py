"""Personal data in text: the library functions as they are documented."""

# ruff: noqa: RUF001 (characters of other scripts)

from __future__ import annotations

import pytest

from forgelm.audit.pii.find import detect_pii, find_pii, mask_pii

# Kind, a text that holds one, and what of it is found.
HELD = (
    ("email", "mail müller+x@bücher.example now", "müller+x@bücher.example"),
    ("email", "邮箱是abc@example.com。谢谢", "abc@example.com"),
    ("iban", "to GB82 WEST 1234 5698 7654 32 please", "GB82 WEST 1234 5698 7654 32"),
    ("iban", "no9386011117947", "no9386011117947"),
    ("credit_card", "4111 1111 1111 1111 123", "4111 1111 1111 1111"),
    ("credit_card", "amex 3782-822463-10005", "3782-822463-10005"),
    ("credit_card", "5555555555554444,x", "5555555555554444"),
    ("credit_card", "卡号４１１１１１１１１１１１１１１１", "４１１１１１１１１１１１１１１１"),
    ("us_ssn", "SSN 123-45-6789.", "123-45-6789"),
    ("fr_ssn", "185057800608491", "185057800608491"),
    ("fr_ssn", "1 85 05 78 006 084", "1 85 05 78 006 084"),
    ("fr_ssn", "NIR: 1850578006084", "1850578006084"),
    ("tr_id", "TC 10000000146", "10000000146"),
    ("tr_id", "هوية ١٠٠٠٠٠٠٠١٤٦", "١٠٠٠٠٠٠٠١٤٦"),
    ("de_id", "T220001293", "T220001293"),
    ("de_id", "Personalausweis Nr. L01X00T47", "L01X00T47"),
    ("phone", "+90 (532) 123 45 67", "+90 (532) 123 45 67"),
    ("phone", "+44 (0)20 7946 0958 2024", "+44 (0)20 7946 0958"),
    ("phone", "ruf an: (030) 901820-12", "(030) 901820-12"),
    ("phone", "Tel.: 0532 123 45 67", "0532 123 45 67"),
    ("ip_address", "from 8.8.8.8:53", "8.8.8.8"),
    ("ip_address", "fe80::1ff:fe23:4567:890a", "fe80::1ff:fe23:4567:890a"),
    ("mac_address", "00:1B:44:11:3A:B7", "00:1B:44:11:3A:B7"),
    ("de_tax_id", "Steuer-ID 86 095 742 719", "86 095 742 719"),
    ("us_itin", "912-70-1234", "912-70-1234"),
    ("es_id", "DNI 12345678-Z", "12345678-Z"),
    ("it_fiscal_code", "RSSMRA85T10A562S", "RSSMRA85T10A562S"),
    ("nl_bsn", "BSN: 111222333", "111222333"),
    ("pl_pesel", "44051401359", "44051401359"),
    ("pt_nif", "contribuinte 123456789", "123456789"),
    ("pt_cc", "00000000 0 ZZ4", "00000000 0 ZZ4"),
    ("uk_nino", "AB 12 34 56 C", "AB 12 34 56 C"),
    ("uk_nhs", "NHS number 943 476 5919", "943 476 5919"),
    ("ch_ahv", "756.9217.0769.85", "756.9217.0769.85"),
    ("se_personnummer", "850709-9805", "850709-9805"),
    ("fi_hetu", "131052-308T", "131052-308T"),
    ("br_cpf", "529.982.247-25", "529.982.247-25"),
    ("in_aadhaar", "9999 4105 7058", "9999 4105 7058"),
    ("in_pan", "ABCPE1234F", "ABCPE1234F"),
    ("ca_sin", "SIN 130-692-544", "130-692-544"),
    ("au_tfn", "TFN 123 456 782", "123 456 782"),
    ("au_medicare", "Medicare 2123 45670 1", "2123 45670 1"),
    ("cn_resident_id", "11010519491231002X", "11010519491231002X"),
    ("tw_id", "A123456789", "A123456789"),
    ("sg_nric", "S1234567D", "S1234567D"),
    ("hk_id", "A123456(3)", "A123456(3)"),
    ("cl_rut", "12.345.678-5", "12.345.678-5"),
)

NOT_HELD = (
    "DE89 3704 0044 0532 0130 01",
    "4111 1111 1111 1112",
    "9111111111111111",
    "000-12-3456 666-12-3456 123-00-4567 123-45-0000",
    "1700000000 1700000000000 1612345678901",
    "v1.2.3.4 127.0.0.1 0.0.0.0 255.255.255.255 1.2.3",
    "std::vector a::b dead:beef 12:34:56",
    "550e8400-e29b-41d4-a716-446655440000",
    "2024-01-15 10:30:00 15/01/2024",
    "111222333 123456789 130-692-544",
    "@handle me@ a@b @media",
    "3.14159265358979 1,000,000,000",
    "f(1999) 123-456 (2005) 12 345",
    "+1 +12 +1000000000000000",
    "",
)


@pytest.mark.parametrize(("kind", "text", "value"), HELD)
def test_what_a_text_holds_is_found_where_it_stands(kind: str, text: str, value: str) -> None:
    (finding,) = find_pii(text)
    assert (finding.kind, text[slice(*finding.span)]) == (kind, value)
    assert detect_pii(text) == {kind: 1}
    assert mask_pii(text) == text.replace(value, "[REDACTED]")


@pytest.mark.parametrize("text", NOT_HELD)
def test_what_only_looks_so_is_not(text: str) -> None:
    assert detect_pii(text) == {}


def test_counts_come_with_the_masked_text() -> None:
    text = "a@b.example, c@d.example and 123-45-6789"
    assert mask_pii(text, "#", return_counts=True) == ("#, # and #", {"email": 2, "us_ssn": 1})
    assert detect_pii(text) == {"email": 2, "us_ssn": 1}


def test_the_severity_of_an_address_says_whether_it_is_public() -> None:
    assert [finding.severity for finding in find_pii("8.8.8.8 10.0.0.1 2001:4860::8888 fd00::1")] == [
        "medium", "low", "medium", "low",
    ]  # fmt: skip


@pytest.mark.parametrize("text", [None, 5, b"a@b.example"])
def test_what_is_not_text_is_refused(text: object) -> None:
    for function in (detect_pii, find_pii, mask_pii):
        with pytest.raises(TypeError, match="expected a string"):
            function(text)  # type: ignore[operator]


def test_a_long_line_and_odd_characters() -> None:
    line = "x" * 500_000 + " alice@example.com " + "y" * 500_000
    assert [finding.span for finding in find_pii(line)] == [(500_001, 500_018)]
    assert detect_pii("\x00\ud800😀a@b.example\udfff") == {"email": 1}
