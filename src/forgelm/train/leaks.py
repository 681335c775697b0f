"""Shows on the loaded model itself that rows laid end to end in one sequence do not see each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from forgelm.base.errors import ModelError
from forgelm.base.extras import load_extra
from forgelm.train.tokenise import Example

_TOKENS = 24
# Relative to the logits' size: another order of the same additions, and the rounding of 16-bit numbers.
_EXACT, _HALF = 1e-4, 2e-2


def check_rows_apart(model: Any, examples: Sequence[Example]) -> float:
    """Return how much a row's logits depend on the row before it in one sequence, relative to their size.

    Two rows are joined as packing and ``padding_free`` join them: positions that begin again, no attention mask. Then
    every token of the first one is replaced. An attention that keeps rows apart cannot notice.

    Raises:
        ModelError: the second row noticed, so training on joined rows would mix them.
    """
    torch = load_extra("torch", extra="train")
    first, second = _pick(examples)
    other = [(token + 1) % len(model.get_input_embeddings().weight) for token in reversed(first)]
    was_training = model.training
    model.eval()
    try:
        before, after = (_logits(model, row, second) for row in (first, other))
    finally:
        model.train(was_training)
    leak = float((before - after).abs().max() / before.abs().max())
    limit = _EXACT if next(model.parameters()).dtype == torch.float32 else _HALF
    if not leak <= limit:
        used = getattr(model.config, "_attn_implementation", None) or "its own"
        raise ModelError(
            f"rows joined into one sequence would see each other in this model (attention {used}): a row's predictions "
            f"change by {leak:.0%} with the row before it",
            hint="set training.packing: false and padding_free: false, or choose another model.attn_implementation",
        )
    return leak


def _pick(examples: Sequence[Example]) -> tuple[list[int], list[int]]:
    rows = [example.input_ids[:_TOKENS] for example in examples[:2]]
    return (rows[0], rows[-1])


def _logits(model: Any, first: list[int], second: list[int]) -> Any:
    torch = load_extra("torch", extra="train")
    ids = torch.tensor([first + second], device=model.device)
    positions = torch.tensor([[*range(len(first)), *range(len(second))]], device=model.device)
    with torch.no_grad():
        found = model(input_ids=ids, position_ids=positions, use_cache=False).logits
    return found[0, len(first) :].float()
