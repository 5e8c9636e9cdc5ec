"""How many bytes the tracker is, as a browser loads it: gzip -9."""

from typing import Final

from collector.script import PARTS, build, read_source

#: Time on page, which a site switches on; the goal for the core takes it in.
_TOLD: Final = frozenset({"engagement"})


def measure() -> dict[str, float]:
    """Measure the script of a site that has nothing switched on, the one that tells time too, and the whole."""
    source = read_source()
    return {
        "least_bytes": len(build(source, parts=frozenset()).gzipped),
        "core_bytes": len(build(source, parts=_TOLD).gzipped),
        "everything_bytes": len(build(source, parts=PARTS).gzipped),
    }
