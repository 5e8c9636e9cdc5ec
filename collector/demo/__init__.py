"""Show the house with a simulated school in it, whose visitors really send requests."""
