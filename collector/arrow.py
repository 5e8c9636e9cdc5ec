"""Hand polars frames to DuckDB and back without pyarrow (170 MB), which neither needs for it."""

from typing import Any

import polars as pl


class ArrowStream:
    """Show DuckDB a polars frame through the Arrow C stream, which it scans without a copy in Python.

    DuckDB 1.5 looks for pyarrow when it is given a polars frame; given this, it does not.
    """

    def __init__(self, frame: pl.DataFrame) -> None:
        self._frame = frame

    def __arrow_c_stream__(self, requested_schema: object = None) -> Any:
        """Return the frame's stream capsule."""
        return self._frame.__arrow_c_stream__(requested_schema)
