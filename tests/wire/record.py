"""Record what Chromium sends for one walk: a page, an event of its own, a link away, leaving."""

import json
from pathlib import Path
from typing import Final

from tests.browser import USER_AGENT, open_browser, open_context
from tests.recorder import Recorded, Recorder, recording

FILE: Final = Path(__file__).with_name("chromium.json")
_PARTS: Final = "browser.downloads.engagement.outbound.width"
_SITE: Final = "school"
_HOST: Final = "www.school.example"


def record() -> dict[str, object]:
    """Walk, and return the requests of each step, header for header; the port of the test server is left out."""
    with recording() as recorder, open_browser() as browser:
        tag = f'<script defer src="{recorder.stats}/turven.js?parts={_PARTS}" data-site="{_SITE}"></script>'
        link = '<a href="http://elders.school.example/inlog?token=1">elders</a>'
        stay = "<script>addEventListener('click', e => e.preventDefault())</script>"
        origin = recorder.show(_HOST, f"<!doctype html><title>Les</title>{tag}<body>{link}{stay}</body>")
        context = open_context(browser)
        context.add_cookies([{"name": "sessie", "value": "geheim", "domain": ".school.example", "path": "/"}])
        page = context.new_page()
        steps: dict[str, list[object]] = {}

        def step(name: str, count: int) -> None:
            known = sum(len(requests) for requests in steps.values())
            steps[name] = [_plain(request, recorder) for request in recorder.wait(_SITE, known + count)[known:]]

        page.goto(
            origin + "/groep/7/les/3?leerling=jan%40school.nl&gclid=abc123#kop", referer=f"{recorder.stats}/x?q=1"
        )
        step("load", 1)
        page.evaluate("turven('Toets gemaakt', {vak: 'rekenen', poging: 2})")
        step("custom", 1)
        page.click("a")
        step("outbound", 1)
        page.goto("about:blank")
        step("leave", 1)
        return {"browser": browser.version, "user_agent_override": USER_AGENT, "parts": _PARTS, "steps": steps}


def _plain(request: Recorded, recorder: Recorder) -> object:
    port = f":{recorder.port}"
    body = request.body.replace(port, "")
    length = {"Content-Length": str(len(body.encode()))}
    return {
        "host": request.host,
        "method": request.method,
        "target": request.target,
        "version": request.version,
        "headers": [[name, length.get(name, value.replace(port, ""))] for name, value in request.headers],
        "body": body,
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(record(), indent=1) + "\n", "utf-8")
