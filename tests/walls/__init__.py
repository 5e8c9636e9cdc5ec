"""The promises that no change may break."""
