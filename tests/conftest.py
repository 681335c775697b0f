"""Fixtures for tests of a whole run."""

from __future__ import annotations

import gc
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from support import Finished, Heard, order_rows, sections, write_rows

from forgelm.config.root import ForgeConfig
from forgelm.run.single import run_single

# The same examples every time, and however busy the machine is, so that a green suite stays green; make torture looks
# for new ones.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("searching", max_examples=2000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

os.environ.setdefault("FORGELM_OPERATOR", "tests")
# Whoever runs the tests may have a signing key; the tests make their own.
os.environ["XDG_CONFIG_HOME"] = os.path.join(tempfile.gettempdir(), "forgelm-tests-have-no-configuration")
os.environ.pop("FORGELM_SIGNING_KEY", None)
os.environ["HF_HUB_OFFLINE"] = "1"


# Below this, looking at every object takes a few milliseconds.
MANY_OBJECTS = 100_000


@pytest.fixture(autouse=True)
def settled_objects() -> None:
    """Let collections of garbage leave out what the imports made, once there is much of it.

    A training collects three times, and torch and its like are half a million objects: a third of a second each time.
    """
    if len(gc.get_objects()) > MANY_OBJECTS:
        gc.unfreeze()
        gc.collect()
        gc.freeze()


@pytest.fixture
def orders(tmp_path: Path) -> Path:
    """120 rows of the bundled task."""
    return write_rows(tmp_path / "orders.jsonl", order_rows(120))


@pytest.fixture
def make_config(orders: Path, tmp_path: Path) -> Callable[..., ForgeConfig]:
    """Build a config over ``orders`` that writes to ``tmp_path/run``."""

    def make(**changes: Any) -> ForgeConfig:
        return ForgeConfig(**sections(orders, tmp_path / "run", **changes))

    return make


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder = tmp_path_factory.mktemp("finished")
    data = write_rows(folder / "orders.jsonl", order_rows(400))
    config = ForgeConfig(
        **sections(
            data,
            folder / "run",
            training={"num_train_epochs": 2, "eval_steps": 20, "save_steps": 20},
            evaluation={"auto_revert": True, "max_acceptable_loss": 2.0},
            risk_assessment={"intended_use": "tests", "foreseeable_misuse": ["medical | advice"]},
            compliance={"provider_name": "Prov *ider*", "system_name": "Till", "intended_purpose": "orders"},
        )
    )
    heard = Heard()
    return Finished(config, run_single(config, listen=heard), heard, folder / "run")
