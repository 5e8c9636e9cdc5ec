"""Find out what is audited: a running house, a stopped one, or a copy of a history file."""

import json
import shlex
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from collector import __version__
from collector.audit.chain import ChainCheck
from collector.audit.facts import chain_of, gather, known, rules_of_copy, sites_in
from collector.audit.finding import Requirement, Seen
from collector.audit.report import Facts, Report, make_report
from collector.audit.run import Scope, audit_copy, audit_house, findings, scratch_started
from collector.clock import Clock
from collector.control import SOCKET_NAME, ask
from collector.effective import effective
from collector.errors import SettingsError, TurvenError
from collector.model import Site
from collector.settings import Settings
from collector.store.copy import read_copy, read_nothing


def repeating(config: Path | None, *, site: str = "") -> str:
    """Return the command that repeats an audit of the house whose settings stand in *config*, from any folder."""
    own = ["--config", str(config.absolute())] if config else []
    return shlex.join(["turven", *own, "audit", *(["--site", site] if site else [])])


class Subject:
    """Answer an audit's questions about a house or a copy. Nothing of it is changed: a stopped house stays stopped."""

    def __init__(self, settings: Settings, *, history: Path | None = None, config: Path | None = None) -> None:
        """Look whether the house runs.

        Args:
            settings: Of the house; with *history* only its retention period counts.
            history: A copy of a history file, to be looked at alone.
            config: File of *settings*, which a command that repeats a check has to name; `None` for the usual one.

        Raises:
            StoreError: `history_missing`, `history_unreadable`.
        """
        self._settings = settings
        self._history = history
        self._config = config
        self._socket = settings.runtime_path() / SOCKET_NAME
        self._facts: dict[str, Facts] = {}
        self.is_running = history is None and ask(self._socket, "site_list", {}) is not None

    @property
    def file(self) -> Path | None:
        """Return the history file that is read directly; `None` for a running house and for one that has none yet."""
        if self.is_running:
            return None
        own = self._settings.history_file
        return self._history or (own if own.exists() else None)

    @property
    def is_copy(self) -> bool:
        """Tell whether a copy is looked at alone: then nothing is known of the settings of its house."""
        return self._history is not None

    def _ask(self, name: str, /, **params: Any) -> bytes:
        answer = ask(self._socket, name, params)
        if answer is None:
            raise TurvenError("house_stopped", "The house stopped in the middle of its audit; audit it again.")
        return answer

    def facts(self, site: str = "") -> Facts:
        """Return what a report shows beside its findings, of all sites or of one; it is read once and kept.

        Raises:
            TurvenError: As the house says.
            StoreError: `history_foreign`.
            SettingsError: `site_unknown`.
        """
        if site not in self._facts:
            self._facts[site] = self._gather(site)
        return self._facts[site]

    def _gather(self, site: str) -> Facts:
        if self.is_running:
            return msgspec.json.decode(self._ask("facts", site=site), type=Facts)
        with read_copy(self.file) if self.file else read_nothing() as cursor:
            sites = sites_in(cursor)
            if not self._history:
                known(sites, site)
            settings = None if self._history else self._settings
            rules = rules_of_copy(cursor) if self._history else self._settings.privacy.rules_of
            return gather(cursor, settings=settings, sites=sites, rules=rules, version=__version__, site=site)

    def chain(self, *, head: str = "") -> ChainCheck:
        """Verify the settings log, and whether a *head* that was noted earlier stands in it."""
        return chain_of(self.facts().changes, head=head)

    def settings_text(self) -> str:
        """Return the settings in force, letter by letter as `/privacy.json` writes them.

        They are computed here from the settings file and the sites alone; what the running house says of itself is
        left to `runs_by_other_settings`.

        Raises:
            SettingsError: `settings_unknown`.
        """
        return json.dumps(self._computed(), sort_keys=True, indent=2, ensure_ascii=False)

    def runs_by_other_settings(self) -> bool:
        """Tell whether the house was started with other settings than those that were given here."""
        return bool(self.facts().effective != json.loads(json.dumps(self._computed())))

    def _computed(self) -> dict[str, Any]:
        if self._history:
            raise SettingsError("settings_unknown", "A copy of a history does not hold the settings of its house.")
        if self.is_running:
            sites = msgspec.json.decode(self._ask("site_list"), type=list[Site])
        else:
            with read_copy(self.file) if self.file else read_nothing() as cursor:
                sites = sites_in(cursor)
        return effective(self._settings, sites, rules=self._settings.privacy.rules_of, version=__version__)

    def settings_sha256(self) -> str:
        """Return the fingerprint of the settings in force; empty for a copy, which does not hold them all."""
        return str(self.facts().effective.get("settings_sha256", ""))

    def command(self, site: str = "") -> str:
        """Return the command that repeats the audit, without the number of a requirement."""
        if not self._history:
            return repeating(self._config, site=site)
        return shlex.join(["turven", "audit", "--history", str(self._history), *(["--site", site] if site else [])])

    def report(self, requirements: Sequence[Requirement], scope: Scope, *, clock: Clock) -> Report:
        """Audit, and return what was found beside the facts as they were when it began.

        Raises:
            TurvenError: As `facts` and `answers`.
        """
        facts = self.facts(scope.site)
        at = clock.now()
        sha256 = str(facts.effective.get("settings_sha256", ""))
        made = findings(
            requirements,
            self.answers(scope, clock=clock),
            at=at,
            command=self.command(scope.site),
            settings_sha256=sha256,
        )
        name = self._history.name if self._history else ""
        return make_report(made, facts, at=at, version=__version__, site=scope.site, history=name)

    def answers(self, scope: Scope, *, clock: Clock) -> Mapping[str, Mapping[str, Seen]]:
        """Return what was seen, by place and requirement.

        Raises:
            TurvenError: As the house says; `scratch_failed`.
            SettingsError: `site_unknown`, `mark_too_short`.
        """
        if self._history:
            return self._kept(scope, clock=clock)
        with scratch_started(self._settings, scope=scope, clock=clock) as scratch:
            return {**self._kept(scope, clock=clock), **scratch()}

    def _kept(self, scope: Scope, *, clock: Clock) -> dict[str, dict[str, Seen]]:
        if self.is_running:
            return audit_house(partial(self._ask), scope=scope, server=self._settings.server)
        if self.file:
            return audit_copy(self.file, settings=self._settings, clock=clock, scope=scope)
        return {}
