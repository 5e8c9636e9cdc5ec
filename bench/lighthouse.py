"""Ask Lighthouse about the overview of a long history, where Lighthouse is installed: it runs off-line."""

import json
import os
import shutil
import subprocess
import tempfile
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from bench import past
from bench.servers import House, folder

#: Newest that Node 20 runs; `make lighthouse` installs it by name.
VERSION: Final = "12.8.2"
#: Names in its report, and in ours.
_SCORES: Final = {"performance": "performance", "accessibility": "accessibility", "best-practices": "best_practices"}
_SECONDS_MAX: Final = 120
_RUNS: Final = 3


def program() -> str | None:
    """Return where Lighthouse is: installed by `make lighthouse`, or anywhere on the path; None where it is not."""
    own = Path(__file__).parents[1] / ".tmp" / "lighthouse" / "node_modules" / ".bin" / "lighthouse"
    return str(own) if own.exists() else shutil.which("lighthouse")


def _report(command: str, address: str, *, scratch: Path) -> dict[str, Any]:
    out = scratch / "report.json"
    chrome = next(found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name)))
    subprocess.run(
        [
            command, address, "--quiet", "--output=json", f"--output-path={out}", "--disable-full-page-screenshot",
            f"--only-categories={','.join(_SCORES)}",
            "--chrome-flags=--headless=new --no-sandbox --disable-gpu",
        ],
        env={**os.environ, "CHROME_PATH": chrome}, check=True, capture_output=True, timeout=_SECONDS_MAX,
    )  # fmt: skip
    told: dict[str, Any] = json.loads(out.read_text("utf-8"))
    return told


def measure() -> dict[str, float | list[float]]:
    """Return the scores (0–100) and the layout shift of the overview over 25 months; nothing without Lighthouse."""
    command = program()
    if command is None:
        return {}
    found: dict[str, list[float]] = {}
    with folder() as at, tempfile.TemporaryDirectory() as scratch:
        past.long_house(at)
        with House(at) as counting:
            first, last = (date.today() - timedelta(back) for back in (past.LONGEST_DAYS, 1))  # noqa: DTZ011 - any
            address = f"http://127.0.0.1:{counting.port}/?site={past.portal().id}&period={first}..{last}"
            for _ in range(_RUNS):
                told = _report(command, address, scratch=Path(scratch))
                for name, ours in _SCORES.items():
                    found.setdefault(ours, []).append(told["categories"][name]["score"] * 100)
                found.setdefault("layout_shift", []).append(told["audits"]["cumulative-layout-shift"]["numericValue"])
    return dict(found)
