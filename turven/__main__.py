"""Let `python -m turven` be the command line."""

from turven.group import main

if __name__ == "__main__":
    main()
