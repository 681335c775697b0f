"""The counts are those of real passes, and the figures those of the formulas, worked out by hand here."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import torch
from support import Finished, ember_model

from forgelm.config.model import LoraConfig
from forgelm.model.adapters import attach_adapter
from forgelm.model.hardware import Hardware
from forgelm.model.parameters import Parameters
from forgelm.train.compute import (
    PEAK_FLOP_PER_SECOND,
    Counts,
    Meter,
    Shape,
    bound_operations,
    build_compute,
    count_operations,
    read_shape,
)
from forgelm.train.counters import Counters

CPU = Hardware("cpu", bf16=False, fp16=False)
# 2 rows of 5 in one pass, 3 of the 10 positions are padding.
IDS = torch.tensor([[1, 2, 3, 4, 5], [6, 7, 0, 0, 0]])
MASK = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]])
BUSY = Counters(energy_source="a counter", energy_reason=None, utilisation_reason=None)


def counts(positions: int, pairs: int = 0) -> Counts:
    return Counts(1, 1, positions, positions, positions, pairs, pairs)


def test_an_adapter_costs_four_and_six() -> None:
    shape = Shape(Parameters(total=1000 + 50, trainable=50), attention_width=0)
    assert count_operations(counts(10), shape) == 4 * 1000 * 10 + 6 * 50 * 10


def test_all_weights_cost_six_and_that_is_the_bound() -> None:
    shape = Shape(Parameters(total=1000, trainable=1000), attention_width=8)
    assert count_operations(counts(10, 100), shape) == 6 * 1000 * 10 + 12 * 8 * 100
    assert bound_operations(counts(10, 100), shape) == count_operations(counts(10, 100), shape)


def test_a_pass_that_does_not_learn_costs_two_and_a_lookup_nothing() -> None:
    shape = Shape(Parameters(total=1000, trainable=1000, lookup=400), attention_width=1)
    forward = Counts(forward_passes=1, forward_positions=10, forward_pairs=100)
    assert count_operations(forward, shape) == 2 * 600 * 10 + 4 * 100
    assert bound_operations(forward, shape) == 2 * 1000 * 10 + 4 * 100


def test_the_shape_is_read_from_the_model() -> None:
    assert read_shape(ember_model()) == Shape(Parameters(885_888, 885_888), attention_width=4 * 4 * 32)


def heard(**passes: Any) -> Counts:
    model = ember_model().train()
    meter = Meter(model, CPU)
    with meter.counting():
        model(**passes)
    return Counts(**meter.save())


def test_a_padded_pass_is_counted_with_and_without_its_padding() -> None:
    got = heard(input_ids=IDS, attention_mask=MASK)
    assert (got.forward_passes, got.backward_passes, got.backward_positions, got.real_tokens) == (1, 1, 10, 7)
    assert got.backward_pairs == 2 * 5 * 5


def test_rows_laid_end_to_end_see_only_themselves() -> None:
    got = heard(input_ids=torch.arange(7)[None], position_ids=torch.tensor([[0, 1, 2, 3, 0, 1, 2]]))
    assert (got.real_tokens, got.backward_pairs) == (7, 4 * 4 + 3 * 3)


def test_filler_of_joined_rows_is_no_token_and_sees_itself_alone() -> None:
    positions = torch.tensor([[0, 1, 2, 0, 1, 1, 1], [0, 1, 2, 3, 0, 2, 2]])
    got = heard(input_ids=torch.arange(14).reshape(2, 7), position_ids=positions)
    assert (got.backward_positions, got.real_tokens) == (14, 5 + 5)
    assert got.backward_pairs == 9 + 4 + 2 + 16 + 1 + 2


def test_without_a_mask_everything_is_real() -> None:
    got = heard(input_ids=IDS)
    assert (got.real_tokens, got.backward_pairs) == (10, 50)


def test_only_training_counts_and_only_passes_with_a_gradient_learn() -> None:
    model = attach_adapter(ember_model(), LoraConfig(), quantised=False, gradient_checkpointing=False)
    meter = Meter(model, CPU)
    model(input_ids=IDS)
    with meter.counting():
        model(input_ids=IDS)
        with torch.no_grad():
            model(input_ids=IDS)
    got = Counts(**meter.save())
    assert (got.forward_passes, got.backward_passes) == (2, 1)
    assert (got.forward_positions, got.backward_positions, got.real_tokens) == (20, 10, 10)


def test_a_copy_it_is_compared_with_is_heard_too() -> None:
    model, copy = ember_model(), ember_model()
    meter = Meter(model, CPU)
    meter.follow(copy)
    with meter.counting(), torch.no_grad():
        model(input_ids=IDS)
        copy(input_ids=IDS)
    assert Counts(**meter.save()).forward_passes == 2


def test_a_generated_token_costs_one_position_and_looks_at_all_before_it() -> None:
    model = ember_model()
    meter = Meter(model, CPU)
    with meter.counting(), torch.no_grad():
        model.generate(input_ids=IDS[:1], max_new_tokens=3, min_new_tokens=3, do_sample=False)
    got = Counts(**meter.save())
    assert (got.forward_passes, got.forward_positions) == (3, 5 + 1 + 1)
    assert got.forward_pairs == 5 * 5 + 6 + 7


def test_sessions_add_up() -> None:
    model = ember_model().train()
    meter = Meter(model, CPU)
    with meter.counting():
        model(input_ids=IDS)
    saved = json.loads(json.dumps(meter.save()))
    later = Meter(model, CPU)
    later.restore(saved)
    with later.counting():
        model(input_ids=IDS)
    got = Counts(**later.save())
    assert (got.forward_passes, got.real_tokens, got.sessions) == (2, 20, 2)


def test_the_loss_of_two_sessions_is_that_of_one_to_the_last_bit() -> None:
    losses = [torch.tensor(1 / number) for number in range(1, 20)]
    whole = Meter(ember_model(), CPU)
    first, second = Meter(ember_model(), CPU), Meter(ember_model(), CPU)
    assert math.isnan(whole.mean_loss(0))
    for loss in losses:
        whole.add_loss(loss)
    for loss in losses[:7]:
        first.add_loss(loss)
    second.restore(json.loads(json.dumps(first.save())))
    for loss in losses[7:]:
        second.add_loss(loss)
    assert second.mean_loss(19) == whole.mean_loss(19)
    assert second.save()["loss_sum"] == whole.save()["loss_sum"]


def build(counted: Counts, counters: Counters = BUSY, *gpus: str) -> Any:
    return build_compute(counted, Shape(Parameters(1000, 1000), 0), counters, gpu_names=gpus, steps=1)


def test_what_nothing_measured_is_absent_with_its_reason() -> None:
    record = build(counts(10), Counters(energy_reason="none here"))
    assert (record.flop_hardware, record.flop_hardware_reason) == (None, "no GPU was used")
    assert (record.energy_joules, record.energy_source, record.energy_reason) == (None, None, "none here")


def test_an_unknown_gpu_gets_no_peak_and_an_unread_one_no_utilisation() -> None:
    assert "'NVIDIA X9'" in build(counts(10), BUSY, "NVIDIA L4", "NVIDIA X9").flop_hardware_reason
    assert build(counts(10), replace(BUSY, utilisation_reason="no"), "NVIDIA L4").flop_hardware_reason == "no"


def test_the_hardware_figure_is_gpus_times_seconds_times_peak_times_use() -> None:
    used = replace(counts(10), busy_seconds=0.5 * 20, energy_joules=70.0)
    record = build(used, BUSY, "NVIDIA L4", "NVIDIA L4")
    assert record.flop_hardware == 2 * 20 * PEAK_FLOP_PER_SECOND["NVIDIA L4"] * 0.5
    assert record.energy_joules == 70.0
    assert record.figures_differ
    assert "times the operation count" in record.notes[0]


def test_energy_is_whole_or_absent() -> None:
    record = build(replace(counts(10), energy_joules=70.0, sessions=2, sessions_without_energy=1))
    assert record.energy_joules is None
    assert "earlier session" in record.energy_reason


def test_figures_that_agree_are_not_flagged_and_frozen_weights_are_explained() -> None:
    assert not build(counts(10)).figures_differ
    record = build_compute(counts(10), Shape(Parameters(1000, 1), 0), BUSY, gpu_names=(), steps=1)
    assert record.figures_differ
    assert "frozen weights" in record.notes[0]


def test_a_run_counts_every_token_it_trained_on_once_an_epoch(finished: Finished) -> None:
    report = json.loads((finished.root / "compliance" / "compliance_report.json").read_text())
    compute, ledger = report["compute"], report["token_ledger"]["train"]
    assert compute["real_tokens"] == 2 * ledger["tokens"]
    assert 0 < compute["padded_tokens"] < compute["real_tokens"] / 2
    assert compute["backward_passes"] == compute["forward_passes"] == compute["steps"]
    assert compute["parameters"] > compute["trainable_parameters"] > 0
    assert compute["flop_upper_bound"] > compute["flop_operations"] > 4 * 885_888 * compute["real_tokens"]
    assert compute["flop_hardware"] is None
