"""What a machine can do to a house, done to real processes: kills, full disks, clocks that jump, bytes that change."""
