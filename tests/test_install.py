"""The wheel, installed somewhere and run from somewhere else: everything it needs is inside."""

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Final

import pytest

from tests.process import ROOT, HouseProcess, environment

PACKAGES: Final = ("collector", "dashboard", "turven")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    _run("hatchling", "build", "-t", "wheel", "-d", str(folder), cwd=ROOT)
    (built,) = folder.glob("turven-*.whl")
    return built


@pytest.fixture(scope="module")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel alone into a folder of its own; what it depends on comes from the environment of the tests."""
    target = tmp_path_factory.mktemp("installed")
    _run("pip", "install", "--no-deps", "--no-index", "--no-compile", "--target", str(target), str(wheel), cwd=target)
    return target


def _run(*words: str, cwd: Path) -> str:
    ran = subprocess.run(
        [sys.executable, "-m", *words], cwd=cwd, env=environment(), capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_the_wheel_holds_every_file(wheel: Path) -> None:
    """Templates, scripts, styles, texts and languages are in the wheel as they are in the source."""
    with zipfile.ZipFile(wheel) as packed:
        found = {name: packed.read(name) for name in packed.namelist()}
    source = [
        path
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]
    assert {path.suffix for path in source} >= {".py", ".js", ".ts", ".html", ".css", ".svg", ".po", ".jinja"}
    assert [path for path in source if found.get(str(path.relative_to(ROOT))) != path.read_bytes()] == []
    assert found["collector/store/schema.sql"] == (ROOT / "schema.sql").read_bytes()
    # Tests, settings and tools are nobody's to install.
    tops = {name.partition("/")[0] for name in found}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)


def test_it_runs_from_any_folder(program: Path, tmp_path: Path) -> None:
    """Installed, it prints the schema and serves pages, styles, texts and the tracker, without the source tree."""
    house = HouseProcess(tmp_path, program=program)
    assert house.turven("schema") == (ROOT / "schema.sql").read_text("utf-8") + "\n"
    with house:
        house.add_school()
        for path, kind, text in (
            ("/health", "application/json", '"ready":true'),
            ("/", "text/html", "school"),
            ("/first-steps", "text/html", "Eerste stappen"),
            ("/first-steps?lang=en", "text/html", "First steps"),
            ("/turven.js?s=school", "text/javascript", "pageview"),
            ("/privacy", "text/html", "De Schoolvereniging"),
            ("/privacy.json", "application/json", "school"),
        ):
            status, headers, body = house.request("GET", path, headers={"Accept-Language": "nl"})
            assert (status, headers["content-type"].partition(";")[0]) == (200, kind), path
            assert text in body.decode(), path
        for asset in _assets(house):
            assert house.request("GET", asset)[0] == 200, asset
        for visitor in range(10):
            assert house.send(visitor=visitor) == 202
        house.turven("close")
        assert [row["visitors"] for row in house.cells("total")] == [10]


def _assets(house: HouseProcess) -> list[str]:
    """Return the addresses of the files that the first page names."""
    page = house.request("GET", "/")[2].decode()
    found = [part.partition('"')[0] for part in page.replace("href=", "src=").split('src="') if "/assets/" in part]
    named = [address for address in found if address.startswith("/assets/")]
    assert named
    return named


def test_it_is_a_command(program: Path, tmp_path: Path) -> None:
    """Installing puts a command named `turven` beside the others."""
    ran = subprocess.run(
        [program / "bin" / "turven", "--version"],
        cwd=tmp_path,
        env=environment() | {"PYTHONPATH": str(program)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("turven, version ")
