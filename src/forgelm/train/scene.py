"""What a model is shown beside tokens."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from forgelm.data.picture import Picture


@dataclass(frozen=True)
class Scene:
    """The text a model's processor reads, and the images in it, in order.

    ``image_tokens`` of the row's tokens stand for the images. ``special_tokens`` tells whether the processor adds those
    that begin or end a text; a chat template has its own.
    """

    processor: Any = field(repr=False, compare=False)
    text: str
    pictures: tuple[Picture, ...]
    image_tokens: int
    special_tokens: bool
