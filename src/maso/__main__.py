"""`python -m maso` is the same as the `maso` command."""

from maso.cli import main

if __name__ == "__main__":
    main()
