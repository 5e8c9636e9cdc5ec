"""Settings: a typo is an error, and nothing goes below a floor."""

from pathlib import Path
from typing import Any

import pytest

from collector.errors import PrivacyError, SettingsError
from collector.model import Profile
from collector.policy import K_FLOOR, rules_for
from collector.settings import load_settings


def written(folder: Path, text: str) -> Path:
    """Write a settings file."""
    path = folder / "turven.toml"
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize(
    "text",
    [
        "[privacy]\nk = 2",
        "[privacy]\nk = 4",
        "[privacy]\nipv4_bits = 25",
        "[privacy]\nipv6_bits = 56",
        "[privacy]\nretention_days = 761",
        "[privacy]\nretention_days = 0",
        "[backup]\nkeep_days = 31",
    ],
)
def test_a_setting_below_its_floor_is_refused(tmp_path: Path, text: str) -> None:
    """A house with a weaker setting than the floor does not start."""
    with pytest.raises(PrivacyError, match="weaker_than_floor"):
        load_settings(written(tmp_path, text), environ={})


@pytest.mark.parametrize(
    "text",
    [
        "data_dirr = 'x'",
        "[server]\nlistn = '127.0.0.1:8000'",
        "[privacy]\nkk = 12",
        "timezone = 'Europe/Nowhere'",
        "[server]\nlisten = '8000'",
        "[server]\ncollectors = 65",
        "[server]\ncollector_listen = '127.0.0.1:8001'",
        "[server]\ncollectors = 1\ncollector_listen = '8001'",
        "[limits]\nconnections = 0",
        "[limits]\nnetwork_events_per_minute = -1",
        "day_memory_mb = 1",
        "fsync = 'sometimes'",
        "[server]\ntrusted_proxies = ['10.0.0.0/33']",
        "[server]\nbase_path = 'turven/'",
        "log_level = 'LOUD'",
        "[public]\nsub_processors = [{name = 'A', task = 'hosting', country = 'Nederland'}]",
        "k = ",
    ],
)
def test_a_typo_is_an_error(tmp_path: Path, text: str) -> None:
    """An unknown key or a value that cannot be is refused with a sentence."""
    with pytest.raises(SettingsError):
        load_settings(written(tmp_path, text), environ={})


def test_privacy_comes_from_the_file_only(tmp_path: Path) -> None:
    """No variable of the environment changes a privacy setting."""
    with pytest.raises(PrivacyError):
        load_settings(written(tmp_path, ""), environ={"TURVEN_PRIVACY__K": "50"})


def test_later_sources_win(tmp_path: Path) -> None:
    """A flag wins over the environment, and that over the file."""
    path = written(tmp_path, "[server]\nlisten = '127.0.0.1:1'\nbase_path = '/a'")
    environ = {"TURVEN_SERVER__LISTEN": "127.0.0.1:2", "TURVEN_SERVER__CLIENT_HEADER": "X-Real-IP"}
    settings = load_settings(path, environ=environ, flags={"server.listen": "127.0.0.1:4", "data_dir": None})
    assert (settings.server.listen, settings.server.client_header, settings.server.base_path) == (
        "127.0.0.1:4",
        "X-Real-IP",
        "/a",
    )


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    """A settings file that was named and is not there is an error, not a default."""
    with pytest.raises(SettingsError, match="settings_missing"):
        load_settings(tmp_path / "none.toml", environ={})


@pytest.mark.parametrize("profile", list(Profile))
@pytest.mark.parametrize("house", list(Profile))
@pytest.mark.parametrize("k", [K_FLOOR, 12, 40])
def test_the_strictest_wins(profile: Profile, house: Profile, k: int) -> None:
    """Neither the house nor a site can loosen what the other has made strict."""
    rules = rules_for(profile, house_profile=house, house_k=k)
    alone: list[Any] = [rules_for(profile), rules_for(house)]
    assert rules.k == max(k, *(each.k for each in alone))
    assert rules.ipv4_bits == min(each.ipv4_bits for each in alone)
    assert set(rules.dimensions) == set(alone[0].dimensions) & set(alone[1].dimensions)
    assert set(rules.pairs) == set(alone[0].pairs) & set(alone[1].pairs)
