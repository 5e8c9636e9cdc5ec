"""Look at how the house under audit holds what it has: where its keys lie, and what its database may reach."""

from pathlib import Path
from typing import Any

from collector.audit.finding import Seen
from collector.audit.swap import hibernates_to, swap_areas
from collector.cursor import Cursor
from collector.settings import Settings
from collector.spool.files import is_in_memory

#: What the history's connection must say of itself.
_EXPECTED = {"temp_directory": "", "enable_external_access": "false", "lock_configuration": "true"}


def check_database(cursor: Cursor) -> Seen:
    """R25 of the running house: its database writes no temporary file and reaches nothing beside the history."""
    said = {name: str(cursor.execute(f"select current_setting('{name}')").fetchone()[0]).lower() for name in _EXPECTED}
    others = cursor.execute(
        "select count(*) from duckdb_databases() where not internal and path is not null "
        "and database_name <> current_database()"
    ).fetchone()[0]
    return Seen.that(said == _EXPECTED and others == 0, **said, other_files_attached=others)


def check_runtime(settings: Settings) -> Seen:
    """R14 of the machine: whether keys and salts lie in memory only, and what weakens that."""
    runtime = _existing(settings.runtime_path())
    in_memory, areas = is_in_memory(runtime), swap_areas()
    weakened = []
    if not in_memory:
        weakened.append("runtime_dir is on a disk: an overwritten salt may leave traces there")
    if settings.keep_day_through_reboot:
        weakened.append("keep_day_through_reboot puts seal keys (never a salt) on disk until their day closes")
    if not all(area.is_safe for area in areas):
        weakened.append("the machine swaps to a disk that is not encrypted: encrypt the swap, or switch it off")
    if hibernates_to():
        weakened.append("the machine can hibernate: mask hibernate.target, or encrypt its swap")
    evidence: dict[str, Any] = {"runtime_dir_in_memory": in_memory, "swap_areas": len(areas), "weakened_by": weakened}
    return Seen.that(True, keep_day_through_reboot=settings.keep_day_through_reboot, **evidence)


def _existing(path: Path) -> Path:
    """Return *path*, or the nearest folder above it that is there."""
    while not path.exists() and path != path.parent:
        path = path.parent
    return path
