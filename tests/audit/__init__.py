"""The evidence: what an auditor can repeat."""
