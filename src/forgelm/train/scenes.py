"""Rows with images to tokens and to batches, through the model's own processor; what it makes of them is checked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from forgelm.base.errors import ConfigError, DataError, ForgeError, ModelError, TrainingError
from forgelm.base.extras import load_extra
from forgelm.base.files import canonical_json, sha256_bytes
from forgelm.base.processes import read_place
from forgelm.config.root import ForgeConfig
from forgelm.data.pictured import MARKER
from forgelm.data.problems import RowError, RowProblems, row_problem
from forgelm.data.rows import Row, RowFormat
from forgelm.train.scene import Scene
from forgelm.train.templates import Rendered
from forgelm.train.tokenise import IGNORED, Encoding, Example, render_chats

Span = tuple[int, int]
_CONVERSATIONS = ("messages", "prompt", "completion")
_PROCESSOR_ERRORS = (ValueError, TypeError, IndexError, KeyError, RuntimeError, StopIteration, ForgeError)


@dataclass(frozen=True)
class Processing:
    """What a model's processor makes of rows with images."""

    processor: Any

    @property
    def sha256(self) -> str:
        """Digest of everything the processor does to an image and of the token that stands for one."""
        return sha256_bytes(canonical_json(_plain(self.processor.to_dict())))

    def encode(self, rows: Sequence[Row], encoding: Encoding) -> Iterator[Example]:
        """Yield every row's tokens and labels, uncut; an image's tokens and what is asked are never labels.

        Raises:
            DataError: the processor cannot read some rows, the first few with their places.
        """
        problems = RowProblems()
        for row in rows:
            try:
                yield self._encode_row(row, encoding)
            except (RowError, DataError) as error:
                message = error.message if isinstance(error, DataError) else str(error)
                problems.add(row_problem(message, source=row.source, part=row.part, number=row.number))
        problems.raise_if_any(
            f"the model's processor cannot read {problems.count} rows", hint="correct these rows or take them out"
        )

    def _encode_row(self, row: Row, encoding: Encoding) -> Example:
        said = _render(row, encoding, str(getattr(self.processor, "image_token", MARKER)))
        specials = encoding.template is None
        encoded = self._process(row, said.text, special_tokens=specials)
        ids, eos = list(encoded["input_ids"][0]), encoding.tokenizer.eos_token_id
        if specials and encoding.add_eos and eos is not None and ids[-1:] != [eos]:
            text = said.text + encoding.tokenizer.eos_token
            spans = tuple((begin, len(text) if end == len(said.text) else end) for begin, end in said.spans)
            said = Rendered(text, spans)
            encoded = self._process(row, text, special_tokens=specials)
            ids = list(encoded["input_ids"][0])
        placed = _placed(encoded, len(row.pictures))
        shown = [new for _, new in placed]
        offsets = [tuple(pair) for pair in encoded["offset_mapping"][0]]
        of_image = [any(_overlap(pair, span) for span in shown) for pair in offsets]
        learnt = [_shift(span, placed) for span in said.spans] if encoding.reply_mask else [(0, 2**62)]
        if specials and encoding.reply_mask:
            _check_seam(offsets, learnt)
        labels = [
            token if not image and any(_overlap(pair, span) for span in learnt) else IGNORED
            for token, pair, image in zip(ids, offsets, of_image, strict=True)
        ]
        scene = Scene(self.processor, said.text, row.pictures, sum(of_image), specials)
        return Example(ids, labels, row, scene=scene)

    def _process(self, row: Row, text: str, *, special_tokens: bool) -> Any:
        images = [picture.open() for picture in row.pictures]
        try:
            return self.processor(
                images=[images],
                text=[text],
                add_special_tokens=special_tokens,
                return_offsets_mapping=True,
                return_text_replacement_offsets=True,
            )
        except _PROCESSOR_ERRORS as error:
            first = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise RowError(f"{type(self.processor).__name__} refuses it: {first}") from error


def open_processing(config: ForgeConfig, processor: Any) -> Processing | None:
    """Return what makes tokens of rows with images, ``None`` where the configuration has none.

    Raises:
        ConfigError: several processes train.
    """
    if config.model.images is None:
        return None
    if not read_place().alone:
        raise ConfigError("a model that reads images is trained by one process", hint="start one process only")
    return Processing(processor)


def collate_scenes(examples: Sequence[Example], *, pad_token_id: int) -> dict[str, Any]:
    """Return one batch: what the processor makes of it, and our labels.

    Raises:
        TrainingError: the processor makes other tokens of a row than when its length and its mask were found.
    """
    torch = load_extra("torch", extra="train")
    scenes = [example.scene for example in examples if example.scene is not None]
    batch = dict(
        scenes[0].processor(
            images=[[picture.open() for picture in scene.pictures] for scene in scenes],
            text=[scene.text for scene in scenes],
            add_special_tokens=scenes[0].special_tokens,
            padding=True,
            padding_side="right",
            return_tensors="pt",
        )
    )
    width = int(batch["input_ids"].shape[1])
    for example, ids in zip(examples, batch["input_ids"].tolist(), strict=True):
        padding = [pad_token_id] * (width - len(example.input_ids))
        if ids != example.input_ids + padding:
            raise TrainingError(
                f"{example.row.where}: the model's processor makes other tokens of this row than when it was prepared"
            )
    labels = [example.labels + [IGNORED] * (width - len(example.labels)) for example in examples]
    return {**batch, "labels": torch.tensor(labels)}


def build_scene_dataset(examples: Sequence[Example]) -> Any:
    """Return ``input_ids`` and ``labels`` with each row's example, of which ``collate`` makes batches."""

    # The images themselves are opened batch by batch: all of them at once would not fit.
    def look_up(batch: dict[str, list[Any]]) -> dict[str, list[Any]]:
        if "place" not in batch:
            return batch
        found = [examples[place] for place in batch["place"]]
        return {**batch, "images": [len(example.row.pictures) for example in found], "example": found}

    columns = {
        "input_ids": [example.input_ids for example in examples],
        "labels": [example.labels for example in examples],
        "place": list(range(len(examples))),
    }
    return load_extra("datasets", extra="train").Dataset.from_dict(columns).with_transform(look_up)


@dataclass(frozen=True)
class SceneCollator:
    """Makes batches of the rows of ``build_scene_dataset``."""

    pad_token_id: int

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
        return collate_scenes([row["example"] for row in rows], pad_token_id=self.pad_token_id)


def describe_scenes(processing: Processing, examples: Sequence[Example]) -> dict[str, Any]:
    """Return what the record of a run says about its images: how they were read, which they were, what they took."""
    scenes = [example.scene for example in examples if example.scene is not None]
    digests = [picture.sha256 for scene in scenes for picture in scene.pictures]
    return {
        "processor": type(processing.processor).__name__,
        "preprocessing_sha256": processing.sha256,
        "images": len(digests),
        "images_sha256": sha256_bytes(canonical_json(digests)),
        "image_tokens": sum(scene.image_tokens for scene in scenes),
    }


def _render(row: Row, encoding: Encoding, image_token: str) -> Rendered:
    """Return the row as the processor reads it, one image token for each image, and the spans that are learnt."""
    value = row.value
    if encoding.template is not None:
        parted = {name: _part(value[name]) for name in _CONVERSATIONS if name in value}
        return render_chats([replace(row, value=value | parted)], encoding, encoding.template)[0]
    if encoding.format is RowFormat.TEXT:
        text = value["text"].replace(MARKER, image_token)
        return Rendered(text, ((0, len(text)),))
    prompt = value["prompt"].replace(MARKER, image_token)
    whole = prompt + value["completion"]
    return Rendered(whole, ((len(prompt), len(whole)),))


def _part(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return messages as chat templates of such models read them: their content a list of images and texts."""
    return [{**message, "content": _parts(message["content"])} for message in messages]


def _parts(content: str) -> list[dict[str, str]]:
    first, *others = content.split(MARKER)
    parts = [{"type": "text", "text": first}] if first or not others else []
    for text in others:
        parts.append({"type": "image"})
        if text:
            parts.append({"type": "text", "text": text})
    return parts


def _placed(encoded: Any, pictures: int) -> list[tuple[Span, Span]]:
    """Return for each image where its token stood in the text, and where its tokens stand in what became of it."""
    found = encoded.get("text_replacement_offsets")
    if found is None or "offset_mapping" not in encoded:
        raise ModelError(
            "this model's processor does not say where the tokens of an image stand, so no loss mask can be made",
            hint="use a model whose processor is of transformers' current build",
        )
    images = [one for one in found[0] if one["type"] == "image"]
    if len(images) != pictures:
        raise RowError(f"has {pictures} images, and its text {len(images)} places for one as the model reads it")
    return [(tuple(one["span"]), tuple(one["new_span"])) for one in images]


def _shift(span: Span, placed: Sequence[tuple[Span, Span]]) -> Span:
    """Move a span of the text past the images that stand before it and have become longer."""

    def move(place: int) -> int:
        return place + sum((new[1] - new[0]) - (old[1] - old[0]) for old, new in placed if old[1] <= place)

    return move(span[0]), move(span[1])


def _overlap(one: Any, other: Span) -> bool:
    return bool(one[0] < other[1] and one[1] > other[0])


def _check_seam(offsets: Sequence[Any], learnt: Sequence[Span]) -> None:
    for begin, _ in learnt:
        if any(start < begin < end for start, end in offsets):
            raise RowError("the end of the prompt and the start of the completion are one token; give them as messages")


def _plain(value: Any) -> Any:
    """Return a processor's settings as JSON has them."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)
