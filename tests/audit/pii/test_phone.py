"""Telephone numbers against the numbering plans that phonenumbers carries."""

from __future__ import annotations

import pytest

from forgelm.audit.pii import phone
from forgelm.audit.pii.find import detect_pii

phonenumbers = pytest.importorskip("phonenumbers")


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_every_countrys_example_is_found_in_its_international_form(region: str) -> None:
    for kind in (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE):
        number = phonenumbers.example_number_for_type(region, kind)
        if number is None:
            continue
        written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
        long_enough = sum(map(str.isdigit, written)) >= phone.FEWEST
        assert phone.international(written) == long_enough, written
        assert detect_pii(f"call {written}.") == ({"phone": 1} if long_enough else {}), written


def test_a_code_that_no_country_has_or_a_wrong_length_is_no_number() -> None:
    assert not phone.international("+999 123 456 78")
    assert not phone.international("+1 555 123 456")
    assert not phone.international("+90 532 123 45 67 89")
    assert phone.international("+44 (0)20 7946 0958")


def test_every_code_stands_in_one_plan() -> None:
    codes = [code for _, _, codes in phone._PLANS for code in codes.split()]
    assert len(codes) == len(set(codes))
    assert set(codes) == {str(code) for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE}


def test_dates_and_years_are_no_numbers() -> None:
    assert not phone.national("15-01-2024")
    assert not phone.national("2024-01-15")
    assert not phone.with_area("(1999) 123 456")
    assert phone.with_area("(212) 555-0123")
