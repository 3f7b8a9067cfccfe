"""The command line, `pourplan`: a client of the same schema that the service serves."""

from __future__ import annotations

import sys


def main() -> None:
    """Run `pourplan`; who ends it while it still loads is told so, in a line."""
    try:
        from api.cli import commands

        commands.main()
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted: nothing was begun.\n")
        sys.exit(130)


__all__ = ["main"]
