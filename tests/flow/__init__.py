"""From a request to a kept cell: the whole way."""
