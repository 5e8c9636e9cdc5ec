"""Gather evidence that an auditor can repeat."""
