"""A limit on spending is never passed, whatever is on its way."""

from __future__ import annotations

import pytest

from forgelm.base.network.replies import Said
from forgelm.base.network.spending import Price, Spending
from forgelm.config.judge import JudgeModelConfig

PRICE = Price(2.0, 10.0)


def test_a_price_is_for_a_million_tokens() -> None:
    assert PRICE.cost_usd(1_000_000, 500_000) == 7.0
    assert Price.of(JudgeModelConfig()) is None
    priced = JudgeModelConfig(input_usd_per_million_tokens=2, output_usd_per_million_tokens=10)
    assert Price.of(priced) == PRICE


def test_what_is_on_its_way_counts() -> None:
    spending = Spending(1.0)
    assert spending.reserve(0.6)
    assert not spending.reserve(0.6)
    spending.settle(0.6, Said("x", 100_000, 10_000), PRICE)
    assert spending.usd == pytest.approx(0.3)
    assert spending.reserve(0.6)
    spending.settle(0.6, None, PRICE)
    assert spending.usd == pytest.approx(0.3)
    assert spending.calls == 2


def test_a_bill_without_tokens_is_taken_at_its_highest() -> None:
    spending = Spending(1.0)
    assert spending.reserve(0.7)
    spending.settle(0.7, Said("x", 100, None), PRICE)
    assert spending.usd == 0.7
    assert not spending.reserve(0.4)


def test_without_a_limit_everything_is_counted() -> None:
    spending = Spending()
    assert spending.reserve(1e9)
    spending.settle(1e9, Said("x", 1, 2), None)
    spending.count_cached()
    spending.count_local()
    assert spending.as_record() == {"usd": 0.0, "calls": 2, "cached": 1, "input_tokens": 1, "output_tokens": 2}
