"""One row to what is wrong with its turns, pairs and labels; the counts of all rows to a balance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import combinations, pairwise, takewhile
from types import MappingProxyType
from typing import Any

from forgelm.audit.rows.arrays import Words, np
from forgelm.audit.rows.tokens import tokenize

ALIKE = 0.95
_EXAMPLES = 20
_COLUMNS = ("messages", "conversations", "prompt", "completion", "chosen", "rejected")
_ANSWERED = ("messages", "conversations", "chosen", "rejected")
ROLES = MappingProxyType(
    {
        **dict.fromkeys(("system", "developer"), "system"),
        **dict.fromkeys(("user", "human", "prompter"), "user"),
        **dict.fromkeys(("assistant", "gpt", "model", "bot", "chatgpt", "function_call", "tool_call"), "assistant"),
        **dict.fromkeys(("tool", "function", "observation", "ipython", "function_response", "tool_response"), "tool"),
    }
)
_CALLS = ("tool_calls", "function_call")


class Issue(StrEnum):
    """What can be wrong with the turns, the pair or the label of a row."""

    UNREADABLE_MESSAGES = "unreadable_messages"
    EMPTY_TURN = "empty_turn"
    SYSTEM_NOT_FIRST = "system_not_first"
    STARTS_WITH_ASSISTANT = "starts_with_assistant"
    SAME_ROLE_TWICE = "same_role_twice"
    TOOL_WITHOUT_CALL = "tool_without_call"
    NO_ASSISTANT = "no_assistant"
    UNANSWERED_PROMPT = "unanswered_prompt"
    EMPTY_PROMPT = "empty_prompt"
    EMPTY_COMPLETION = "empty_completion"
    IDENTICAL_PAIR = "identical_pair"
    NEAR_IDENTICAL_PAIR = "near_identical_pair"
    LABEL_NOT_BOOLEAN = "label_not_boolean"


@dataclass(frozen=True)
class TurnSummary:
    """What was found in any part of the rows. ``examples`` holds the lowest row numbers of every issue.

    ``turns`` counts messages by role, ``labels`` the labels of unpaired feedback, as ``true`` and ``false``.
    """

    rows: int = 0
    issues: Mapping[str, int] = field(default_factory=dict)
    examples: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    turns: Mapping[str, int] = field(default_factory=dict)
    labels: Mapping[str, int] = field(default_factory=dict)

    def merge(self, other: TurnSummary) -> TurnSummary:
        """Return what was found in both parts, in whichever order they come."""
        examples = {
            issue: tuple(sorted((*self.examples.get(issue, ()), *other.examples.get(issue, ()))))[:_EXAMPLES]
            for issue in {*self.examples, *other.examples}
        }
        return TurnSummary(
            self.rows + other.rows,
            Counter(self.issues) + Counter(other.issues),
            examples,
            Counter(self.turns) + Counter(other.turns),
            Counter(self.labels) + Counter(other.labels),
        )

    @property
    def label_balance(self) -> float | None:
        """The share (0 to 1) of desirable rows among those with a label, or ``None`` without any."""
        total = self.labels.get("true", 0) + self.labels.get("false", 0)
        return self.labels.get("true", 0) / total if total else None


def examine_rows(rows: Iterable[tuple[int, Mapping[str, Any]]]) -> TurnSummary:
    """Examine rows given as ``(number, columns)``."""
    issues: Counter[str] = Counter()
    examples: dict[str, list[int]] = {}
    turns: Counter[str] = Counter()
    labels: Counter[str] = Counter()
    count = 0
    for number, row in rows:
        count += 1
        for issue in sorted(find_issues(row)):
            issues[issue.value] += 1
            examples.setdefault(issue.value, []).append(number)
        turns.update(_list_roles(row))
        if isinstance(row.get("label"), bool):
            labels[str(row["label"]).lower()] += 1
    shown = {issue: tuple(sorted(numbers)[:_EXAMPLES]) for issue, numbers in examples.items()}
    return TurnSummary(count, issues, shown, turns, labels)


def find_issues(row: Mapping[str, Any]) -> set[Issue]:
    """Return what is wrong with one row of any training format; columns it does not have are not missed."""
    found: set[Issue] = set()
    for column in _COLUMNS:
        if isinstance(row.get(column), list):
            found |= _find_in_turns(row[column], column)
    if isinstance(row.get("prompt"), str) and not row["prompt"].strip():
        found.add(Issue.EMPTY_PROMPT)
    for column in ("completion", "chosen", "rejected"):
        if isinstance(row.get(column), str) and not row[column].strip():
            found.add(Issue.EMPTY_COMPLETION)
    if "chosen" in row and "rejected" in row:
        found |= _compare_pair(row)
    if "completion" in row and "label" in row and not isinstance(row["label"], bool):
        found.add(Issue.LABEL_NOT_BOOLEAN)
    return found


def read_prompt(row: Mapping[str, Any]) -> str:
    """Return the prompt of a row, empty where there is none.

    The prompt is column ``prompt``, else the turns before the first answer, else an instruction with its input; its
    parts are joined by NUL characters.
    """
    prompt = row.get("prompt")
    if isinstance(prompt, list):
        parts = [_read_content(turn) for turn in prompt]
    elif isinstance(prompt, str):
        parts = [prompt]
    elif isinstance(turns := row.get("messages", row.get("conversations")), list):
        parts = [_read_content(turn) for turn in takewhile(lambda turn: _read_role(turn) != "assistant", turns)]
    else:
        parts = [row[column] for column in ("instruction", "input", "User") if isinstance(row.get(column), str)]
    return "\0".join(parts)


def describe_prompt_overlap(prompts: Mapping[str, Words]) -> dict[str, dict[str, Any]]:
    """Return for every pair of splits, as ``a__b``, how many rows of each have a prompt that the other has as well.

    ``prompts`` holds the digest of ``read_prompt`` of every row of a split; rates are shares of the rows with a prompt.
    """
    overlap = {}
    for a, b in combinations(prompts, 2):
        in_a, in_b = prompts[a][prompts[a] != 0], prompts[b][prompts[b] != 0]
        shared_a, shared_b = int(np.isin(in_a, in_b).sum()), int(np.isin(in_b, in_a).sum())
        overlap[f"{a}__{b}"] = {
            "shared_rows_in_a": shared_a,
            "shared_rate_a": round(shared_a / max(len(in_a), 1), 4),
            "shared_rows_in_b": shared_b,
            "shared_rate_b": round(shared_b / max(len(in_b), 1), 4),
        }
    return overlap


def _find_in_turns(turns: list[Any], column: str) -> set[Issue]:
    found: set[Issue] = set()
    roles = [_read_role(turn) for turn in turns]
    if not turns or None in roles:
        found.add(Issue.UNREADABLE_MESSAGES)
    if any(not _read_content(turn).strip() and not _has_calls(turn) for turn in turns):
        found.add(Issue.EMPTY_TURN)
    if "system" in roles[1:]:
        found.add(Issue.SYSTEM_NOT_FIRST)
    spoken = [role for role in roles if role != "system"]
    if spoken[:1] == ["assistant"] and column in ("messages", "conversations", "prompt"):
        found.add(Issue.STARTS_WITH_ASSISTANT)
    if any(before == after and after in ("user", "assistant") for before, after in pairwise(spoken)):
        found.add(Issue.SAME_ROLE_TWICE)
    if _has_stray_tool(turns, roles):
        found.add(Issue.TOOL_WITHOUT_CALL)
    if column in _ANSWERED:
        found |= {Issue.NO_ASSISTANT} if "assistant" not in roles else set()
        found |= {Issue.UNANSWERED_PROMPT} if spoken[-1:] == ["user"] else set()
    return found


def _has_stray_tool(turns: list[Any], roles: list[str | None]) -> bool:
    """Whether a tool answers though nothing was called: neither by the turn before it nor before other answers."""
    is_called = False
    for turn, role in zip(turns, roles, strict=True):
        if role == "tool":
            if not is_called:
                return True
        else:
            is_called = _has_calls(turn)
    return False


def _compare_pair(row: Mapping[str, Any]) -> set[Issue]:
    chosen, rejected = _read_answer(row["chosen"]), _read_answer(row["rejected"])
    if chosen == rejected:
        return {Issue.IDENTICAL_PAIR}
    a, b = set(tokenize(chosen)), set(tokenize(rejected))
    return {Issue.NEAR_IDENTICAL_PAIR} if a | b and len(a & b) >= ALIKE * len(a | b) else set()


def _read_answer(value: Any) -> str:
    """Return the text of an answer: of a conversation, what the assistant said last."""
    if not isinstance(value, list):
        return value if isinstance(value, str) else str(value)
    answers = [_read_content(turn) for turn in value if _read_role(turn) == "assistant"]
    return answers[-1] if answers else ""


def _list_roles(row: Mapping[str, Any]) -> list[str]:
    turns = [turn for column in _COLUMNS if isinstance(row.get(column), list) for turn in row[column]]
    return [role for turn in turns if (role := _read_role(turn)) is not None]


def _read_role(turn: Any) -> str | None:
    role = turn.get("role", turn.get("from")) if isinstance(turn, dict) else None
    return ROLES.get(role.strip().lower()) if isinstance(role, str) else None


def _read_content(turn: Any) -> str:
    content = turn.get("content", turn.get("value")) if isinstance(turn, dict) else None
    if isinstance(content, list):
        # A part that is no text, such as an image, is content too.
        return "".join(part.get("text", "[part]") if isinstance(part, dict) else str(part) for part in content)
    return content if isinstance(content, str) else ""


def _has_calls(turn: Any) -> bool:
    if not isinstance(turn, dict):
        return False
    return any(turn.get(key) for key in _CALLS) or turn.get("role", turn.get("from")) in (*_CALLS, "tool_call")
