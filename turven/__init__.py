"""The front door of Turven: the command line, and the only package that knows both collector and dashboard."""

from turven.commands import main
from turven.compose import build, compose, run_house

__all__ = ["build", "compose", "main", "run_house"]
