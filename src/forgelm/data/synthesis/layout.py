"""A prompt and its reply to one row in the layout the user chose; each of them is one that this program reads."""

from __future__ import annotations

from typing import Any

from forgelm.config.synthetic import SyntheticConfig

Row = dict[str, Any]


def build_row(section: SyntheticConfig, prompt: str, reply: str) -> Row:
    """Return the row; the system prompt is in it where it was configured and the layout has a place for it."""
    system = section.system_prompt.strip() and section.system_prompt
    if section.output_format == "messages":
        turns = [("system", system), ("user", prompt), ("assistant", reply)]
        return {"messages": [{"role": role, "content": text} for role, text in turns if text]}
    if section.output_format == "instruction":
        return {"instruction": prompt, "output": reply} | ({"system": system} if system else {})
    if section.output_format == "chatml":
        return {"User": prompt, "Assistant": reply} | ({"System": system} if system else {})
    return {"prompt": prompt, "response": reply}


def loses_system_prompt(section: SyntheticConfig) -> bool:
    """Whether the teacher is told something that the rows have no place for."""
    return section.output_format == "prompt_response" and bool(section.system_prompt.strip())
