"""A replaced salt is noticed by who keeps the old one."""

from datetime import UTC, datetime
from pathlib import Path

from collector.spool.secrets import Secrets


def test_a_replaced_salt_is_noticed(tmp_path: Path) -> None:
    """Whoever keeps a salt in memory can see that it was replaced, and that nothing else happened."""
    tmp_path.chmod(0o700)
    secrets = Secrets(tmp_path)
    epoch = secrets.current("Europe/Amsterdam", now=datetime(2026, 11, 24, tzinfo=UTC))
    before = secrets.generation(epoch)
    secrets.salt(epoch, "school")
    assert secrets.generation(epoch) == before
    secrets.replace_salt(epoch, "school")
    first = secrets.generation(epoch)
    secrets.replace_salt(epoch, "school")
    assert len({before, first, secrets.generation(epoch)}) == 3
