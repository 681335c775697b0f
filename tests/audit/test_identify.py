"""The language model asked about many texts at once, beside py3langid asked about each."""

from __future__ import annotations

import random

import pytest

from forgelm.audit.identify import load_identifier
from forgelm.audit.rows.characters import load_characters

SENTENCES = {
    "Siparişleriniz bugün öğleden önce adresinize teslim edilecektir.": "tr",
    "Your order will be delivered to your address tomorrow morning.": "en",
    "IHRE BESTELLUNG WIRD MORGEN FRÜH AN IHRE ADRESSE GELIEFERT.": "de",
    "ご注文の商品は明日の朝にお届けいたします。ありがとうございます。": "ja",
    "Ваша порука ће бити испоручена на вашу адресу сутра ујутру.": "sr",
}


def test_real_sentences_are_identified() -> None:
    pytest.importorskip("py3langid")
    identify = load_identifier()
    assert identify is not None
    for (found, confidence), code in zip(
        identify([f"{text}\ud800" for text in SENTENCES]), SENTENCES.values(), strict=True
    ):
        assert found == code and 0.5 < confidence <= 1.0
    assert identify([]) == []


def test_every_text_gets_what_it_would_get_alone() -> None:
    langid = pytest.importorskip("py3langid.langid")
    identify = load_identifier()
    assert identify is not None
    alone = langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True)
    chance = random.Random(5)
    letters = [code for code, kind in enumerate(load_characters().classes.tolist()) if kind]
    noise = ["".join(chr(chance.choice(letters)) for _ in range(chance.randrange(200))) for _ in range(60)]
    mixed = [" ".join(chance.sample(" ".join(SENTENCES).split(), 6)) for _ in range(1000)]
    texts = ["", "\x00", "123 456", "e\u0301te\u0301 comme hiver", *SENTENCES, *noise, *mixed]
    for text, (code, confidence) in zip(texts, identify(texts), strict=True):
        expected = alone.classify(text)
        assert code == expected[0]
        assert confidence == pytest.approx(expected[1], abs=1e-3)
