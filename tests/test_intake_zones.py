"""What is not counted of a site belongs to the site's own day."""

import asyncio
from pathlib import Path

import msgspec

from collector.edge.gate import Gate
from collector.event import Drop, Reason, Tally
from collector.intake import Intake
from collector.settings import Privacy
from collector.spool.reader import SpoolReader
from collector.spool.secrets import Secrets, prepare_runtime_dir
from tests.clock import ManualClock
from tests.edge.doors import SITES, TRUSTED, request


def test_a_drop_counts_for_the_day_of_its_site(tmp_path: Path, clock: ManualClock) -> None:
    """A bot on a site of another time zone, of which no event has come yet, is counted for that zone's day."""
    zone = "America/New_York"
    site = msgspec.structs.replace(SITES["school"], timezone=zone)
    prepare_runtime_dir(tmp_path / "runtime")
    secrets = Secrets(tmp_path / "runtime")
    gate = Gate(privacy=Privacy(), server=TRUSTED, site={"school": site}.get)
    spool = tmp_path / "spool"
    intake = Intake(gate=gate, secrets=secrets, spool_dir=spool, clock=clock, house_zone="Europe/Amsterdam")

    async def run() -> None:
        assert intake.admit(request(headers={"user_agent": "curl/8.0"})) == Drop(Reason.BOT, "school")
        intake.look()
        intake.stop()

    asyncio.run(run())
    epoch = secrets.current(zone, now=clock.now())
    with SpoolReader(spool, epoch, secrets.seal_key(epoch)) as reader:
        tallies = [tally for frame in reader.read() for tally in frame.batch.tallies]
    assert tallies == [Tally("school", "bot", 1)]
