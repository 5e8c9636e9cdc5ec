"""While personal data is held nothing of the outside is touched."""

import json
import subprocess
import sys

from tests.process import ROOT, environment


def test_counting_touches_nothing_outside() -> None:
    """From the request to the cell no file, folder, socket or process is opened; only the spool may write."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.walls.touching"],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    # The hook works: it saw the folder that was listed to find the last descriptor.
    assert found["control"] > 0
    assert found["touched"] == []
    # Without a free descriptor the same requests come to the same cells.
    assert found["cells"] == found["expected"] > 0
