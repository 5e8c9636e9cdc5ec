"""How parts are handed to the attack."""

from pathlib import Path

import pytest

from collector.audit import outsider
from collector.audit.kept import Kept
from collector.audit.outsider import PublishedInFile, attack_published
from collector.store.copy import read_copy


def test_processes_find_what_one_finds(healthy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long history is attacked in other processes, with the same evidence."""
    with read_copy(healthy) as cursor:
        alone = attack_published(PublishedInFile(Kept(cursor)))
        monkeypatch.setattr(outsider, "_PARTS_FOR_PROCESSES", 1)
        assert attack_published(PublishedInFile(Kept(cursor))) == alone
