"""Harm the program in one line, and see that something notices."""
