"""Every variant trains, each field changes the training, a stopped one continues exactly, and the rest is refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import Heard

from forgelm.base.errors import ConfigError, ModelError, StoppedError
from forgelm.base.events import Event
from forgelm.base.files import sha256_file
from forgelm.config.galore import GaloreConfig
from forgelm.config.root import ForgeConfig
from forgelm.data.prepare import prepare_run
from forgelm.model.hardware import Hardware
from forgelm.model.load import load
from forgelm.run.folder import run_files
from forgelm.run.single import run_single
from forgelm.run.stop import StopRequest
from forgelm.train.galore import check_galore, check_galore_resume, galore_arguments
from forgelm.train.loop import train
from forgelm.train.tokenised import tokenise_data

CPU = Hardware("cpu", bf16=False, fp16=False)


def galore(**fields: Any) -> dict[str, Any]:
    return {"galore_enabled": True, "galore_rank": 4, "max_steps": 4, "learning_rate": 1e-2, **fields}


def test_the_fields_become_transformers_arguments() -> None:
    assert galore_arguments(GaloreConfig(galore_rank=3)) == {}
    asked = GaloreConfig(
        galore_enabled=True,
        galore_optim="galore_adafactor",
        galore_rank=3,
        galore_update_proj_gap=5,
        galore_scale=0.5,
        galore_proj_type="left",
        galore_target_modules=["q_proj"],
    )
    assert galore_arguments(asked) == {
        "optim": "galore_adafactor",
        "optim_target_modules": ["q_proj"],
        "optim_args": "rank=3,update_proj_gap=5,scale=0.5,proj_type=left",
    }
    default = galore_arguments(GaloreConfig(galore_enabled=True))
    assert default["optim_target_modules"] == [".*.attn.*", ".*.mlp.*"]


def trained(make_config: Callable[..., ForgeConfig], **fields: Any) -> float:
    """The training loss after four steps of all weights."""
    config = make_config(lora=None, training=galore(**fields))
    loaded = load(config)
    data = tokenise_data(config, prepare_run(config), loaded.tokenizer)
    return train(config, data, loaded, run_files(config), run_id="x", emit=Heard()).train_loss


@pytest.mark.slow
def test_every_variant_learns_and_every_field_changes_what_is_learnt(make_config: Callable[..., ForgeConfig]) -> None:
    losses = {
        name: trained(make_config, galore_optim=f"galore_{name}", per_device_train_batch_size=4)
        for name in ("adamw", "adafactor", "adamw_layerwise", "adafactor_layerwise")
    }
    assert all(loss < 3.0 for loss in losses.values()), losses
    assert losses["adamw"] != losses["adafactor"]
    first = trained(make_config)
    changes: tuple[dict[str, Any], ...] = (
        {"galore_rank": 2},
        {"galore_update_proj_gap": 1},
        {"galore_scale": 1.0},
        {"galore_proj_type": "full"},
        {"galore_target_modules": ["q_proj"]},
        {"galore_enabled": False},
    )
    assert len({first, *(trained(make_config, **change) for change in changes)}) == 7


def test_a_stopped_training_continues_to_the_same_bytes(make_config: Callable[..., ForgeConfig]) -> None:
    config = make_config(lora=None, training=galore(galore_update_proj_gap=3, logging_steps=1))
    whole = run_single(config)
    digest = sha256_file(config_model(config))
    finished = run_single(config, resume="auto")
    assert (finished.metrics, sha256_file(config_model(config))) == (whole.metrics, digest)
    shutil.rmtree(run_files(config).root)
    stop, heard = StopRequest(), Heard()

    def listen(event: Event, /, **fields: Any) -> None:
        heard(event, **fields)
        if event is Event.PROGRESS and fields["step"] == 2:
            stop.ask()

    with pytest.raises(StoppedError):
        run_single(config, listen=listen, stop=stop)
    again = run_single(config, resume="auto")
    assert (again.metrics, sha256_file(config_model(config))) == (whole.metrics, digest)


def config_model(config: ForgeConfig) -> Path:
    return run_files(config).final_model / "model.safetensors"


def test_what_cannot_run_here_is_refused_by_name() -> None:
    check_galore(GaloreConfig(galore_optim="galore_adamw_8bit"), CPU)
    with pytest.raises(ModelError, match="needs a CUDA GPU") as caught:
        check_galore(GaloreConfig(galore_enabled=True, galore_optim="galore_adamw_8bit_layerwise"), CPU)
    assert caught.value.hint == "use galore_adamw_layerwise"
    check_galore_resume(GaloreConfig(galore_enabled=True))
    with pytest.raises(ConfigError, match="saves no state of it"):
        check_galore_resume(GaloreConfig(galore_enabled=True, galore_optim="galore_adafactor_layerwise"))
