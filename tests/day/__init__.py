"""Tests of what happens between event and cell."""
