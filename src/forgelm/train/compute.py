"""Counts what a training computes, pass by pass, and turns the counts into operations: the record and its formulas."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import reduce
from types import MappingProxyType
from typing import Any

from forgelm.base.extras import load_extra
from forgelm.model.hardware import Hardware
from forgelm.model.parameters import Parameters, count_parameters
from forgelm.train.counters import Counters, open_counters
from forgelm.train.joined import real_positions
from forgelm.train.processes import Processes

TOLERANCE = 0.3
_IMAGES = (
    "an estimate: the weights that read images are counted as if each token of the sequence passed through them, and "
    "the attention among an image's patches is left out"
)
# Dense 16-bit tensor-core peak of one GPU in operations a second, by the exact name CUDA reports; NVIDIA's data sheets.
PEAK_FLOP_PER_SECOND = MappingProxyType(
    {
        "Tesla T4": 65e12,
        "Tesla V100-SXM2-16GB": 125e12,
        "Tesla V100-SXM2-32GB": 125e12,
        "NVIDIA A100-SXM4-40GB": 312e12,
        "NVIDIA A100-SXM4-80GB": 312e12,
        "NVIDIA A100 80GB PCIe": 312e12,
        "NVIDIA H100 80GB HBM3": 989e12,
        "NVIDIA H200": 989e12,
        "NVIDIA L4": 121e12,
        "NVIDIA L40S": 362e12,
    }
)


@dataclass(frozen=True)
class Compute:
    """What a training computed, summed over every session that led to its weights.

    ``real_tokens`` and ``padded_tokens`` (padding alone) are those of the passes that learn: what evaluation sees, and
    steps that were lost to a crash, are not in here. The three ``flop_*`` figures count operations, not a rate;
    ``flop_hardware`` and ``energy_joules`` are ``None`` where nothing measured them, and the reasons say why.
    ``figures_differ`` is true where two figures lie further apart than 30 %, and ``notes`` explains it.
    """

    steps: int
    real_tokens: int
    padded_tokens: int
    forward_passes: int
    backward_passes: int
    parameters: int
    trainable_parameters: int
    flop_operations: float
    flop_upper_bound: float
    flop_hardware: float | None
    flop_hardware_reason: str | None
    energy_joules: float | None
    energy_source: str | None
    energy_reason: str | None
    figures_differ: bool
    notes: tuple[str, ...]

    def as_record(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Counts:
    """The sums everything is derived from. A position is one token of one row in one pass, padding included.

    ``*_pairs`` are query positions times key positions, summed over rows: what attention multiplies.
    """

    forward_passes: int = 0
    backward_passes: int = 0
    forward_positions: int = 0
    backward_positions: int = 0
    real_tokens: int = 0
    forward_pairs: int = 0
    backward_pairs: int = 0
    energy_joules: float = 0.0
    busy_seconds: float = 0.0
    loss_sum: float = 0.0
    sessions: int = 0
    sessions_without_energy: int = 0

    def plus(self, other: Counts) -> Counts:
        return Counts(
            **{field.name: getattr(self, field.name) + getattr(other, field.name) for field in fields(Counts)}
        )


@dataclass(frozen=True)
class Shape:
    """What a pass costs for each position (``parameters``) and for each pair of positions (``attention_width``).

    ``attention_width`` is layers times heads times the width of a head. ``reads_images`` is true where some weights
    are multiplied with patches of images instead of tokens.
    """

    parameters: Parameters
    attention_width: int
    reads_images: bool = False


def count_operations(counts: Counts, shape: Shape) -> float:
    """Return the floating-point operations that were carried out, a multiplication and an addition counted each.

    A forward pass takes two operations for each weight that is multiplied, the backward pass two more to carry the
    gradient through it and two for the gradient of each weight that learns (Kaplan et al. 2020, arXiv:2001.08361,
    table 1 and section 2.1). With an adapter of P_a beside P frozen weights that is 4·P·D + 6·P_a·D, with all weights
    6·P·D. Attention adds 4 operations a pair and width forwards and 8 backwards (Chowdhery et al. 2022,
    arXiv:2204.02311, appendix B: 12·L·H·Q·T a token). Every expert of a mixture counts as used, activations that are
    computed again to save memory do not count.
    """
    multiplied = shape.parameters.total - shape.parameters.lookup
    weights = 2.0 * multiplied * (counts.forward_positions + counts.backward_positions)
    gradients = 2.0 * shape.parameters.trainable * counts.backward_positions
    return weights + gradients + _attention(counts, shape)


def bound_operations(counts: Counts, shape: Shape) -> float:
    """Return what the same passes would cost if every weight learnt: 6·P·D for the passes that learn, 2·P·D for others.

    The estimate for a dense transformer in the European Commission's guidelines on general-purpose AI models, C(2025)
    5045; attention is added, so that it bounds ``count_operations`` at any length.
    """
    return 2.0 * shape.parameters.total * (counts.forward_positions + 2 * counts.backward_positions) + _attention(
        counts, shape
    )


def build_compute(
    counts: Counts, shape: Shape, counters: Counters, *, gpu_names: tuple[str, ...], steps: int
) -> Compute:
    """Return the record of ``counts``; the figures that nothing measured are left out, with the reason."""
    operations, bound = count_operations(counts, shape), bound_operations(counts, shape)
    hardware, hardware_reason = _hardware_operations(counts, counters, gpu_names)
    energy_reason = counters.energy_reason
    if energy_reason is None and counts.sessions_without_energy:
        energy_reason = "an earlier session of this run could not measure it"
    notes = _compare(operations, bound, hardware)
    return Compute(
        steps=steps,
        real_tokens=counts.real_tokens,
        padded_tokens=counts.backward_positions - counts.real_tokens,
        forward_passes=counts.forward_passes,
        backward_passes=counts.backward_passes,
        parameters=shape.parameters.total,
        trainable_parameters=shape.parameters.trainable,
        flop_operations=operations,
        flop_upper_bound=bound,
        flop_hardware=hardware,
        flop_hardware_reason=hardware_reason,
        energy_joules=None if energy_reason else counts.energy_joules,
        energy_source=None if energy_reason else counters.energy_source,
        energy_reason=energy_reason,
        figures_differ=bool(notes),
        notes=(*notes, _IMAGES) if shape.reads_images else notes,
    )


def read_shape(model: Any) -> Shape:
    """Return what the passes of ``model`` cost."""
    config = model.config.get_text_config()
    heads = int(config.num_attention_heads)
    width = int(getattr(config, "head_dim", None) or config.hidden_size // heads)
    attention = int(config.num_hidden_layers) * heads * width
    return Shape(count_parameters(model), attention, hasattr(model.config, "vision_config"))


class Meter:
    """Counts the passes of a model's decoder made inside ``counting``, and adds up the sessions of a resumed run.

    ``save``, ``mean_loss`` and ``finish`` are about all ``processes`` of the training, which all call them.
    """

    def __init__(
        self, model: Any, hardware: Hardware, counters: Counters | None = None, processes: Processes | None = None
    ) -> None:
        self._processes = processes or Processes()
        self._torch = load_extra("torch", extra="train")
        self._shape = read_shape(model)
        self._gpu_names = hardware.gpu_names
        self._counters = counters or open_counters(hardware)
        self._before = Counts()
        self._counts = Counts(sessions=1, sessions_without_energy=int(self._counters.energy_reason is not None))
        # Sums that stay on the device: reading one after every pass would make the GPU wait.
        self._late: dict[str, Any] = {}
        self._marked: dict[str, Any] = {}
        self._counting = False
        self._began, self._joules = time.monotonic(), self._counters.read_joules()
        self._utilisation: list[float] = []
        self.follow(model)

    def follow(self, model: Any) -> None:
        """Hear the passes of ``model``: the one that learns, or a copy of it that it is compared with."""
        # Counting stays out of what torch.compile makes of the passes.
        hear = self._torch.compiler.disable(self._hear)
        model.get_decoder().register_forward_pre_hook(hear, with_kwargs=True)

    @contextlib.contextmanager
    def counting(self) -> Iterator[None]:
        """Count the passes made inside the block, which is one micro-batch of training."""
        self._counting = True
        try:
            yield
        finally:
            self._counting = False
            self._utilisation.append(self._counters.read_utilisation())

    def mark(self) -> None:
        """Remember the sums as they are before an optimizer step."""
        self._marked = dict(self._late)

    def rewind(self) -> None:
        """Take back what was counted since ``mark``: the step failed."""
        self._late = dict(self._marked)

    def save(self) -> dict[str, Any]:
        """Return the counts so far, for a checkpoint."""
        return asdict(self._sum())

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Continue from the counts of the sessions before."""
        # The sum goes on where it was, so that adding in two sessions rounds like adding in one.
        self._late["loss_sum"] = float(saved["loss_sum"])
        self._before = replace(Counts(**saved), loss_sum=0.0)

    def add_loss(self, loss: Any) -> None:
        """Add the loss of one micro-batch, which the trainer has divided by their number in a step."""
        self._add("loss_sum", loss.detach())

    def mean_loss(self, steps: int) -> float:
        """Return the mean loss of the ``steps`` of all sessions; NaN without any."""
        return self._loss_sum() / steps if steps else math.nan

    def finish(self, steps: int) -> Compute:
        """Return the record of a training that took ``steps`` optimizer steps."""
        return build_compute(self._sum(), self._shape, self._counters, gpu_names=self._gpu_names, steps=steps)

    def _hear(self, _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if not self._counting:
            return
        tokens = kwargs.get("input_ids", args[0] if args else None)
        if tokens is None:
            tokens = kwargs["inputs_embeds"]
        rows, width = int(tokens.shape[0]), int(tokens.shape[1])
        mask = kwargs.get("attention_mask")
        mask = mask if mask is not None and getattr(mask, "ndim", 0) == 2 else None
        learns = self._torch.is_grad_enabled()
        pairs = _count_pairs(rows, width, mask, kwargs.get("position_ids"))
        for name in ("forward", "backward") if learns else ("forward",):
            self._add(f"{name}_passes", 1)
            self._add(f"{name}_positions", rows * width)
            self._add(f"{name}_pairs", pairs)
        if learns:
            self._add("real_tokens", _count_tokens(rows, width, mask, kwargs.get("position_ids")))

    def _add(self, name: str, amount: Any) -> None:
        self._late[name] = self._late.get(name, 0) + amount

    def _sum(self) -> Counts:
        seconds = time.monotonic() - self._began
        share = sum(self._utilisation) / len(self._utilisation) if self._utilisation else 0.0
        late = {name: amount for name, amount in self._late.items() if name != "loss_sum"}
        heard = Counts(**{name: int(amount) for name, amount in late.items()})
        measured = Counts(energy_joules=self._counters.read_joules() - self._joules, busy_seconds=share * seconds)
        # Counters are a machine's: one process of each machine speaks for it.
        here = heard.plus(measured) if self._processes.place.local == 0 else heard
        everywhere = reduce(Counts.plus, self._processes.gather(here))
        return self._before.plus(self._counts).plus(replace(everywhere, loss_sum=self._loss_sum()))

    def _loss_sum(self) -> float:
        # Each process scales its loss so that the mean over the processes is the step's.
        return self._processes.add(float(self._late.get("loss_sum", 0.0))) / self._processes.count


def _count_tokens(rows: int, width: int, mask: Any, position_ids: Any) -> Any:
    """Positions that are no padding, by the mask or, in joined lines, by how positions go on."""
    if mask is not None:
        return mask[:, -width:].sum()
    if position_ids is not None and position_ids.ndim == 2:
        return real_positions(position_ids).sum() * (rows // int(position_ids.shape[0]))
    return rows * width


def _count_pairs(rows: int, width: int, mask: Any, position_ids: Any) -> Any:
    """Queries times keys over all rows; rows laid end to end in one sequence are told apart by their positions."""
    if mask is not None:
        return rows * width * int(mask.shape[1])
    if position_ids is not None and position_ids.ndim == 2:
        # The sum of 2·p + 1 over the positions p of a sequence is its length squared; one token alone, in generation,
        # looks at the p + 1 up to itself. Filler between rows sees itself alone.
        pairs = 2 * position_ids.where(real_positions(position_ids), 0) + 1 if width > 1 else position_ids + 1
        return pairs.sum() * (rows // int(position_ids.shape[0]))
    return rows * width * width


def _hardware_operations(
    counts: Counts, counters: Counters, gpu_names: tuple[str, ...]
) -> tuple[float | None, str | None]:
    """N·L·H·U of the guidelines' annex: GPUs, seconds, peak operations a second, share of the time in use."""
    if not gpu_names:
        return None, "no GPU was used"
    if counters.utilisation_reason:
        return None, counters.utilisation_reason
    unknown = [name for name in gpu_names if name not in PEAK_FLOP_PER_SECOND]
    if unknown:
        return None, f"the peak of {unknown[0]!r} is not known"
    return sum(PEAK_FLOP_PER_SECOND[name] for name in gpu_names) * counts.busy_seconds, None


def _attention(counts: Counts, shape: Shape) -> float:
    return shape.attention_width * (4.0 * counts.forward_pairs + 8.0 * counts.backward_pairs)


def _compare(operations: float, bound: float, hardware: float | None) -> tuple[str, ...]:
    notes = []
    if operations and bound / operations > 1 + TOLERANCE:
        notes.append(
            f"the upper bound is {bound / operations - 1:.0%} above the operation count: it takes every weight as "
            "learning, but frozen weights get no gradient of their own"
        )
    if operations and hardware is not None and not 1 / (1 + TOLERANCE) <= hardware / operations <= 1 + TOLERANCE:
        notes.append(
            f"the hardware figure is {hardware / operations:.2f} times the operation count: it takes a GPU in use as "
            "one at its peak"
        )
    return tuple(notes)
