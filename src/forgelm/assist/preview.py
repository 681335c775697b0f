"""Shows rows as the model will see them: the rendered text, with the tokens it is trained on marked."""

from __future__ import annotations

import html
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from forgelm.base.errors import ConfigError
from forgelm.base.network import private
from forgelm.config.root import ForgeConfig
from forgelm.data.prepare import prepare_run
from forgelm.data.rows import RowFormat
from forgelm.model.load import load_reader, resolve
from forgelm.train.tokenise import IGNORED, Encoding, Example
from forgelm.train.tokenised import tokenise_data

_GREEN, _GREY, _RESET = "\033[30;42m", "\033[2m", "\033[0m"
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
    "color:#1f2328;background:#fff}pre{white-space:pre-wrap;word-break:break-word;border:1px solid #d0d7de;"
    "border-radius:6px;padding:1rem}mark{background:#aceebb;color:inherit}pre span{color:#6e7781}"
    "td{padding:.1rem 1rem .1rem 0}@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}"
    "mark{background:#1f6f3a}pre{border-color:#30363d}}"
)


@dataclass(frozen=True)
class Segment:
    """A run of tokens that are all trained on, or all not, decoded to text."""

    text: str
    trained: bool
    tokens: int


@dataclass(frozen=True)
class PreviewRow:
    """One row; ``where`` is its place in the data."""

    where: str
    segments: tuple[Segment, ...]
    tokens: int
    trained_tokens: int


@dataclass(frozen=True)
class DatasetPreview:
    """The first rows of the training split, and what is true of all of them."""

    rows: tuple[PreviewRow, ...]
    format: str
    template_source: str | None
    template_sha256: str | None
    ledger: dict[str, Any]
    validation_origin: str
    notes: tuple[str, ...]

    def as_record(self) -> dict[str, Any]:
        """Return the preview as plain values for JSON."""
        return {
            "format": self.format,
            "chat_template": {"source": self.template_source, "sha256": self.template_sha256},
            "token_ledger": self.ledger,
            "validation_origin": self.validation_origin,
            "notes": list(self.notes),
            "rows": [
                {
                    "where": row.where,
                    "tokens": row.tokens,
                    "trained_tokens": row.trained_tokens,
                    "segments": [{"text": s.text, "trained": s.trained, "tokens": s.tokens} for s in row.segments],
                }
                for row in self.rows
            ],
        }

    def render_text(self, *, colour: bool = True) -> str:
        """Return the preview for a terminal; without colours trained text stands between ``[[`` and ``]]``."""
        parts = [f"{name}: {value}" for name, value in self._facts()]
        for row in self.rows:
            parts.append(f"\n--- {row.where}: {row.trained_tokens} of {row.tokens} tokens trained")
            parts.append("".join(_paint(segment, colour) for segment in row.segments))
        return "\n".join(parts)

    def render_html(self) -> str:
        """Return one self-contained page; everything from the data is escaped."""
        return (
            "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>Dataset preview</title>"
            "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; style-src 'unsafe-inline'\">"
            f"<style>{_STYLE}</style></head><body><h1>Dataset preview</h1>{self._body()}</body></html>\n"
        )

    def _repr_html_(self) -> str:
        return f"<div><style>mark{{background:#aceebb}}</style>{self._body()}</div>"

    def _facts(self) -> list[tuple[str, str]]:
        ledger = self.ledger
        facts = [
            ("format", self.format),
            ("chat template", f"{self.template_source} ({(self.template_sha256 or '')[:12]})"),
            ("rows", f"{ledger['rows']} ({ledger['rows_truncated']} cut, {ledger['rows_dropped']} dropped)"),
            ("tokens trained on", f"{ledger['target_tokens']} of {ledger['tokens']} ({ledger['target_share']:.1%})"),
            ("validation", self.validation_origin),
        ]
        absent = set() if self.template_source else {"chat template"}
        if self.format == RowFormat.PROMPT_ONLY:
            absent.add("tokens trained on")  # they are the replies, which nobody has given yet
        return [fact for fact in facts if fact[0] not in absent]

    def _body(self) -> str:
        facts = "".join(f"<tr><td>{name}</td><td>{html.escape(value)}</td></tr>" for name, value in self._facts())
        rows = "".join(
            f"<h2>{html.escape(row.where)}</h2><p>{row.trained_tokens} of {row.tokens} tokens trained</p>"
            f"<pre>{''.join(_mark(segment) for segment in row.segments)}</pre>"
            for row in self.rows
        )
        return f"<table>{facts}</table><p><mark>Marked text</mark> is trained on.</p>{rows}"


def preview_dataset(config: ForgeConfig, *, rows: int = 3) -> DatasetPreview:
    """Return the first ``rows`` training rows exactly as the trainer gets them, loading the tokenizer but no weights.

    Raises:
        ConfigError: ``rows`` is below 1, or the data, the tokenizer or its template cannot be used; the same
            refusals as in training.
    """
    if rows < 1:
        raise ConfigError(f"rows must be at least 1, not {rows}")
    with private(offline=config.model.offline):
        prepared = prepare_run(config)
        tokenised = tokenise_data(config, prepared, load_reader(config, resolve(config)))
    template = tokenised.encoding.template
    return DatasetPreview(
        rows=tuple(
            _show(side, tokenised.encoding, "" if side is example else " (rejected)")
            for example in tokenised.train.examples[:rows]
            for side in example.sides
        ),
        format=prepared.format,
        template_source=template.source if template else None,
        template_sha256=template.sha256 if template else None,
        ledger=tokenised.train.ledger.as_record(),
        validation_origin=prepared.validation_origin,
        notes=prepared.notes,
    )


def _show(example: Example, encoding: Encoding, remark: str) -> PreviewRow:
    pairs = zip(example.input_ids, example.labels, strict=True)
    segments = []
    for trained, group in groupby(pairs, key=lambda pair: pair[1] != IGNORED):
        ids = [token for token, _ in group]
        segments.append(Segment(encoding.tokenizer.decode(ids, skip_special_tokens=False), trained, len(ids)))
    trained_tokens = sum(segment.tokens for segment in segments if segment.trained)
    return PreviewRow(f"{example.row.where}{remark}", tuple(segments), len(example.input_ids), trained_tokens)


def _paint(segment: Segment, colour: bool) -> str:
    # Data is untrusted: an escape sequence in it must not reach the terminal.
    text = "".join(char if char.isprintable() or char in "\n\t" else f"\\x{ord(char):02x}" for char in segment.text)
    if colour:
        return f"{_GREEN if segment.trained else _GREY}{text}{_RESET}"
    return f"[[{text}]]" if segment.trained else text


def _mark(segment: Segment) -> str:
    tag = "mark" if segment.trained else "span"
    return f"<{tag}>{html.escape(segment.text)}</{tag}>"
