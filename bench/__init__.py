"""What Turven costs, measured: `make bench` runs every part and writes `bench/results.md`."""
