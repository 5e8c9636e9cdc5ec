"""Hold the current day in memory and turn it into cells. Personal data lives and dies here."""
