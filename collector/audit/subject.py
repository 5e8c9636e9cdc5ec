"""Find out what is audited: a running house, a stopped one, or a copy of a history file."""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from collector import __version__
from collector.audit.chain import broken_entry
from collector.audit.finding import Seen
from collector.audit.run import Scope, audit_copy, audit_house, check_scratch
from collector.clock import Clock
from collector.control import SOCKET_NAME, ask
from collector.effective import effective
from collector.errors import TurvenError
from collector.model import Site
from collector.settings import Settings
from collector.store.copy import read_copy


class Subject:
    """Answer an audit's questions about a house or a copy. Nothing of it is changed: a stopped house stays stopped."""

    def __init__(self, settings: Settings, *, history: Path | None = None) -> None:
        """Look whether the house runs.

        Args:
            settings: Of the house; with *history* only its retention period counts.
            history: A copy of a history file, to be looked at alone.

        Raises:
            StoreError: `history_missing`, `history_unreadable`.
        """
        self._settings = settings
        self._history = history
        self._socket = settings.runtime_path() / SOCKET_NAME
        self.is_running = history is None and ask(self._socket, "site_list", {}) is not None

    @property
    def file(self) -> Path | None:
        """Return the history file that is read directly; `None` for a running house and for one that has none yet."""
        if self.is_running:
            return None
        own = self._settings.history_file
        return self._history or (own if own.exists() else None)

    def _ask(self, name: str, /, **params: Any) -> bytes:
        answer = ask(self._socket, name, params)
        if answer is None:
            raise TurvenError("house_stopped", "The house stopped in the middle of its audit; audit it again.")
        return answer

    def sites(self) -> tuple[list[Site], int | None]:
        """Return the sites by id, and the first broken entry of the settings log, if there is one."""
        if self.is_running:
            chain = msgspec.json.decode(self._ask("audit", ids=["R54"]), type=dict[str, dict[str, Seen]])
            listed = msgspec.json.decode(self._ask("site_list"), type=list[Site])
            return listed, chain["history"]["R54"].evidence.get("first_broken_entry")
        if self.file is None:
            return [], None
        with read_copy(self.file) as cursor:
            rows = cursor.execute("select record from site order by id").fetchall()
            return [msgspec.json.decode(record, type=Site) for (record,) in rows], broken_entry(cursor)

    def settings_shown(self) -> dict[str, Any]:
        """Return the settings in force as `/privacy.json` shows them, computed here from settings and sites alone."""
        privacy = self._settings.privacy
        return effective(self._settings, self.sites()[0], rules=privacy.rules_of, version=__version__)

    def settings_text(self) -> str:
        """Return the settings in force, letter by letter as `/privacy.json` writes them."""
        return json.dumps(self.settings_shown(), sort_keys=True, indent=2, ensure_ascii=False)

    def settings_sha256(self) -> str:
        """Return the fingerprint of the settings in force; empty for a copy, which does not hold them all."""
        return "" if self._history else str(self.settings_shown()["settings_sha256"])

    def command(self) -> str:
        """Return the command that repeats the audit, without the number of a requirement."""
        return f"turven audit --history {self._history}" if self._history else "turven audit"

    def answers(self, scope: Scope, *, clock: Clock) -> Mapping[str, Mapping[str, Seen]]:
        """Return what was seen, by place and requirement.

        Raises:
            TurvenError: As the house says; `scratch_failed`.
            SettingsError: `site_unknown`, `mark_too_short`.
        """
        if self.is_running:
            kept = audit_house(partial(self._ask), scope=scope)
        elif self.file:
            kept = audit_copy(self.file, settings=self._settings, clock=clock, scope=scope)
        else:
            kept = {}
        return kept if self._history else {**kept, **check_scratch(self._settings, scope=scope)}
