"""See a request, cut it, and let nothing of it go but an `Event` or a `Drop`."""
