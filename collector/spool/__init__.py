"""Keep acknowledged events, sealed, until their day closes: journal and hand-off in one."""
