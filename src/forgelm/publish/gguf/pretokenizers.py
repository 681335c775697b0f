"""How a byte-level tokenizer cuts text before merging, to llama.cpp's word for it.

llama.cpp knows a few ways by name and has them in code. Which one a tokenizer follows is read off its expressions, or
found by comparing: the text below is tokenised both ways, and the name is right when the ids are the same.
"""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import Any

from forgelm.base.errors import ModelError
from forgelm.base.extras import load_extra

_END = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+"
_GPT_2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_CASED = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
)
# The expressions that are applied one after the other, each cutting what the one before it left.
WAYS: MappingProxyType[str, tuple[str, ...]] = MappingProxyType(
    {
        "llama-bpe": (_WORDS + r"|\p{N}{1,3}" + _END,),
        "qwen2": (_WORDS + r"|\p{N}" + _END,),
        "gpt-2": (_GPT_2,),
        "smollm": (r"\p{N}", _GPT_2),
        "tekken": (_CASED + r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",),
    }
)
# Under these a piece that is a token is taken as it is, whatever its merges would make of it.
TAKE_WHOLE_TOKENS = frozenset({"llama-bpe", "tekken"})
_TEXT = (
    "The quick brown fox can't jump; it'd've WE'LL see I'M done. HelloWorld camelCaseID snake_case x86_64\n"
    "  two spaces   three\t\ttabs \n\n\n new lines\r\n 3 33 333 3333 33333 333333 3.14 1,000,000 2024-01-31T23:59\n"
    '{"name": "get_time", "arguments": {"zone": "UTC", "n": [1, 2.5, -3]}}\n'
    "def f(x):\n\treturn x**2  # comment\n<tag attr='v'/> https://example.org/a?b=c&d=%20 $1.50 €20 50% ~!@#^&*()_+\n"
    "Straße ÄÖÜ naïve café İstanbul ğüşöçı русский текст Ελληνικά עברית العربية हिन्दी ไทย 中文字符 日本語カナ 한국어\n"
    "🚀 (normal) 👨‍👩‍👧 ✅ \u200b\u00a0nbsp …—“quotes” ½ ² ① ५ ٣ ''''''```````\"\"\"\"......!!!!??? \n \n  \n   end "
)


def find_way(tokenizer: dict[str, Any]) -> str:
    """Return llama.cpp's name for how ``tokenizer.json`` cuts text.

    Raises:
        ModelError: it is none of the ways that are known.
    """
    whole = bool(tokenizer["model"].get("ignore_merges"))
    written = _read_patterns(tokenizer)
    for name, patterns in WAYS.items():
        if written == patterns and whole == (name in TAKE_WHOLE_TOKENS):
            return name
    tokenizers = load_extra("tokenizers", extra="train")
    plain = {**tokenizer, "post_processor": None, "truncation": None, "padding": None}
    try:
        wanted = tokenizers.Tokenizer.from_str(json.dumps(plain)).encode(_TEXT).ids
        for name, patterns in WAYS.items():
            model = {**tokenizer["model"], "ignore_merges": name in TAKE_WHOLE_TOKENS}
            changed = {**plain, "model": model, "pre_tokenizer": cut_by(patterns)}
            if tokenizers.Tokenizer.from_str(json.dumps(changed)).encode(_TEXT).ids == wanted:
                return name
    except BaseException as error:
        # The library raises the bare class and nothing narrower; whatever is narrower is not from there.
        if type(error).__mro__[1] is not BaseException:
            raise
        raise ModelError(f"tokenizer.json cannot be used: {error}") from error
    raise ModelError(
        "this tokenizer cuts text in a way that llama.cpp has no name for among those known here",
        hint=f"known: {', '.join(WAYS)}",
    )


def cut_by(patterns: tuple[str, ...]) -> dict[str, Any]:
    """Return the cutting by ``patterns`` as ``tokenizer.json`` says it."""
    cuts: list[dict[str, Any]] = [
        {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
        for pattern in patterns
    ]
    ends = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    return {"type": "Sequence", "pretokenizers": [*cuts, ends]}


def _read_patterns(tokenizer: dict[str, Any]) -> tuple[str, ...] | None:
    """Return the expressions a tokenizer cuts by where it is written like the ways above, else ``None``."""
    cut = tokenizer.get("pre_tokenizer") or {}
    *cuts, last = cut.get("pretokenizers") or [cut]
    if last.get("type") != "ByteLevel" or last.get("add_prefix_space"):
        return None
    found = []
    for one in cuts:
        if one.get("type") == "Digits" and one.get("individual_digits"):
            found.append(r"\p{N}")
        elif one.get("type") == "Split" and one.get("behavior") == "Isolated" and not one.get("invert"):
            found.append(str((one.get("pattern") or {}).get("Regex")))
        else:
            return None
    return (*found, *([_GPT_2] if last.get("use_regex") else []))
