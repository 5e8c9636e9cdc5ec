"""Count events, keep only counts."""

# Without a type: hatchling reads this line, and knows it in this form only.
__version__ = "0.1.0"
