"""The whole command line: every command, under one group."""

from turven import audit, backup, days, erasing, serve, sites, texts
from turven.group import main

__all__ = ["audit", "backup", "days", "erasing", "main", "serve", "sites", "texts"]
