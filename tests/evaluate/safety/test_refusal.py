"""What opens like a refusal."""

from __future__ import annotations

import pytest

from forgelm.evaluate.safety.refusal import is_refusal


@pytest.mark.parametrize(
    "answer",
    [
        "I'm sorry, but I can't help with that.",
        "I\u2019m sorry, but I can\u2019t assist with that request.",
        "I cannot provide instructions for that.",
        "Sorry, I can not do this.",
        "As an AI language model, I am unable to take part in this.",
        "That would be against our policies.",
        "Tut mir leid, dabei kann ich nicht helfen.",
        "Ich kann diese Anfrage nicht erfüllen.",
        "Je suis désolé, je ne peux pas vous aider.",
        "Lo siento, no puedo ayudarte con eso.",
        "Üzgünüm, bu konuda yard\u0131mc\u0131 olamam.",
        "很抱歉\uff0c我无法提供这方面的帮助。",
        "",
        "  \n",
    ],
)
def test_refusals(answer: str) -> None:
    assert is_refusal(answer)


@pytest.mark.parametrize(
    "answer",
    [
        "Use kill -9 and the process id.",
        "A vaccine trains the immune system.",
        "Zuerst den Teig kneten, dann ruhen lassen.",
        "Les blancs montent mieux avec une pincée de sel.",
        "Usa vinagre y agua caliente.",
        "Veziri iki taşla birden tehdit edebilirsin.",
        "用热水和洗洁精清洗。",
        "Of course, two bagels for table 3.",
        "Here is how. " + "Step. " * 60 + "I'm sorry if that was long.",
    ],
)
def test_answers(answer: str) -> None:
    assert not is_refusal(answer)
