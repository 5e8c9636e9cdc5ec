"""Names on disk can be read back, and nothing else is taken for one."""

from datetime import date
from zoneinfo import available_timezones

import pytest

from collector.errors import SpoolError
from collector.model import Epoch
from collector.spool.names import epoch_name, parse_epoch, parse_spool_file, salt_name, spool_file_name, zone_name


def test_every_time_zone_comes_back() -> None:
    """The folder of an epoch names its time zone, day and part, whatever the zone."""
    for timezone in available_timezones():
        epoch = Epoch(timezone, date(2026, 11, 24), 12)
        assert parse_epoch(epoch_name(epoch)) == epoch


@pytest.mark.parametrize(
    "timezone", ["", "..", "../etc", "/etc", "Europe//Amsterdam", "Europe/", "a.b", "a~b", "é", "a\n"]
)
def test_no_time_zone_leaves_its_folder(timezone: str) -> None:
    """A time zone that could lead out of the spool's folder is refused."""
    with pytest.raises(SpoolError, match="timezone_name"):
        zone_name(timezone)


@pytest.mark.parametrize(
    "name",
    [
        "", ".", "lost+found", "Europe.Amsterdam", "Europe.Amsterdam~2026-11-24", "Europe.Amsterdam~2026-13-24~1",
        "Europe.Amsterdam~2026-11-24~0", "Europe.Amsterdam~2026-11-24~01", "Europe..Amsterdam~2026-11-24~1",
        ".~2026-11-24~1", "Europe.Amsterdam~2026-11-24~1.old", "Europe.Amsterdam~2026-11-24~1\n", "x~٢٠٢٦-11-24~1",
    ],
)  # fmt: skip
def test_other_folders_are_no_epochs(name: str) -> None:
    """A folder with any other name is left alone."""
    assert parse_epoch(name) is None


@pytest.mark.parametrize("site", ["", "School", "a/b", "a" * 65, "a\n", "a b", "é"])
def test_no_site_leaves_its_folder(site: str) -> None:
    """A site id that could not be a file name is refused."""
    with pytest.raises(SpoolError, match="site_name"):
        salt_name(site)


def test_spool_files_come_back() -> None:
    """A spool file's name holds its place and its id."""
    assert parse_spool_file(spool_file_name(7, bytes(16))) == (7, "00" * 16)
    assert parse_spool_file(f".{spool_file_name(7, bytes(16))}") is None
