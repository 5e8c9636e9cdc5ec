"""The evidence: each test states one claim."""
