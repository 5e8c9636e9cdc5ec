"""Keep cells: the only code that writes the history file."""
