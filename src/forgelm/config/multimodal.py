"""The section ``model.multimodal``: rows that hold images, and what cannot be combined with them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field

from forgelm.config.explain import Finding
from forgelm.config.section import Section

if TYPE_CHECKING:
    from forgelm.config.rules import Sections


def _check_column(value: str) -> str:
    if not value.strip():
        raise ValueError("a column name must not be blank")
    return value


Name = Annotated[str, AfterValidator(_check_column)]


class MultimodalConfig(Section):
    """Whether and from which columns a vision-language model is trained."""

    enabled: bool = Field(False, description="Load a model that reads images, with its processor, and rows with them.")
    image_column: Name = Field(
        "image", description="Column that holds the image, or a list of them: paths, data: URLs, or bytes in Parquet."
    )
    text_column: Name = Field("text", description="Column that holds the text, where the rows are plain text.")
    allow_image_urls: bool = Field(
        False, description="Download images that are given as https addresses; otherwise such a row is an error."
    )
    # Above the upper bound Pillow itself refuses.
    max_image_pixels: int = Field(
        50_000_000,
        ge=1,
        le=178_956_970,
        description="Most pixels of one image; a larger one is an error, as it may fill the memory.",
    )


def find_multimodal_conflicts(config: Sections) -> Iterator[Finding]:
    """Yield what cannot be run together with images."""
    multimodal = config.model.multimodal
    if multimodal is None or not multimodal.enabled:
        return
    found = (*_training_conflicts(config), *_evaluation_conflicts(config), *_other_conflicts(config, multimodal))
    for loc, reason, hint in found:
        yield Finding(reason, loc=loc, hint=hint)


def find_multimodal_warnings(config: Sections) -> Iterator[str]:
    """Yield what is set and has no effect."""
    multimodal = config.model.multimodal
    if multimodal is None or multimodal.enabled:
        return
    names = ", ".join(sorted(multimodal.model_fields_set - {"enabled"}))
    if names:
        yield f"model.multimodal is not enabled: {names} has no effect"


_Conflict = tuple[tuple[str, ...], str, str]


def _training_conflicts(config: Sections) -> Iterator[_Conflict]:
    training = config.training
    if training.trainer_type != "sft":
        yield (
            ("training", "trainer_type"),
            f"images are trained on with sft alone, not with {training.trainer_type}",
            "set trainer_type: sft, or leave model.multimodal out",
        )
    switches = (
        ("packing", "rows with images are not joined into one sequence"),
        ("padding_free", "rows with images are not joined into one sequence"),
        ("use_liger_kernel", "Liger's kernels are not offered for models that read images"),
        ("memory_probe", "the memory that images take is not estimated, so there is nothing to compare a probe with"),
        ("sample_prompts", "sample replies are asked for without images"),
    )
    for name, reason in switches:
        if getattr(training, name):
            yield ("training", name), reason, f"leave {name} out"


def _evaluation_conflicts(config: Sections) -> Iterator[_Conflict]:
    for name in ("text", "benchmark", "memorisation"):
        section = getattr(config.evaluation, name, None)
        if section is not None and section.enabled:
            yield (
                ("evaluation", name),
                f"evaluation.{name} asks without images",
                f"leave evaluation.{name} out; the held-out loss, evaluation.safety and evaluation.llm_judge judge it",
            )


def _other_conflicts(config: Sections, multimodal: MultimodalConfig) -> Iterator[_Conflict]:
    if config.model.moe is not None:
        yield ("model", "moe"), "experts are not chosen in models that read images", "leave model.moe out"
    if config.distributed is not None and config.distributed.strategy is not None:
        yield (
            ("distributed", "strategy"),
            "models that read images are not sharded",
            "leave distributed.strategy out",
        )
    if config.export is not None:
        yield ("export",), "the file would hold the language half of the model alone", "leave export out"
    if "text_column" in multimodal.model_fields_set and "text" in config.data.columns:
        yield (
            ("model", "multimodal", "text_column"),
            "data.columns names the column of the text as well",
            "leave one of the two out",
        )
    if multimodal.image_column in config.data.columns.values():
        yield (
            ("model", "multimodal", "image_column"),
            f"data.columns reads {multimodal.image_column!r} as something else",
            "name another column in one of the two",
        )
