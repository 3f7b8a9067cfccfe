"""`pourplan login`, `token` and `logout`, for a service where people sign in."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import typer

from api.cli.terminal import err, out
from api.settings import load_settings

app = typer.Typer()

Email = Annotated[str, typer.Option(help="Address with which you signed up.", prompt="E-mail")]


@app.command()
def login(email: Email) -> None:
    """Sign in at the Supabase project, and join the tenants that invited you.

    The password is asked for; where standard input is no terminal, it is its first line.
    """
    from api.cli import signing_in

    settings = load_settings()
    session, joined = asyncio.run(signing_in.sign_in(settings, email, _password()))
    err.print(f"Signed in as {session.email} at {session.url}.")
    if joined:
        err.print(f"Joined {joined} {'tenant' if joined == 1 else 'tenants'} that had invited you.")


@app.command()
def token() -> None:
    """Print an access token: `curl -H "Authorization: Bearer $(pourplan token)" ...`."""
    from api.cli import signing_in

    out.print(asyncio.run(signing_in.access_token(load_settings())), soft_wrap=True)


@app.command()
def logout() -> None:
    """Sign out, and forget the session."""
    from api.cli import signing_in

    asyncio.run(signing_in.sign_out(load_settings()))
    err.print("Signed out.")


def _password() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True))
    return sys.stdin.readline().rstrip("\n")
