"""Questions and typed lines to answers; where lines come from and words go to is the caller's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from forgelm.assist.wizard.advice import advise
from forgelm.assist.wizard.compose import MORE, build_sections, find_problems
from forgelm.assist.wizard.questions import Question, build_questions, read_answer
from forgelm.assist.wizard.rows import propose_trainer
from forgelm.assist.wizard.state import Answers, Given
from forgelm.base.errors import CancelledError, ConfigError
from forgelm.model.gpus import Gpu

_SHORT = (
    *("model.name_or_path", "data.dataset_name_or_path", "training.trainer_type", "training.output_dir"),
    *("lora", "lora.r", "lora.alpha", "model.load_in_4bit", "model.max_length"),
    *("training.num_train_epochs", "training.max_steps", "training.per_device_train_batch_size"),
    *("training.learning_rate", "evaluation.auto_revert", "evaluation.max_acceptable_loss"),
)
_HELP = (
    "Enter takes what stands in [ ]; back (b): the question before; reset (r): all questions anew; "
    "quit (q, cancel, c): stop, the answers are kept; ?: this text"
)
_BACK, _RESET, _QUIT = frozenset({"back", "b"}), frozenset({"reset", "r"}), frozenset({"quit", "q", "cancel", "c"})
_DATASET = "data.dataset_name_or_path"


@dataclass(frozen=True)
class Talk:
    """``ask`` shows a prompt and returns a line, or ``None`` at the end of the input; ``tell`` shows a text.

    ``ask_secret`` does not show what is typed; ``prepare`` is handed the dataset named and returns the one to use.
    ``find_gpu`` is asked once what is proposed depends on it.
    """

    ask: Callable[[str], str | None]
    tell: Callable[[str], None]
    ask_secret: Callable[[str], str | None] | None = None
    prepare: Callable[[str], str] | None = None
    find_gpu: Callable[[], Gpu | None] = lambda: None


def choose(talk: Talk, prompt: str, choices: Sequence[str], *, default: str) -> str:
    """Ask until the reply is one of ``choices``, or the beginning of only one.

    Raises:
        CancelledError: the input ended, or the reply was quit.
    """
    while True:
        line = _hear(talk, f"{prompt} [{default}]").lower() or default
        found = [choice for choice in choices if choice == line] or [one for one in choices if one.startswith(line)]
        if len(found) == 1:
            return found[0]
        talk.tell(f"! one of these is needed: {', '.join(choices)}")


def confirm(talk: Talk, prompt: str, *, default: bool) -> bool:
    """Ask until the reply is yes or no.

    Raises:
        CancelledError: the input ended, or the reply was quit.
    """
    return choose(talk, prompt, ("yes", "no"), default="yes" if default else "no") == "yes"


def hold(talk: Talk, answers: Answers, save: Callable[[Answers], None]) -> Answers:
    """Ask what is not answered yet, until the configuration has nothing against the whole.

    ``save`` is handed all answers after each of them.

    Raises:
        CancelledError: the input ended, or a reply was quit; what was answered has been saved.
    """
    questions = build_questions()
    again: tuple[str, ...] = ()
    # Fields that this version does not have, or no longer asks for, were answered to another.
    answers = Answers({path: one for path, one in answers.given.items() if path in (MORE, *questions)}, answers.base)
    talk.tell(_HELP)
    while True:
        open_now = next((one for one in _plan(questions, answers, again) if one.path not in answers.given), None)
        if open_now is not None:
            answers = _step(talk, open_now, answers)
            save(answers)
            continue
        problems = find_problems(answers, whole=True)
        if not problems:
            return answers
        again = tuple({_asked(questions, problem.path): None for problem in problems})
        for path in again:
            answers = answers.without(path)
        if "" in again or all(one.path in answers.given for one in _plan(questions, answers, again)):
            raise ConfigError("the answers do not make a configuration", problems=problems)
        for problem in problems:
            talk.tell(f"! {problem}")


def _step(talk: Talk, question: Question, answers: Answers) -> Answers:
    """Ask one question until it is answered, or go back to the one before."""
    proposal, why = _propose(question, answers, talk.find_gpu)
    prompt = "\n".join(["", question.about, *([why] if why else []), f"{question.path}{_shown(question, proposal)}"])
    while True:
        line = _hear(talk, prompt, secret=question.secret)
        if line == "?":
            talk.tell(_explain(question))
        elif line in _RESET:
            return Answers(base=answers.base)
        elif line in _BACK:
            return answers.without(list(answers.given)[-1]) if answers.given else answers
        elif line or proposal is not None or not question.required:
            problem = ""
            try:
                if question.path == _DATASET and talk.prepare is not None:
                    line = talk.prepare(line or str(proposal))
                changed = answers.with_answer(question.path, _answer(question, line, proposal, answers))
                problem = _refusal(question, answers, changed)
            except ConfigError as error:
                problem = error.message
            if not problem:
                return changed
            talk.tell(f"! {problem}")
        else:
            talk.tell("! an answer is needed here")


def _hear(talk: Talk, prompt: str, *, secret: bool = False) -> str:
    line = talk.ask_secret(prompt) if secret and talk.ask_secret else talk.ask(prompt)
    if line is None or line.strip() in _QUIT:
        raise CancelledError("the dialogue was cancelled")
    return line.strip()


def _answer(question: Question, line: str, proposal: Any, answers: Answers) -> Given:
    if question.is_section:
        value = read_answer(question, line) if line else {} if proposal else None
        return Given(value, kept=value is None and not question.required)
    if line:
        return Given(read_answer(question, line))
    from_file = _begun_with(question.path, answers)
    if from_file is not None or proposal == question.default:
        return Given(proposal) if from_file is not None else Given(kept=True)
    return Given(proposal)


def _refusal(question: Question, before: Answers, after: Answers) -> str:
    """Return what the configuration has against the new answer and had not before it."""
    if question.path == MORE:
        known = question.choices
        unknown = [name for name in after.given[MORE].value or () if name not in known]
        return f"there is no section {unknown[0]!r}; one or more of: {', '.join(known)}" if unknown else ""
    old = {str(problem) for problem in find_problems(before, whole=False)}
    for problem in find_problems(after, whole=False):
        if str(problem) not in old and (problem.path + ".").startswith((question.path + ".", question.path + "[")):
            return f"{problem.message} ({problem.hint})" if problem.hint else problem.message
    return ""


def _plan(questions: Mapping[str, Question], answers: Answers, again: Sequence[str]) -> Iterator[Question]:
    """Yield the questions that the answers so far lead to, in their order."""
    sections = tuple(path for path, one in questions.items() if one.is_section and "." not in path)
    more = answers.given.get(MORE, Given()).value or ()
    about = "Sections to go through field by field, with commas between; Enter for none."
    asked = [*_SHORT, MORE, *(path for path in questions if path.partition(".")[0] in more), *again]
    for path in asked:
        if path == MORE:
            yield Question(MORE, about, frozenset({"array", "null"}), sections, "", None, required=False)
        elif not _closed(path, questions, answers) and (path in _SHORT or path not in more):
            yield questions[path]


def _closed(path: str, questions: Mapping[str, Question], answers: Answers) -> bool:
    """Whether a field lies in a section that the user said no to, or was not asked about."""
    if path == "model.load_in_4bit" and answers.given.get("lora", Given({})).value is None:
        return True
    parts = path.split(".")
    for depth in range(1, len(parts)):
        above = ".".join(parts[:depth])
        given = answers.given.get(above)
        if given is not None and given.value is None:
            return True
        if depth > 1 and given is None and questions[above].optional:
            return True
    return False


def _propose(question: Question, answers: Answers, find_gpu: Callable[[], Gpu | None]) -> tuple[Any, str]:
    """Return what Enter stands for, and a line about why."""
    from_file = _begun_with(question.path, answers)
    advice = advise(question.path, build_sections(answers), find_gpu)
    if from_file is None and question.path in advice.values:
        return advice.values[question.path], advice.why
    if question.is_section:
        top = "." not in question.path
        return from_file is not None or (question.required and top), ""
    if from_file is not None:
        return from_file, ""
    if question.path == "training.trainer_type":
        name = build_sections(answers)["data"].get("dataset_name_or_path", "")
        found, why = propose_trainer(name, question.choices)
        return found or question.default, why
    return question.default, ""


def _begun_with(path: str, answers: Answers) -> Any:
    value: Any = answers.base
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _asked(questions: Mapping[str, Question], path: str) -> str:
    """Return the question a problem's path belongs to: its own, or that of the field it lies in."""
    path = path.partition("[")[0]
    while path and path not in questions:
        path = path.rpartition(".")[0]
    return path


def _shown(question: Question, proposal: Any) -> str:
    if question.is_section:
        return f" (yes, no) [{'yes' if proposal else 'no'}]"
    choices = f" ({', '.join(map(str, question.choices))})" if question.choices else ""
    bounds = f" ({question.bounds})" if question.bounds else ""
    said = {True: "yes", False: "no"}.get(proposal, proposal) if isinstance(proposal, bool) else proposal
    return f"{choices}{bounds}" + (f" [{said}]" if said is not None else "" if question.required else " [leave out]")


def _explain(question: Question) -> str:
    kinds = question.kinds - {"null"}
    return f"{question.about}\ntakes: {', '.join(sorted(kinds))}{_shown(question, question.default)}\n{_HELP}"
