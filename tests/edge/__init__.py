"""What the edge promises."""
