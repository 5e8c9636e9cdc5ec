"""Read what a house tells a monitoring system."""


def read_figures(page: bytes) -> dict[str, float]:
    """Return the samples of a page of `/metrics` by name and labels."""
    lines = [line.rpartition(" ") for line in page.decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}
