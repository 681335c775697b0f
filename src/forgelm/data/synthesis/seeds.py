"""The section ``synthetic`` to what will be asked: prompts of the file and of the section, each one once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from forgelm.base.errors import ConfigError
from forgelm.config.synthetic import SyntheticConfig
from forgelm.data.prompts import EvalPrompt, PromptFile, read_prompts
from forgelm.data.synthesis.teacher import Request

_SEEDS = PromptFile("the teacher's prompts", "synthetic.seed_file", ())
_ANSWERED = PromptFile("the teacher's prompts", "synthetic.seed_file", ("response", "completion", "output"), True)


def read_seeds(section: SyntheticConfig) -> tuple[Request, ...]:
    """Return the requests in the order of the prompts; one that is there already is left out.

    Raises:
        DataError: the seed file cannot be read, holds no prompt, or has lines that are none.
    """
    found = list(_read_file(section))
    inside = [text for text in section.seed_prompts if text.strip()]
    known = {seed.text: seed.reference for seed in reversed(found) if seed.reference}
    requests = [Request(seed.text, f"{section.seed_file}:{seed.line}", section, seed.reference) for seed in found]
    requests += [
        Request(text, f"synthetic.seed_prompts[{index}]", section, known.get(text)) for index, text in enumerate(inside)
    ]
    first: dict[tuple[str, str | None], Request] = {}
    for request in requests:
        first.setdefault((request.prompt, request.known), request)
    return tuple(first.values())


def _read_file(section: SyntheticConfig) -> Iterator[EvalPrompt]:
    if not section.seed_file:
        return
    if Path(section.output_file).resolve() == Path(section.seed_file).resolve():
        raise ConfigError("synthetic.output_file is the seed file itself", hint="name another file for the rows")
    yield from read_prompts(Path(section.seed_file), _ANSWERED if section.teacher_backend == "file" else _SEEDS)
