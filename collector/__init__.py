"""Count events, keep only counts."""
