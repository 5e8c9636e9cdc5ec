"""HTTP within limits, and the lane of events."""
