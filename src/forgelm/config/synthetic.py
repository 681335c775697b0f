"""The section ``synthetic``: which teacher answers which prompts, and the file of rows that becomes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, field_serializer, field_validator, model_validator

from forgelm.base.redact import REDACTED
from forgelm.config.section import Place, Revision, Section, check_place, read_place, refuse

MaybePlace = Annotated[str, BeforeValidator(read_place), AfterValidator(lambda text: check_place(text) if text else "")]


class SyntheticConfig(Section):
    """Rows that a teacher writes, for ``--generate-data``; training never does. Every dump hides the key."""

    enabled: bool = Field(False, description="Whether --generate-data may use this section; training never does.")
    teacher_model: str = Field("", description="The teacher: its name at the endpoint, or a local model.")
    teacher_backend: Literal["api", "local", "file"] = Field(
        "api", description="Where replies come from: an OpenAI-compatible endpoint, this machine, or seed_file itself."
    )
    teacher_revision: Revision | None = Field(None, description="Commit, branch or tag of a local teacher.")
    api_base: str = Field("", description="Base URL of the endpoint; empty is https://api.openai.com/v1 with a key.")
    api_key: str | None = Field(
        None, description="Key of the endpoint; better kept in the environment.", json_schema_extra={"writeOnly": True}
    )
    api_key_env: str | None = Field(None, min_length=1, description="Environment variable that holds the key.")
    api_delay: float = Field(0.5, ge=0, description="Least seconds between two calls, all workers together.")
    api_timeout: int = Field(60, ge=10, description="Longest time for one call, in seconds.")
    api_workers: int = Field(4, ge=1, le=256, description="Calls on their way at a time.")
    max_attempts: int = Field(5, ge=1, description="How often one prompt is sent when the endpoint is busy or fails.")
    allow_private_destinations: bool = Field(
        False, description="Let the endpoint be on this machine or in a private network, also without TLS."
    )
    tls_ca_bundle: Place | None = Field(None, description="PEM file of authorities to trust for the endpoint.")
    input_usd_per_million_tokens: float | None = Field(None, ge=0, description="Price of what the teacher reads.")
    output_usd_per_million_tokens: float | None = Field(None, ge=0, description="Price of what the teacher writes.")
    max_cost_usd: float | None = Field(None, ge=0, description="Most that one command may spend; needs both prices.")
    batch_size: int = Field(8, ge=1, description="Prompts a local teacher answers together.")
    seed_file: MaybePlace = Field("", description="Prompts: JSON lines with prompt (or text), or one text a line.")
    seed_prompts: list[str] = Field([], description="Further prompts, written here.")
    system_prompt: str = Field("", description="System message; also written into the rows. Empty sends a plain one.")
    max_new_tokens: int = Field(1024, ge=1, description="Longest reply; one that is cut off there is no row.")
    temperature: float = Field(0.7, ge=0, description="How freely tokens are drawn; 0 takes the likeliest.")
    output_file: Place = Field("synthetic_data.jsonl", description="Where the rows go, as JSON lines.")
    output_format: Literal["messages", "instruction", "chatml", "prompt_response"] = Field(
        "messages", description="How a row is laid out; each is read by data.dataset_name_or_path."
    )
    deduplicate: Literal["rows", "replies"] = Field(
        "rows", description="Leave out rows that are there already, or also replies another prompt got already."
    )
    min_success_rate: float = Field(0.0, ge=0, le=1, description="Least share of prompts with a usable reply.")
    sanity_failure_rate: float = Field(0.2, ge=0, le=1, description="Warn above this share of prompts without one.")

    @field_validator("api_key")
    @classmethod
    def _check_key(cls, value: str | None) -> str | None:
        if value == REDACTED:
            raise ValueError("is the placeholder of a redacted copy; put the key in, or remove the line")
        if value is not None and (not value or any(char.isspace() or not char.isprintable() for char in value)):
            raise ValueError("must be a key without spaces or line breaks")
        return value

    @field_serializer("api_key")
    def _hide_key(self, value: str | None) -> str | None:
        return None if value is None else REDACTED

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            yield name, "***" if name == "api_key" and value is not None else value

    @model_validator(mode="after")
    def _check_revision_is_local(self) -> Self:
        if self.teacher_revision is not None and self.teacher_backend != "local":
            raise refuse(
                "teacher_revision", f"only a local teacher can be pinned, not teacher_backend {self.teacher_backend}"
            )
        return self

    @model_validator(mode="after")
    def _check_cost_can_be_counted(self) -> Self:
        prices = {name: getattr(self, f"{name}_usd_per_million_tokens") for name in ("input", "output")}
        missing = [name for name, price in prices.items() if price is None]
        if len(missing) == 1:
            raise refuse(f"{missing[0]}_usd_per_million_tokens", "needed for a cost: the other price is set")
        if self.max_cost_usd is not None and missing:
            raise refuse("max_cost_usd", "the cost cannot be counted without the prices of tokens")
        return self

    @model_validator(mode="after")
    def _check_there_is_something_to_do(self) -> Self:
        if not self.enabled:
            return self
        if not self.teacher_model.strip() and self.teacher_backend != "file":
            raise refuse("teacher_model", f"teacher_backend {self.teacher_backend} needs the teacher's name")
        if not self.seed_file and not any(prompt.strip() for prompt in self.seed_prompts):
            raise refuse("seed_file", "there is nothing to ask: give seed_file or seed_prompts")
        if self.teacher_backend == "file" and not self.seed_file:
            raise refuse("seed_file", "teacher_backend file takes its replies from there")
        has_key = self.api_key is not None or self.api_key_env is not None
        if self.teacher_backend == "api" and not self.api_base.strip() and not has_key:
            raise refuse("api_base", "teacher_backend api needs an endpoint, or a key for https://api.openai.com/v1")
        return self
