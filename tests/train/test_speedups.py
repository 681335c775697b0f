"""Speed-ups that this machine or this environment cannot have are refused by name, before anything is trained."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

import pytest

from forgelm.base.errors import ConfigError, ModelError, OptionalDependencyError
from forgelm.config.root import ForgeConfig
from forgelm.model.hardware import Hardware
from forgelm.train.speedups import check_speedups

CPU, GPU = Hardware("cpu", bf16=False, fp16=False), Hardware("cuda", bf16=True, fp16=True, gpu_names=("x",))
Make = Callable[..., ForgeConfig]


def test_nothing_is_asked_of_a_plain_configuration(make_config: Make) -> None:
    check_speedups(make_config())
    check_speedups(make_config(), CPU)


def test_liger_needs_a_gpu_and_its_package(make_config: Make) -> None:
    config = make_config(training={"use_liger_kernel": True})
    with pytest.raises(ModelError, match=r"written for GPUs \(Triton\).*trains on cpu"):
        check_speedups(config, CPU)
    if find_spec("liger_kernel") is None:
        for hardware in (None, GPU):
            with pytest.raises(OptionalDependencyError) as caught:
                check_speedups(config, hardware)
            assert caught.value.hint == "pip install 'forgelm[liger]', or set training.use_liger_kernel: false"


@pytest.mark.parametrize("trainer", ["simpo", "orpo"])
def test_liger_is_refused_where_a_trainer_s_loss_passes_it_by(make_config: Make, trainer: str) -> None:
    with pytest.raises(ConfigError, match="do not know"):
        make_config(training={"use_liger_kernel": True, "trainer_type": trainer})


def test_compiling_on_a_cpu_needs_a_compiler(
    make_config: Make, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    config = make_config(training={"torch_compile": True})
    check_speedups(config, GPU)
    monkeypatch.setenv("PATH", str(tmp_path_factory.mktemp("empty")))
    with pytest.raises(ModelError, match=r"no C\+\+ compiler"):
        check_speedups(config, CPU)


def test_galore_is_among_them(make_config: Make) -> None:
    config = make_config(training={"galore_enabled": True, "galore_optim": "galore_adamw_8bit"})
    with pytest.raises(ModelError, match="needs a CUDA GPU"):
        check_speedups(config, CPU)
