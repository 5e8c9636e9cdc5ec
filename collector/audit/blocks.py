"""Read a DuckDB file block by block, used and free ones alike: what was deleted may still lie in the bytes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from collector.audit.marks import Needles, hunt

#: Three headers stand before the first block: the file's own, and two of which the newer one counts.
HEADER_BYTES: Final = 3 * 4096


class Blocks(msgspec.Struct, frozen=True, kw_only=True):
    """Say what a search of a file's blocks came to.

    Attributes:
        size: Bytes of a block.
        read: Blocks that were read, used and free.
        counted: Blocks that the database says it has.
        bytes: That were searched, headers and the write-ahead log included.
        found: For each name that was found the blocks that hold it.
    """

    size: int
    read: int
    counted: int
    bytes: int
    found: dict[str, list[str]]

    @property
    def is_whole(self) -> bool:
        """Tell whether every block that the database has was read."""
        return self.read == self.counted > 0


def search_blocks(path: Path, needles: Needles, *, cursor: Any) -> Blocks:
    """Search the blocks of a database that no process has open for writing, and its log beside it if there is one.

    Args:
        path: The database.
        needles: What is searched for.
        cursor: On the same database; asked for the size of a block and how many there are.
    """
    size, counted = cursor.execute("select block_size, total_blocks from pragma_database_size()").fetchone()
    # One piece at a time, and each named: a find tells its block.
    read, found = hunt(((f"block {number}", [piece]) for number, piece in _pieces(path, size)), needles)
    log = path.with_name(f"{path.name}.wal")
    if log.exists():
        log_read, log_found = hunt([(log.name, [log.read_bytes()])], needles)
        read += log_read
        found = {name: [*found.get(name, []), *log_found.get(name, [])] for name in {*found, *log_found}}
    blocks = sum(1 for _ in _pieces(path, size)) - 1
    return Blocks(size=size, read=blocks, counted=counted, bytes=read, found=found)


def _pieces(path: Path, size: int) -> Iterator[tuple[int, bytes]]:
    """Return the headers as piece 0, then each block."""
    with path.open("rb") as file:
        yield 0, file.read(HEADER_BYTES)
        number = 1
        while block := file.read(size):
            yield number, block
            number += 1
