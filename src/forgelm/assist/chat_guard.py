"""A guard model beside a conversation: a reply is judged with its request before anybody reads it."""

from __future__ import annotations

from collections.abc import Callable

from forgelm.base.errors import ModelError
from forgelm.base.network import hub_token, private
from forgelm.config.safety import GuardConfig
from forgelm.evaluate.safety.asking import ask_guard
from forgelm.evaluate.safety.guard import load_guard, plan_guard
from forgelm.evaluate.safety.hazards import HAZARDS
from forgelm.evaluate.safety.verdict import GuardVerdict

Judge = Callable[[str, str], GuardVerdict]
_KEY = "evaluation.safety.classifier"


def open_guard(name: str, *, family: str = "auto", offline: bool = False) -> Judge:
    """Load a guard and return what judges a request with its reply.

    ``family`` says whose prompt and answer format it has, where its files do not.

    Raises:
        ModelError: there is no such model, or it cannot be asked as a guard.
    """
    section = GuardConfig.model_validate({"classifier": name, "classifier_family": family})
    token = hub_token(None)
    try:
        with private(offline=offline):
            guard = load_guard(plan_guard(section, offline=offline, token=token), offline=offline, token=token)
    except ModelError as error:
        hint = "name a guard with --guard; --guard-family says whose format it has, where its files do not"
        raise ModelError(error.message.removeprefix(f"{_KEY}: "), hint=hint) from error

    def judge(request: str, reply: str) -> GuardVerdict:
        (verdict,) = ask_guard(guard, [(request, reply)], batch_size=1)
        return verdict

    return judge


def explain_refusal(verdict: GuardVerdict) -> str:
    """Return why a reply is not shown, in one line."""
    if verdict.unscored:
        return f"reply withheld: the guard gave no verdict ({verdict.problem or 'its words could not be read'})"
    names = [f"{code} {HAZARDS[code].name.replace('_', ' ')}" for code in verdict.categories if code in HAZARDS]
    about = f" ({', '.join(names)})" if names else ""
    return f"reply withheld: the guard calls it unsafe{about}"
