"""The command line, `pourplan`: a client of the same schema that the service serves."""

from api.cli.commands import main

__all__ = ["main"]
