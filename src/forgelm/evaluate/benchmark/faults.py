"""What lm-evaluation-harness may raise that is no mistake of this program: into one sentence each."""

from __future__ import annotations

from forgelm.base.extras import load_extra

_LONGEST = 300


def harness_faults() -> tuple[type[BaseException], ...]:
    """Return the exceptions by which the harness, its tasks and the data sets library fail.

    Tasks are files of many authors: a broken one may raise nearly anything. Not among them are the ways a run is
    stopped, and memory that ran out in Python itself.
    """
    jinja = load_extra("jinja2", extra="train")
    yaml = load_extra("yaml", extra="eval")
    hub = load_extra("huggingface_hub", extra="train")
    return (
        OSError,
        RuntimeError,
        ValueError,
        TypeError,
        LookupError,
        ImportError,
        AttributeError,
        AssertionError,
        ArithmeticError,
        StopIteration,
        jinja.TemplateError,
        yaml.YAMLError,
        hub.errors.HTTPError,
    )


def say_fault(error: BaseException) -> str:
    """Return the first line of what went wrong, with the kind of error before it."""
    text = str(error).strip()
    line = text.splitlines()[0] if text else ""
    return f"{type(error).__name__}: {line}"[:_LONGEST] if line else type(error).__name__
