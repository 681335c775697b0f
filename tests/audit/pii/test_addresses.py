"""Street addresses: only when asked for, and only those that look like one."""

from __future__ import annotations

import pytest

from forgelm.audit.pii.find import find_pii

HELD = (
    "221B Baker Street",
    "1600 Pennsylvania Avenue, Washington, DC 20500",
    "Hauptstraße 12, 10115 Berlin",
    "12 rue de la Paix, 75002 Paris",
    "Via Roma 12",
    "Calle de Alcalá, 45",
    "ul. Marszałkowska 10",
    "Atatürk Mahallesi Cumhuriyet Cad. No: 5",
    "SW1A 1AA",
    "〒100-0001",
    "PO Box 1234",
)


@pytest.mark.parametrize("address", HELD)
def test_an_address_is_found_when_asked_for(address: str) -> None:
    text = f"send it to {address}; thanks"
    assert find_pii(text) == []
    found = find_pii(text, postal_address=True)
    assert [(finding.kind, text[slice(*finding.span)]) for finding in found] == [("postal_address", address)]


@pytest.mark.parametrize(
    "text", ["12 main points on the way", "the street", "Way 12 of doing it", "in the box 12", "a 4 b"]
)
def test_ordinary_words_are_no_address(text: str) -> None:
    assert find_pii(text, postal_address=True) == []
