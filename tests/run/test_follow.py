"""A process that follows trains the same model and writes nothing of its own; see also test_several_processes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from forgelm.base.errors import TrainingError
from forgelm.base.processes import Place
from forgelm.config.root import ForgeConfig
from forgelm.run.follow import follow_run
from forgelm.run.stop import StopRequest
from forgelm.train.processes import Processes


class Silent(Processes):
    def tell(self, value: Callable[[], object]) -> object:
        raise TrainingError("the first process gave up: ConfigError: no rows")


def test_a_follower_ends_with_the_first_process_s_reason(
    make_config: Callable[..., ForgeConfig], tmp_path: Path
) -> None:
    with pytest.raises(TrainingError, match="gave up: ConfigError: no rows"):
        follow_run(make_config(), Silent(Place(1, 2, 1)), StopRequest())
    assert not (tmp_path / "run").exists()
