"""Requests as real browsers send them; `python -m tests.wire.record` makes `chromium.json` anew."""
