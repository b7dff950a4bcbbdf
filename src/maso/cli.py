"""The command line. So far it knows its version and nothing else, and says so."""

import sys

from maso import __version__


def main() -> None:
    """Print the version for `--version`; exit 2 for anything else, since no command exists yet."""
    if sys.argv[1:] == ["--version"]:
        print(f"maso {__version__}")
        return
    print("maso has no commands yet; legal: `--version`", file=sys.stderr)
    sys.exit(2)
