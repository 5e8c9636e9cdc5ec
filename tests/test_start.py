"""What a process does not import before it is used: a second of modules is a second in which nobody is answered."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
#: What is large, and what for.
HEAVY = (
    "scipy",
    "polars",
    "numpy",
    "duckdb",
    "jinja2",
    "babel",
    "starlette",
    "uvicorn",
    "ua_parser_builtins.regexes",
    "prometheus_client",
)


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        # `turven --help`, and every command before it is known which one it is.
        ("turven.group", HEAVY),
        # What takes events in knows neither the day nor the history.
        ("turven.collecting", ("scipy", "polars", "numpy", "duckdb", "jinja2", "babel", "ua_parser_builtins.regexes")),
        # A whole house solves nothing before its first close, and is not asked how it is.
        ("turven.compose", ("scipy", "ua_parser_builtins.regexes", "prometheus_client")),
    ],
)
def test_a_process_starts_without_what_it_does_not_need(module: str, heavy: tuple[str, ...]) -> None:
    """Command line, collector and house import none of the large packages that their first answer does not need."""
    code = f"import sys, {module}; print(sorted(set({heavy}).intersection(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
