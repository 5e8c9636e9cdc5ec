"""What is needed of a database by who only reads it."""

from typing import Any, Protocol


class Cursor(Protocol):
    """Run a statement and give its rows."""

    def execute(self, query: str, parameters: object = ..., /) -> "Cursor":
        """Run *query* with its parameters, by order or by name."""
        ...

    def fetchall(self) -> list[Any]:
        """Return every row."""
        ...

    def fetchone(self) -> Any:
        """Return the next row, or None after the last."""
        ...
