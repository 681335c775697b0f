"""Turns normalised rows into token ids and labels: the model's own template, loss only on what it should say."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from forgelm.base.errors import DataError, ModelError
from forgelm.config.training import TrainingConfig
from forgelm.data.rows import Row, RowFormat
from forgelm.train.scene import Scene
from forgelm.train.templates import ChatTemplate, Rendered, find_template, render
from forgelm.train.token_ledger import LostRow, TokenLedger

logger = logging.getLogger(__name__)
IGNORED = -100
_BATCH = 250


@dataclass(frozen=True)
class Example:
    """One row as the trainer sees it: ``input_ids`` and ``labels`` of equal length, ``IGNORED`` where no loss is.

    In a comparison they are the chosen reply's, and ``rejected`` holds the other one's. A bare prompt has no target.
    ``scene`` is there where the row has images.
    """

    input_ids: list[int]
    labels: list[int]
    row: Row
    rejected: Example | None = None
    scene: Scene | None = None

    @property
    def sides(self) -> tuple[Example, ...]:
        """This and the reply it is compared with."""
        return (self,) if self.rejected is None else (self, self.rejected)

    @property
    def targets(self) -> int:
        """Number of tokens the loss is taken over, on both sides."""
        return sum(len(side.labels) - side.labels.count(IGNORED) for side in self.sides)

    @property
    def tokens(self) -> int:
        return sum(len(side.input_ids) for side in self.sides)


@dataclass(frozen=True)
class Encoding:
    """How rows become tokens. ``reply_mask`` false trains on every token; ``max_length`` is in tokens.

    ``seeing`` encodes the rows where they have images.
    """

    tokenizer: Any
    format: RowFormat
    template: ChatTemplate | None
    reply_mask: bool
    max_length: int
    add_eos: bool
    stop_ids: frozenset[int]
    seeing: Callable[[Sequence[Row], Encoding], Iterator[Example]] | None = None


@dataclass(frozen=True)
class TokenisedSplit:
    """The examples of one split and the account of what was lost on the way."""

    examples: tuple[Example, ...]
    ledger: TokenLedger


def choose_encoding(
    tokenizer: Any,
    rows: Sequence[Row],
    row_format: RowFormat,
    *,
    max_length: int,
    add_eos: bool,
    reply_mask: bool | None,
    generation_stop_ids: Sequence[int] = (),
) -> Encoding:
    """Decide template and mask for a dataset. ``reply_mask=None`` masks wherever the format has prompts.

    Raises:
        ModelError: the tokenizer cannot do what the data needs.
    """
    masked = row_format is not RowFormat.TEXT if reply_mask is None else reply_mask
    if masked and row_format is RowFormat.TEXT:
        raise ModelError("a reply mask needs prompts and replies, but the data is plain text")
    template = None
    if is_chat(rows, row_format):
        template = find_template(tokenizer, reply_mask=masked and row_format is RowFormat.MESSAGES)
    if template and not tokenizer.is_fast:
        raise ModelError("conversations need a fast tokenizer (tokenizer.json); this model has only a slow one")
    stop_ids = frozenset({tokenizer.eos_token_id, *generation_stop_ids} - {None})
    return Encoding(tokenizer, row_format, template, masked, max_length, add_eos, stop_ids)


def choose_reply_mask(training: TrainingConfig, row_format: RowFormat) -> bool | None:
    """The switch that belongs to the format of the data; the other one is reported, not obeyed."""
    switches = {
        RowFormat.MESSAGES: ("assistant_only_loss", training.assistant_only_loss),
        RowFormat.PROMPT_COMPLETION: ("completion_only_loss", training.completion_only_loss),
    }
    for name, value in (switches[other] for other in switches if other is not row_format):
        if value is not None:
            logger.warning("training.%s is set, but has no effect on data in the format %s", name, row_format)
    return switches[row_format][1] if row_format in switches else None


def read_stop_ids(generation: Any) -> tuple[int, ...]:
    """Return the ids at which a generation configuration ends a reply."""
    ids = getattr(generation, "eos_token_id", None)
    if ids is None:
        return ()
    return tuple(ids) if isinstance(ids, (list, tuple)) else (int(ids),)


def is_chat(rows: Sequence[Row], row_format: RowFormat) -> bool:
    """Tell whether rows of this format are conversations, rendered by the chat template."""
    if row_format is RowFormat.MESSAGES:
        return True
    return row_format is not RowFormat.TEXT and bool(rows) and isinstance(rows[0].value["prompt"], list)


def tokenise(rows: Sequence[Row], encoding: Encoding) -> TokenisedSplit:
    """Encode ``rows`` in order, cut to ``max_length``, and leave out rows with nothing left to learn."""
    kept: list[Example] = []
    lost: list[LostRow] = []
    dropped = learnt = 0
    prompts = encoding.format is RowFormat.PROMPT_ONLY
    for example in encode(rows, encoding):
        if prompts:
            # Half a question is another question: a prompt is never cut.
            targets, cut = example.tokens, example if example.tokens <= encoding.max_length else None
        elif example.scene is not None:
            # Half an image is none: a row that shows one is kept whole or left out.
            targets, cut = example.targets, example if example.targets > 0 and _fits(example, encoding) else None
        else:
            targets = example.targets
            cut = _cut(example, encoding.max_length) if targets else None
        left = 0 if cut is None else targets if cut is example else cut.targets
        learnt += left
        if left < targets or cut is None:
            reason = "nothing to learn" if targets == 0 else "longer than max_length"
            if example.scene is not None and targets:
                reason += f" with its {example.scene.image_tokens} image tokens"
            longest = max(len(side.input_ids) for side in example.sides)
            lost.append(LostRow(example.row.where, longest, targets - left, reason))
        if cut is None:
            dropped += 1
        else:
            kept.append(cut)
    ledger = TokenLedger(
        rows=len(kept),
        rows_truncated=len(lost) - dropped,
        rows_dropped=dropped,
        tokens=sum(example.tokens for example in kept),
        target_tokens=learnt,
        target_tokens_lost=sum(row.target_tokens_lost for row in lost),
        lost=tuple(lost),
    )
    return TokenisedSplit(tuple(kept), ledger)


def encode(rows: Iterable[Row], encoding: Encoding) -> Iterator[Example]:
    """Yield every row's tokens and labels, uncut."""
    if encoding.format is RowFormat.PREFERENCE:
        rows = list(rows)
        replies = replace(encoding, format=RowFormat.PROMPT_COMPLETION)
        sides = (_side(row, part) for row in rows for part in ("chosen", "rejected"))
        encoded = encode(sides, replies)
        for row, chosen, rejected in zip(rows, encoded, encoded, strict=True):
            yield Example(chosen.input_ids, chosen.labels, row, replace(rejected, row=row))
        return
    if encoding.seeing is not None:
        yield from encoding.seeing(list(rows), encoding)
        return
    remaining = iter(rows)
    batches = iter(lambda: list(islice(remaining, _BATCH)), [])
    if encoding.template is not None and encoding.format is not RowFormat.PROMPT_ONLY:
        yield from _encode_chats(batches, encoding, encoding.template)
        return
    for batch in batches:
        if encoding.format is RowFormat.PROMPT_ONLY:
            yield from _encode_prompts(batch, encoding)
        elif encoding.format is RowFormat.TEXT:
            yield from _encode_texts(batch, encoding)
        else:
            yield from _encode_pairs(batch, encoding)


def check_masks(split: TokenisedSplit, encoding: Encoding) -> None:
    """Refuse to train on a wrong mask.

    Raises:
        DataError: there is nothing to learn, or no target has an end-of-turn token, so the model would never stop.
    """
    if encoding.format is RowFormat.PROMPT_ONLY:
        return
    if not any(example.targets for example in split.examples):
        raise DataError("the loss mask is empty: no token of the training rows is a target")
    wants_stop = encoding.format is not RowFormat.TEXT or encoding.add_eos
    if wants_stop and not any(has_stop(example, encoding) for example in split.examples):
        names = ", ".join(encoding.tokenizer.convert_ids_to_tokens(sorted(encoding.stop_ids)))
        raise DataError(
            f"no training target contains an end-of-turn token ({names or 'the tokenizer has none'}), so the model "
            "would never learn to stop",
            hint="put the end-of-turn token inside the template's {% generation %} block, set data.add_eos: true, or "
            "raise model.max_length if every reply is cut",
        )


def has_stop(example: Example, encoding: Encoding) -> bool:
    return any(label in encoding.stop_ids for label in example.labels)


def render_chats(batch: list[Row], encoding: Encoding, template: ChatTemplate) -> list[Rendered]:
    """Return each conversation as text, with the spans that are learnt where ``encoding`` masks the rest."""
    conversations = [_conversation(row) for row in batch]
    rendered = _render(batch, conversations, encoding, template, prompt=False)
    if encoding.reply_mask and encoding.format is not RowFormat.MESSAGES:
        prompts = [{**chat, "messages": row.value["prompt"]} for chat, row in zip(conversations, batch, strict=True)]
        asked = _render(batch, prompts, encoding, template, prompt=True)
        rendered = [_only_completion(*triple) for triple in zip(batch, rendered, asked, strict=True)]
    return rendered


def _encode_chats(batches: Iterable[list[Row]], encoding: Encoding, template: ChatTemplate) -> Iterator[Example]:
    """Encode one batch in a thread, where no lock of Python's is held, while the next one is rendered."""
    waiting: tuple[list[Row], list[Rendered], Future[Any]] | None = None
    with ThreadPoolExecutor(1) as pool:
        for batch in batches:
            rendered = render_chats(batch, encoding, template)
            texts = [item.text for item in rendered]
            encoded = pool.submit(encoding.tokenizer, texts, add_special_tokens=False, return_attention_mask=False)
            if waiting is not None:
                yield from _label_chats(*waiting, encoding)
            waiting = batch, rendered, encoded
        if waiting is not None:
            yield from _label_chats(*waiting, encoding)


def _label_chats(
    batch: list[Row], rendered: list[Rendered], encoding_of: Future[Any], encoding: Encoding
) -> Iterator[Example]:
    encoded = encoding_of.result()
    for row, item, ids, found in zip(batch, rendered, encoded["input_ids"], encoded.encodings, strict=True):
        labels = [IGNORED] * len(ids) if encoding.reply_mask else list(ids)
        for begin, end in item.spans if encoding.reply_mask else ():
            said = _tokens_of(found, begin, end)
            labels[said] = ids[said]
        yield Example(ids, labels, row)


def _tokens_of(encoded: Any, begin: int, end: int) -> slice:
    """Return the tokens that hold any of these characters: one may have several tokens, or none, as a space may."""
    first = _first_token(encoded, range(begin, end))
    if first is None:
        return slice(0)
    stop = _first_token(encoded, range(end - 1, begin - 1, -1)) + 1
    while stop < len(encoded) and encoded.token_to_chars(stop)[0] < end:
        stop += 1
    return slice(first, stop)


def _first_token(encoded: Any, places: Iterable[int]) -> Any:
    for place in places:
        token = encoded.char_to_token(place)
        if token is not None:
            return token
    return None


def _only_completion(row: Row, whole: Rendered, prompt: Rendered) -> Rendered:
    if not whole.text.startswith(prompt.text):
        raise DataError(
            f"{row.where}: the model's chat template writes this prompt differently once the reply "
            "is there, so training would not match inference",
            hint="use a chat template that only appends, or give the rows as messages",
        )
    start = len(prompt.text)
    marked = tuple((max(begin, start), end) for begin, end in whole.spans if end > start)
    return Rendered(whole.text, marked or ((start, len(whole.text)),))


def _render(
    batch: list[Row],
    conversations: list[dict[str, Any]],
    encoding: Encoding,
    template: ChatTemplate,
    *,
    prompt: bool,
) -> list[Rendered]:
    import jinja2

    refusals = (jinja2.TemplateError, TypeError, ValueError)
    with contextlib.suppress(*refusals):
        return render(encoding.tokenizer, template, conversations, prompt=prompt)
    rendered = []
    for row, conversation in zip(batch, conversations, strict=True):
        try:
            rendered += render(encoding.tokenizer, template, [conversation], prompt=prompt)
        except refusals as error:
            raise DataError(f"{row.where}: the model's chat template refuses this conversation: {error}") from error
    return rendered


def _conversation(row: Row) -> dict[str, Any]:
    messages = row.value.get("messages")
    if messages is None:
        messages = [*row.value["prompt"], *row.value["completion"]]
    return {"messages": messages, "tools": row.value.get("tools")}


def _encode_prompts(batch: list[Row], encoding: Encoding) -> Iterator[Example]:
    tokenizer = encoding.tokenizer
    if encoding.template is None:
        encoded = tokenizer([row.value["prompt"] for row in batch], return_attention_mask=False)["input_ids"]
        encoded = [ids[:-1] if ids[-1:] == [tokenizer.eos_token_id] else ids for ids in encoded]
    else:
        chats = [{"messages": row.value["prompt"]} for row in batch]
        rendered = _render(batch, chats, encoding, encoding.template, prompt=True)
        texts = [item.text for item in rendered]
        encoded = tokenizer(texts, add_special_tokens=False, return_attention_mask=False)["input_ids"]
    for row, ids in zip(batch, encoded, strict=True):
        yield Example(ids, [IGNORED] * len(ids), row)


def _encode_texts(batch: list[Row], encoding: Encoding) -> Iterator[Example]:
    encoded = encoding.tokenizer([row.value["text"] for row in batch], return_attention_mask=False)
    for row, text in zip(batch, encoded["input_ids"], strict=True):
        ids = _with_eos(text, encoding)
        yield Example(ids, list(ids), row)


def _encode_pairs(batch: list[Row], encoding: Encoding) -> Iterator[Example]:
    tokenizer = encoding.tokenizer
    prompts = tokenizer([row.value["prompt"] for row in batch], return_attention_mask=False)["input_ids"]
    wholes = tokenizer([row.value["prompt"] + row.value["completion"] for row in batch], return_attention_mask=False)[
        "input_ids"
    ]
    for row, asked, whole in zip(batch, prompts, wholes, strict=True):
        # Some tokenizers end every text with the end token; the reply comes where that would stand.
        prompt = asked[:-1] if asked[-1:] == [tokenizer.eos_token_id] else asked
        ids = _with_eos(_join(tokenizer, row, prompt, whole), encoding)
        labels = [IGNORED] * len(prompt) + ids[len(prompt) :] if encoding.reply_mask else list(ids)
        yield Example(ids, labels, row)


def _join(tokenizer: Any, row: Row, prompt: list[int], whole: list[int]) -> list[int]:
    # A merge across the seam would show the model a prompt it never sees at inference.
    if whole[: len(prompt)] == prompt:
        return whole
    completion: list[int] = tokenizer(row.value["completion"], add_special_tokens=False)["input_ids"]
    return prompt + completion


def _with_eos(ids: list[int], encoding: Encoding) -> list[int]:
    eos = encoding.tokenizer.eos_token_id
    return [*ids, eos] if encoding.add_eos and eos is not None and ids[-1:] != [eos] else ids


def _side(row: Row, part: str) -> Row:
    shared = {name: value for name, value in row.value.items() if name not in ("chosen", "rejected")}
    return replace(row, value={**shared, "completion": row.value[part]})


def _fits(example: Example, encoding: Encoding) -> bool:
    return len(example.input_ids) <= encoding.max_length


def _cut(example: Example, length: int) -> Example | None:
    """Return ``example`` within ``length`` tokens a side, or ``None`` when a side is empty then or both are alike."""
    if example.rejected is None and len(example.input_ids) <= length:
        return example
    chosen, *others = (
        replace(side, input_ids=side.input_ids[:length], labels=side.labels[:length], rejected=None)
        for side in example.sides
    )
    if not all(side.targets for side in (chosen, *others)) or any(
        side.input_ids == chosen.input_ids for side in others
    ):
        return None
    return replace(chosen, rejected=others[0]) if others else chosen
