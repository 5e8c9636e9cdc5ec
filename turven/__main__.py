"""Let `python -m turven` be the command line."""

from turven.commands import main

if __name__ == "__main__":
    main()
