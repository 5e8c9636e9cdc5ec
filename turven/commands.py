"""The whole command line: every command, under one group."""

from turven import audit, days, serve, sites, texts
from turven.group import main

__all__ = ["audit", "days", "main", "serve", "sites", "texts"]
