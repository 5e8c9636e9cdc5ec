"""Read what a house tells everybody, and compare it with the settings that it was given."""

import json
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

from collector import __version__
from collector.audit.finding import Seen
from collector.audit.scratch import ScratchHouse
from collector.effective import effective
from collector.model import Identity
from collector.settings import Privacy, load_settings

LANGUAGES: Final = ("nl", "nl-pupils", "en")
#: What is left of a text of which a place was not filled in.
UNFILLED: Final = re.compile(r"\{[{%]|[}%]\}|\[\[|\]\]|\bNone\b|\bundefined\b|\bTODO\b|\blorem\b", re.IGNORECASE)
_TAG: Final = re.compile(r"<[^>]+>")
#: The list of settings below the text names them too; the text itself has to.
_LIST_OF_SETTINGS: Final = re.compile(r"<dl\b.*?</dl>|<head\b.*?</head>|<script\b.*?</script>", re.DOTALL)
_OK: Final = 200


def check_texts(house: ScratchHouse, privacy: Privacy, *, sites: Mapping[Identity, str]) -> Seen:
    """R38: in each language there is a text, whole, and it names k, retention and what tells visitors apart.

    Args:
        house: Running.
        privacy: The settings it was given.
        sites: A site of each identity.
    """
    listed = {site.id: site for site in house.sites()}
    wrong: dict[str, list[str]] = {}
    for language in LANGUAGES:
        texts = {}
        for identity, name in sites.items():
            status, _, body = house.request("GET", f"/privacy?site={name}&lang={language}")
            text = _TAG.sub(" ", _LIST_OF_SETTINGS.sub(" ", body.decode()))
            texts[privacy.rules_of(listed[name]).identity(identity)] = text
            faults = _faults(
                text, k=privacy.rules_of(listed[name]).k, days=privacy.rules_of(listed[name]).retention_days
            )
            if status != _OK:
                faults.append(f"answered {status}")
            if faults:
                wrong[f"{language} {identity.value}"] = faults
        if len({_bare(text, sites.values()) for text in texts.values()}) != len(texts):
            wrong[language] = ["does not say what tells visitors apart"]
    return Seen.that(not wrong, languages=list(LANGUAGES), texts=len(LANGUAGES) * len(sites), faults=wrong)


def _faults(text: str, *, k: int, days: int) -> list[str]:
    faults = []
    if found := UNFILLED.search(text):
        faults.append(f"a place is not filled in: {found[0]}")
    faults += [
        f"does not name {what}"
        for what, number in (("k", k), ("the retention period", days))
        if not re.search(rf"\b{number}\b", text)
    ]
    return faults


def _bare(text: str, names: Any) -> str:
    for name in names:
        text = text.replace(name, "")
    return " ".join(text.split())


def check_settings_shown(house: ScratchHouse, privacy: Privacy) -> Seen:
    """R39: `/privacy.json` shows what the audit computes from settings and sites, and its fingerprint fits."""
    status, _, body = house.request("GET", "/privacy.json")
    shown = json.loads(body) if status == _OK else {}
    settings = load_settings(house.config, environ={})
    computed = effective(settings, house.sites(), rules=privacy.rules_of, version=__version__)
    rest = {name: value for name, value in shown.items() if name not in {"settings_sha256", "version"}}
    # Written out once more: a fingerprint that is computed by what it is to check would prove nothing.
    fingerprint = sha256(
        json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    ).hexdigest()
    given = {
        "k": privacy.k,
        "profile": privacy.profile.value,
        "retention_days": privacy.retention_days,
        "address_bits": {"ipv4": privacy.ipv4_bits, "ipv6": privacy.ipv6_bits},
    }
    told = shown.get("house", {})
    differing = sorted(name for name, value in given.items() if told.get(name) != value)
    weaker = sorted(
        site["id"]
        for site in shown.get("sites", [])
        if site["k"] < privacy.k or site["address_bits"]["ipv4"] > privacy.ipv4_bits
    )
    return Seen.that(
        shown == computed and fingerprint == shown.get("settings_sha256") and not differing and not weaker,
        status=status,
        equals_what_the_audit_computes=shown == computed,
        fingerprint_fits=fingerprint == shown.get("settings_sha256"),
        differs_from_the_settings=differing,
        sites_weaker_than_the_house=weaker,
    )
