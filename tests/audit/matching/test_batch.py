"""Whatever the engine: a batch gives exactly what looking at every row with every family gives."""

# ruff: noqa: RUF001 (characters of other scripts)

from __future__ import annotations

import importlib.util
import random
import threading

import pyarrow as pa
import pytest
from audit.secrets.samples import SAMPLES, near_miss, sample
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forgelm.audit.findings import Finding
from forgelm.audit.matching.batch import Scanner, build_scanner, scan_batch
from forgelm.audit.matching.exact import find
from forgelm.audit.pii.addresses import ADDRESS_FAMILIES
from forgelm.audit.pii.families import PII_FAMILIES
from forgelm.audit.secrets.families import SECRET_FAMILIES
from forgelm.base.errors import OptionalDependencyError

FAMILIES = PII_FAMILIES + ADDRESS_FAMILIES + SECRET_FAMILIES
ENGINES = ("arrow", *(("hyperscan",) if importlib.util.find_spec("hyperscan") else ()))

PERSONAL = (
    "alice@example.com", "müller@bücher.example", "a.b+c@xn--bcher-kva.example", "@handle", "a@b",
    "DE89 3704 0044 0532 0130 00", "gb82west12345698765432", "DE89 3704 0044 0532 0130 01",
    "4111 1111 1111 1111", "378282246310005", "4-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1", "4111 1111 1111 1112",
    "123-45-6789", "000-45-6789", "987-65-4329", "10000000146", "١٠٠٠٠٠٠٠١٤٦", "１０００００００１４６", "10000000147",
    "T220001293", "Ausweis L01X00T47", "+90 532 123 45 67", "+90\u00a0532\u00a0123\u00a045\u00a067", "(212) 555-0123",
    "tel: 030 901820", "whatsapp 0532 123 45 67", "192.168.1.1", "8.8.8.8", "2001:4860:4860::8888", "00:1b:44:11:3a:b7",
    "12345678Z", "X1234567L", "RSSMRA85T10A562S", "BSN 111222333", "111222333", "44051401359", "AB123456C",
    "NHS 943 476 5919", "756.9217.0769.85", "850709-9805", "131052-308T", "529.982.247-25", "aadhaar 999941057058",
    "86095742719", "736028/5163", "112-233-445 95", "A123456(3)", "12.345.678-5", "900101-1234567", "PESEL 44051401359",
    "221B Baker Street", "Hauptstraße 12, 10115 Berlin", "12 rue de la Paix", "SW1A 1AA",
)  # fmt: skip
PIECES = st.one_of(
    st.sampled_from(PERSONAL),
    st.sampled_from(SAMPLES).map(lambda row: sample(row[1])),
    st.sampled_from(SAMPLES).map(lambda row: near_miss(row[1], row[2] if len(row) > 2 else None)),
    st.text(max_size=12),
    st.sampled_from(
        ["the quick brown fox", "привет", "你好", "ÅÄÖ", "😀", "\ud800", "\x00", "0123456789 " * 3, "password", "key:"]
    ),
)
ROWS = st.lists(
    st.lists(st.tuples(PIECES, st.sampled_from(["", " ", "\n", ",", "-", "é", "x", "\u00a0", "1"])), max_size=6).map(
        lambda parts: "".join(piece + mark for piece, mark in parts)
    ),
    max_size=12,
)


def by_hand(rows: list[str]) -> list[tuple[int, Finding]]:
    return [(row, finding) for row, text in enumerate(rows) for finding in find(text, FAMILIES)]


@pytest.fixture(scope="module", params=ENGINES)
def scanner(request: pytest.FixtureRequest) -> Scanner:
    return build_scanner(FAMILIES, request.param)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(rows=ROWS)
def test_a_batch_finds_what_every_row_holds(scanner: Scanner, rows: list[str]) -> None:
    assert scan_batch(rows, scanner) == by_hand(rows)


def test_every_sample_is_found_in_a_batch(scanner: Scanner) -> None:
    rows = [f"see {text} end" for text in (*PERSONAL, *(sample(row[1], seed) for row in SAMPLES for seed in range(3)))]
    found = scan_batch(rows, scanner)
    assert found == by_hand(rows)
    assert {row for row, _ in found} >= set(range(len(PERSONAL), len(rows)))


def test_a_value_at_the_ends_of_a_row_belongs_to_that_row(scanner: Scanner) -> None:
    rows = ["alice@example.com", "", "4111111111111111", "411111111111", "1111", "no", "192.168.1.1"]
    assert [(row, finding.kind) for row, finding in scan_batch(rows, scanner)] == [
        (0, "email"), (2, "credit_card"), (6, "ip_address"),
    ]  # fmt: skip


@pytest.mark.parametrize("width", [1, 40, 4000])
def test_many_rows_hold_what_each_holds_alone(scanner: Scanner, width: int) -> None:
    source = random.Random(width)
    values = [*PERSONAL, *(sample(row[1], 7) for row in SAMPLES)]
    digits = [_in_another_script(text, source) for text in PERSONAL]
    filler = ["1998", "2024-01-15 10:30:45", "0.123456789012", "12345678901", "wort", "слово", "語", "-", ".", "x"]
    rows = []
    for _ in range(600):
        words = source.choices(filler, k=source.randrange(width)) if width > 1 else []
        ends = source.choices([*values, *digits, ""], k=2)
        rows.append(source.choice([" ", " ", ", ", "\n"]).join((ends[0], *words[:60], ends[1])).strip())
    # Rows of numbers alone, so that a whole block is crowded with them.
    rows[300:300] = [" ".join(source.choices(filler[:4], k=40)) for _ in range(280)]
    found: dict[int, list[Finding]] = {}
    for row, finding in scan_batch(pa.array(rows), scanner):
        found.setdefault(row, []).append(finding)
    alone = {row: held for row, text in enumerate(rows) if (held := find(text, FAMILIES))}
    assert found == alone
    assert len(alone) > 400


def _in_another_script(text: str, source: random.Random) -> str:
    zero = source.choice([0x660, 0x6F0, 0x966, 0xFF10, 0x1D7CE, 0x1E950])
    return "".join(chr(zero + int(char)) if char in "0123456789" else char for char in text)


def test_arrays_slices_chunks_and_nulls(scanner: Scanner) -> None:
    rows = ["x", "mail a.b@example.com", None, "ok", "٤١١١١١١١١١١١١١١١"]
    array = pa.array(rows)
    expected = [(1, "email"), (4, "credit_card")]
    for texts in (array, array.cast(pa.large_string()), pa.chunked_array([rows[:2], rows[2:]], pa.string())):
        assert [(row, finding.kind) for row, finding in scan_batch(texts, scanner)] == expected
    assert [(row, finding.kind) for row, finding in scan_batch(array[1:], scanner)] == [
        (0, "email"),
        (3, "credit_card"),
    ]
    assert scan_batch(array[:0], scanner) == []
    assert scan_batch([], scanner) == []


def test_what_is_not_text_is_refused(scanner: Scanner) -> None:
    with pytest.raises(TypeError, match="int64"):
        scan_batch(pa.array([1, 2]), scanner)
    with pytest.raises(TypeError, match="NoneType"):
        scan_batch(["a", None], scanner)  # type: ignore[list-item]


def test_threads_share_a_scanner(scanner: Scanner) -> None:
    rows = [f"row {index} alice{index}@example.com" for index in range(500)]
    expected = scan_batch(rows, scanner)
    results: list[list[tuple[int, Finding]]] = []
    threads = [threading.Thread(target=lambda: results.append(scan_batch(rows, scanner))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(expected) == 500
    assert results == [expected] * 4


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(ValueError, match="arrow, hyperscan"):
        build_scanner(FAMILIES, "grep")  # type: ignore[arg-type]


@pytest.mark.skipif("hyperscan" in ENGINES, reason="hyperscan is installed")
def test_a_missing_engine_names_its_extra() -> None:
    with pytest.raises(OptionalDependencyError, match=r"forgelm\[fast\]"):
        build_scanner(FAMILIES, "hyperscan")
