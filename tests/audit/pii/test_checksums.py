"""Each scheme catches every single wrong digit."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from forgelm.audit.pii import checksums


@pytest.mark.parametrize(
    ("check", "valid"),
    [
        (checksums.luhn, "4111111111111111"),
        (checksums.luhn, "79927398713"),
        (checksums.verhoeff, "999941057058"),
        (checksums.mod_11_10, "86095742719"),
        (checksums.mod_97, "3704004405320130001314" + "89"),
    ],
)
def test_one_wrong_digit_is_noticed(check: Callable[[str], bool], valid: str) -> None:
    assert check(valid)
    for at, digit in enumerate(valid):
        for other in set("0123456789") - {digit}:
            assert not check(valid[:at] + other + valid[at + 1 :])


def test_days_exist() -> None:
    assert checksums.is_day(29, 2)
    assert not checksums.is_day(30, 2)
    assert not checksums.is_day(31, 4)
    assert not checksums.is_day(1, 13)
    assert not checksums.is_day(0, 1)
