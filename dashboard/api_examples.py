"""Hold the examples of the page about the API; a test runs each of them."""

from typing import Final

_CURL: Final = """curl --silent --request POST BASE/api/query \\
  --header "Authorization: Bearer $TURVEN_PASS" \\
  --header "Content-Type: application/json" \\
  --data '{
    "site_id": "SITE",
    "metrics": ["visitors", "pageviews"],
    "date_range": "28d",
    "dimensions": ["visit:source"]
  }'"""
_PYTHON: Final = """import json
import os
import urllib.request

question = {
    "site_id": "SITE",
    "metrics": ["visitors", "bounce_rate"],
    "date_range": "7d",
    "dimensions": ["time:day"],
    "include": {"comparisons": {"mode": "previous_period"}},
}
request = urllib.request.Request(
    "BASE/api/query",
    data=json.dumps(question).encode(),
    headers={
        "Authorization": "Bearer " + os.environ["TURVEN_PASS"],
        "Content-Type": "application/json",
    },
)
with urllib.request.urlopen(request) as response:
    answer = json.load(response)
for row in answer["results"]:
    print(*row["dimensions"], *row["metrics"])"""
_FILE: Final = """curl --silent --output pages.parquet \\
  --header "Authorization: Bearer $TURVEN_PASS" \\
  "BASE/export/pages.parquet?site=SITE&period=28d\""""


def examples(*, base_url: str, site: str) -> dict[str, str]:
    """Return the examples by name, for a house at *base_url* and one of its sites."""
    made = {"curl": _CURL, "python": _PYTHON, "file": _FILE}
    return {name: text.replace("BASE", base_url).replace("SITE", site) for name, text in made.items()}
