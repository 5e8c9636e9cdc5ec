"""Fixtures of the spool."""

from pathlib import Path

import pytest

from collector.spool.secrets import Secrets
from tests.spool.house import private_folder


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    """Make a runtime folder."""
    return private_folder(tmp_path / "runtime")


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """Make a spool folder."""
    return private_folder(tmp_path / "spool")


@pytest.fixture
def secrets(runtime: Path) -> Secrets:
    """Use the runtime folder."""
    return Secrets(runtime)
