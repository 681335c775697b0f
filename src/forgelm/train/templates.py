"""Finds the chat template a model is trained with, renders conversations, and says which characters the model says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from forgelm.base.errors import ModelError
from forgelm.base.extras import load_extra
from forgelm.base.files import sha256_bytes

Span = tuple[int, int]


@dataclass(frozen=True)
class ChatTemplate:
    """A Jinja chat template. ``source`` is ``model`` or ``trl`` (TRL's training version of the model's own).

    ``marks_replies`` tells whether it has ``{% generation %}`` blocks around what the assistant says.
    """

    text: str
    source: str
    marks_replies: bool

    @property
    def sha256(self) -> str:
        return sha256_bytes(self.text.encode())


@dataclass(frozen=True)
class Rendered:
    """One conversation as text; ``spans`` are the character ranges [start, end) the assistant says."""

    text: str
    spans: tuple[Span, ...]


def find_template(tokenizer: Any, *, reply_mask: bool) -> ChatTemplate:
    """Return the template to train with.

    Raises:
        ModelError: the tokenizer has none, or a reply mask is wanted and the template cannot mark replies.
    """
    own = tokenizer.chat_template
    if isinstance(own, dict):
        own = own.get("default")
    if not own:
        raise ModelError(
            "the data is conversations, but this model's tokenizer has no chat template",
            hint="use an instruction-tuned model, save a chat_template.jinja beside its tokenizer, or give plain "
            "prompt/completion text",
        )
    templates = load_extra("trl.chat_template_utils", extra="train")
    if templates.has_generation_markers(own):
        return ChatTemplate(own, "model", marks_replies=True)
    try:
        training = templates.get_training_chat_template(tokenizer)
    except ValueError as error:
        if not reply_mask:
            return ChatTemplate(own, "model", marks_replies=False)
        raise ModelError(
            "this model's chat template cannot mark what the assistant says, so the prompt could not be kept out of "
            "the loss",
            hint="put {% generation %} ... {% endgeneration %} around the assistant's turn (its end-of-turn token "
            "included) in the template, or set training.assistant_only_loss: false to train on every token",
        ) from error
    return ChatTemplate(training or own, "trl" if training else "model", marks_replies=training is not None)


def render(
    tokenizer: Any, template: ChatTemplate, conversations: Sequence[dict[str, Any]], *, prompt: bool = False
) -> list[Rendered]:
    """Render ``{"messages": [...], "tools": [...]}`` rows exactly as ``apply_chat_template`` does.

    With ``prompt=True`` the text ends where the assistant's next reply begins.
    """
    jinja = load_extra("transformers.utils.chat_template_utils", extra="train")
    marked = template.marks_replies and not prompt
    special = tokenizer.special_tokens_map
    rendered = []
    # What a call prepares is prepared once for all conversations without tools.
    for tools, group in groupby(conversations, key=lambda conversation: conversation.get("tools") or None):
        texts, spans = jinja.render_jinja_template(
            conversations=[conversation["messages"] for conversation in group],
            tools=tools,
            chat_template=template.text,
            return_assistant_tokens_mask=marked,
            add_generation_prompt=prompt,
            **special,
        )
        rendered += [Rendered(text, tuple(span)) for text, span in zip(texts, spans or [()] * len(texts), strict=True)]
    return rendered
