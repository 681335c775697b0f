"""What is set wins, the rest follows from rows and model, and a continued training keeps what it began with."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from support import Heard, ember_model, order_rows, write_rows

from forgelm.base.errors import ConfigError, StoppedError
from forgelm.base.events import Event
from forgelm.config.root import ForgeConfig
from forgelm.data.prepare import prepare_run
from forgelm.data.rows import Row
from forgelm.model.load import load
from forgelm.run.folder import run_files
from forgelm.train.batching import find_model_obstacle, find_setting_obstacle, inherit_choices, settle_batching
from forgelm.train.checkpoints import list_checkpoints
from forgelm.train.loop import Wishes, check_checkpoint, train
from forgelm.train.seal import SEAL, read_identity, seal_folder
from forgelm.train.tokenise import IGNORED, Example
from forgelm.train.tokenised import tokenise_data

Make = Callable[..., ForgeConfig]


def examples(*lengths: int) -> list[Example]:
    return [
        Example([5] * length, [IGNORED] + [5] * (length - 1), Row({"columns": {}}, "rows", number))
        for number, length in enumerate(lengths, 1)
    ]


RAGGED, EVEN = examples(*[10, 11, 9, 60] * 6), examples(*[10, 10, 11] * 6)


@pytest.mark.parametrize(
    ("rows", "changes", "mode", "order"),
    [
        (RAGGED, {}, "padding_free", "random"),
        (EVEN, {}, "padded", "random"),
        (RAGGED, {"data": {"shuffle": False}}, "padding_free", "sequential"),
        (RAGGED, {"data": {"shuffle": False}, "training": {"padding_free": False}}, "padded", "sequential"),
        (RAGGED, {"training": {"train_sampling_strategy": "group_by_length"}}, "padded", "group_by_length"),
        (RAGGED, {"training": {"padding_free": False}}, "padded", "group_by_length"),
        (EVEN, {"training": {"padding_free": True}}, "padding_free", "random"),
        (RAGGED, {"training": {"packing": True}}, "packing", "random"),
        (RAGGED, {"training": {"per_device_train_batch_size": 1}}, "padded", "random"),
        (RAGGED, {"training": {"neftune_noise_alpha": 5}}, "padded", "group_by_length"),
        (RAGGED, {"training": {"torch_compile": True}}, "padded", "group_by_length"),
        (RAGGED, {"training": {"trainer_type": "kto"}}, "padded", "group_by_length"),
        (RAGGED, {"training": {"trainer_type": "grpo"}}, "padded", "random"),
        (
            RAGGED,
            {"training": {"trainer_type": "grpo", "train_sampling_strategy": "group_by_length"}},
            "padded",
            "random",
        ),
    ],
)  # fmt: skip
def test_what_is_set_wins_and_the_rest_is_chosen(
    make_config: Make, rows: list[Example], changes: dict[str, Any], mode: str, order: str
) -> None:
    config = make_config(**changes)
    settled = settle_batching(config, ember_model(), rows, None)
    assert (settled.batching.mode, settled.batching.order) == (mode, order)
    assert settled.joins is (mode == "padding_free")
    training = settled.config.training
    assert training.padding_free is (mode == "padding_free")
    if training.trainer_type != "grpo":
        assert training.train_sampling_strategy == order
    # What was chosen, once written down, is chosen again.
    assert settle_batching(settled.config, ember_model(), rows, None).config == settled.config


class Renamed:
    """A model whose attention has another name."""

    def __init__(self, attention: str) -> None:
        self.inner, self.config = ember_model(), SimpleNamespace(_attn_implementation=attention)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def __call__(self, **inputs: Any) -> Any:
        return self.inner(**inputs)


def test_flash_attention_has_its_rows_joined_by_trl(make_config: Make) -> None:
    config = make_config(training={"padding_free": True})
    settled = settle_batching(config, Renamed("flash_attention_2"), RAGGED, None)
    assert (settled.batching.mode, settled.joins) == ("padding_free", False)
    assert settle_batching(config, Renamed("sdpa"), RAGGED, None).joins


def test_what_keeps_rows_from_being_joined_is_named(make_config: Make) -> None:
    from transformers import DeepseekV3Config, LlamaConfig, MixtralConfig

    assert find_setting_obstacle(make_config(), LlamaConfig()) is None
    assert "experts" in str(find_setting_obstacle(make_config(), MixtralConfig()))
    for unbalanced in (MixtralConfig(router_aux_loss_coef=0.0), DeepseekV3Config()):
        assert find_setting_obstacle(make_config(), unbalanced) is None
    chunked = LlamaConfig(attention_chunk_size=8)
    assert "chunks of 8 tokens" in str(find_setting_obstacle(make_config(), chunked))
    assert find_setting_obstacle(make_config(model={"max_length": 8}), chunked) is None
    assert "compares" in str(find_setting_obstacle(make_config(training={"trainer_type": "dpo"}), LlamaConfig()))


def test_a_model_in_which_rows_mix_has_its_batches_padded(make_config: Make) -> None:
    model = ember_model()
    forward = model.forward

    def mixing(input_ids: Any, position_ids: Any = None, **others: Any) -> Any:
        return forward(input_ids=input_ids, **others)

    def without(input_ids: Any, **others: Any) -> Any:
        return forward(input_ids=input_ids, **others)

    assert find_model_obstacle(make_config(), model, RAGGED) is None
    model.forward = mixing
    assert find_model_obstacle(make_config(), model, RAGGED) == "they would see each other in this model"
    model.forward = without
    assert find_model_obstacle(make_config(), model, RAGGED) == "the model takes no position_ids"


def ragged_config(make_config: Make, folder: Any, **training: Any) -> ForgeConfig:
    """A training of chats of one, two and five exchanges."""
    rows = order_rows(96)
    sizes, chats = [1, 2, 1, 5, 1, 1, 2], []
    while rows:
        size = sizes[len(chats) % len(sizes)]
        chats.append({"messages": [turn for row in rows[:size] for turn in row["messages"]]})
        rows = rows[size:]
    data = write_rows(folder / "chats.jsonl", chats)
    config = make_config(training={"max_steps": 4, "save_steps": 2, "per_device_train_batch_size": 4, **training})
    return config.replace("data.dataset_name_or_path", str(data)).replace("training.output_dir", str(folder / "run"))


def trained(config: ForgeConfig, wishes: Wishes | None = None, heard: Heard | None = None) -> dict[str, bytes]:
    loaded = load(config)
    data = tokenise_data(config, prepare_run(config), loaded.tokenizer)
    if wishes is not None and wishes.checkpoint is not None:
        check_checkpoint(config, data, loaded, wishes.checkpoint)
    done = train(config, data, loaded, run_files(config), run_id="x", emit=heard or Heard(), wishes=wishes)
    if done.batching.mode == "padding_free":
        assert done.compute.real_tokens > 4 * done.compute.padded_tokens
    return {path.name: path.read_bytes() for path in done.staging.glob("*.safetensors")}


def test_a_resumed_training_of_joined_rows_is_the_uninterrupted_one(make_config: Make, tmp_path: Any) -> None:
    whole, parted = ((tmp_path / name) for name in ("whole", "parted"))
    for folder in (whole, parted):
        folder.mkdir()
    heard = Heard()
    wanted = trained(ragged_config(make_config, whole), heard=heard)
    assert heard.fields(Event.TRAINING_STARTED)["batching"]["mode"] == "padding_free"
    config = ragged_config(make_config, parted)
    with pytest.raises(StoppedError):
        trained(config, Wishes(stop_requested=lambda: True))
    checkpoint = list_checkpoints(run_files(config).root)[-1]
    assert trained(config, Wishes(checkpoint)) == wanted


def test_what_is_left_open_is_what_the_checkpoint_was_trained_with(make_config: Make, tmp_path: Any) -> None:
    before = ragged_config(make_config, tmp_path, padding_free=False, train_sampling_strategy="group_by_length")
    with pytest.raises(StoppedError):
        trained(before, Wishes(stop_requested=lambda: True))
    checkpoint = list_checkpoints(run_files(before).root)[-1]
    now, heard = ragged_config(make_config, tmp_path), Heard()
    trained(now, Wishes(checkpoint), heard)
    batching = heard.fields(Event.TRAINING_STARTED)["batching"]
    assert (batching["mode"], batching["order"]) == ("padded", "group_by_length")
    assert batching["reason"] == f"as {checkpoint.name} was trained"
    assert read_identity(checkpoint)["training.padding_free"] is False
    assert inherit_choices(now, None) == now
    with pytest.raises(ConfigError, match=r"training\.padding_free: False there, True here"):
        trained(replace_field(now, padding_free=True), Wishes(checkpoint))


@pytest.mark.parametrize(
    ("shuffle", "training", "version", "order"),
    [
        (False, {}, 1, "sequential"),
        (False, {"trainer_type": "grpo"}, 1, "sequential"),
        (False, {"train_sampling_strategy": "group_by_length"}, 1, "group_by_length"),
        (True, {}, 1, "group_by_length"),
        (False, {}, 2, "group_by_length"),
    ],
)
def test_an_old_seals_order_is_the_one_that_was_taken(
    make_config: Make, tmp_path: Any, shuffle: bool, training: dict[str, Any], version: int, order: str
) -> None:
    # Seals of version 1 named the default order where none was set and the rows were taken as they stood.
    checkpoint = sealed(tmp_path / "checkpoint-2", version, {"training.train_sampling_strategy": "group_by_length"})
    config = make_config(data={"shuffle": shuffle}, training=training)
    settled = settle_batching(config, ember_model(), RAGGED, checkpoint)
    assert settled.batching.order == order


def sealed(folder: Any, version: int, identity: dict[str, Any]) -> Any:
    folder.mkdir(exist_ok=True)
    seal_folder(folder, identity)
    seal = json.loads((folder / SEAL).read_bytes())
    (folder / SEAL).write_text(json.dumps({**seal, "version": version}))
    return folder


def test_an_old_training_in_the_order_of_the_data_goes_on_in_it(make_config: Make, tmp_path: Any) -> None:
    config = ragged_config(make_config, tmp_path, padding_free=False).replace("data.shuffle", False)
    wanted = trained(config)
    checkpoint = list_checkpoints(run_files(config).root)[0]
    old = {**read_identity(checkpoint), "training.train_sampling_strategy": "group_by_length"}
    old["training.precompute_ref_log_probs"] = False
    assert trained(config, Wishes(sealed(checkpoint, 1, old))) == wanted


def test_what_dpo_asks_of_its_reference_is_settled_and_kept(make_config: Make, tmp_path: Any) -> None:
    def settle(checkpoint: Any = None, **training: Any) -> bool | None:
        config = make_config(training={"trainer_type": "dpo", "max_steps": -1, **training})
        return settle_batching(config, ember_model(), EVEN, checkpoint).config.training.precompute_ref_log_probs

    assert [settle(num_train_epochs=epochs) for epochs in (1, 2)] == [False, True]
    assert settle(num_train_epochs=2, trainer_type="kto") is None
    asked = {"training.precompute_ref_log_probs": False}
    assert settle(sealed(tmp_path / "checkpoint-1", 2, asked), num_train_epochs=2) is False


def test_a_reference_asked_once_answers_what_it_would_in_each_step(make_config: Make, tmp_path: Any) -> None:
    from safetensors.torch import load as read_weights

    turns = [row["messages"] for row in order_rows(12)]
    pairs = [
        {"prompt": asked[:1], "chosen": asked[1:], "rejected": [{"role": "assistant", "content": "No. " * (1 + n % 5)}]}
        for n, asked in enumerate(turns)
    ]
    data = write_rows(tmp_path / "pairs.jsonl", pairs)

    def weights(name: str, **changes: Any) -> dict[str, Any]:
        training = {"trainer_type": "dpo", "max_steps": -1, "num_train_epochs": 2, "per_device_train_batch_size": 4}
        config = make_config(training={**training, **changes}).replace("data.dataset_name_or_path", str(data))
        (written,) = trained(config.replace("training.output_dir", str(tmp_path / name))).values()
        return dict(read_weights(written))

    once, each = weights("once"), weights("each", precompute_ref_log_probs=False)
    assert all(once[name].allclose(each[name], atol=1e-5) for name in once)


def replace_field(config: ForgeConfig, **fields: Any) -> ForgeConfig:
    for name, value in fields.items():
        config = config.replace(f"training.{name}", value)
    return config
