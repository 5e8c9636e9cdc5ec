"""What the canary run searches, and what it found: every file, table, page, export and block of a scratch house."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from collector.audit.blocks import Blocks, search_blocks
from collector.audit.canary_requests import CANARY_ADDRESS, HOST, OWN_MARK, REFERRER, START, address_of
from collector.audit.marks import Mark, Needles, address_forms, chunks, forms, hunt
from collector.audit.scratch import ScratchHouse

ADDRESS: Final = "address"
#: Kept, and rightly so; in a log it would be wrong, and in the blocks it shows that the search sees.
ORDINARY: Final = "ordinary"
KEPT: Final = "kept"


class Search:
    """Search a scratch house again and again, and add up where what was found."""

    def __init__(self, marks: list[Mark], *, stem: str) -> None:
        groups = {mark.field: forms(mark) for mark in marks} | {ADDRESS: address_forms(CANARY_ADDRESS)}
        # All marks of the run begin alike: where none of the beginning's forms is, none of theirs is.
        start = forms(Mark("", stem))
        quick = {mark.field: start for mark in marks if not mark.field.startswith(OWN_MARK)}
        self._needles = Needles(groups, quick=quick)
        self._blocks = Needles({**groups, KEPT: {REFERRER.encode()}}, quick=quick)
        ordinary = [START.encode(), b"Chrome/1", HOST.encode(), REFERRER.encode(), address_of(0).encode()]
        self._log = Needles({**groups, ORDINARY: ordinary}, quick=quick)
        self._forms = {field: len(wanted) for field, wanted in groups.items()}
        self._found: dict[str, list[str]] = {}
        self.bytes = 0
        self.places: dict[str, int] = {}
        self.blocks: Blocks | None = None

    def files(self, house: ScratchHouse, *, when: str) -> None:
        """Search every file of the house, those that it has open elsewhere and those that lost their names."""
        places = [(path.name, path) for path in house.files()]
        known = {str(path) for _, path in places}
        if house.is_running:
            places += [(name, path) for name, path in house.open_files().items() if name not in known]
        self._take(f"files {when}", ((name, chunks(path)) for name, path in places), len(places))

    def texts(self, what: str, texts: Mapping[str, bytes]) -> None:
        """Search what the house told."""
        self._take(what, ((name, [text]) for name, text in texts.items()), len(texts))

    def history(self, path: Path, *, cursor: Any) -> None:
        """Search the history block by block."""
        self.blocks = search_blocks(path, self._blocks, cursor=cursor)
        self.bytes += self.blocks.bytes
        self._add({field: places for field, places in self.blocks.found.items() if field != KEPT})

    def _take(self, what: str, places: Iterable[tuple[str, Iterator[bytes] | list[bytes]]], count: int) -> None:
        read, found = hunt(places, self._needles)
        self.bytes += read
        self.places[what] = count
        self._add(found)

    def _add(self, found: Mapping[str, list[str]]) -> None:
        for field, places in found.items():
            self._found[field] = sorted({*self._found.get(field, []), *places})

    def found_in(self, fields: Collection[str]) -> list[str]:
        """Return where marks of *fields* were found."""
        return sorted({place for field in fields for place in self._found.get(field, [])})

    def forms_of(self, fields: Collection[str]) -> int:
        """Return how many forms of the marks of *fields* are searched for."""
        return sum(self._forms[field] for field in fields)

    @property
    def saw_blocks(self) -> bool:
        """Tell whether each block was read, and an ordinary value seen in one: else the search proves nothing."""
        return self.blocks is not None and self.blocks.is_whole and bool(self.blocks.found.get(KEPT))

    def block_evidence(self) -> dict[str, Any]:
        """Return what the search of the blocks came to."""
        if self.blocks is None:
            return {}
        return {
            "block_bytes": self.blocks.size,
            "blocks_searched": self.blocks.read,
            "blocks_of_the_file": self.blocks.counted,
            "blocks_with_an_ordinary_value": len(self.blocks.found.get(KEPT, [])),
        }

    def log(self, path: Path) -> tuple[int, list[str]]:
        """Search the log for marks and for what is ordinary; return the bytes and the fields that were found."""
        read, found = hunt([(path.name, chunks(path))], self._log)
        return read, sorted(found)
