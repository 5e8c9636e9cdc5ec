"""The front door of Turven: the command line, and the only package that knows both collector and dashboard."""

from turven.group import main

__all__ = ["main"]
