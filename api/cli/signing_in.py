"""Signing in at the terminal: by e-mail address and password at the configured Supabase project."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from api.cli.failure import CommandFailed
from api.cli.kept_session import FOLDER, KeptSession, forget, keep, kept
from api.settings import Settings

if TYPE_CHECKING:
    from supabase_auth.types import AuthResponse

    import supabase

MARGIN_SECONDS = 60
"""A token that ends sooner is refreshed before it is given out."""
_SECONDS = 30.0


async def sign_in(
    settings: Settings, email: str, password: str, folder: Path = FOLDER
) -> tuple[KeptSession, int]:
    """Sign in, keep the session, and join the tenants that invited this address.

    Returns
    -------
    tuple[KeptSession, int]
        The session, and how many tenants were joined.

    Raises
    ------
    CommandFailed
        No project is configured, it is out of reach, or it does not know the two.
    """
    async with _client(settings) as client:
        with_password = {"email": email, "password": password}
        answer = await client.auth.sign_in_with_password(with_password)  # type: ignore[arg-type]
        session = _session(settings, answer)
        keep(session, folder)
        joined = (await client.rpc("accept_invitations", {}).execute()).data
    return session, joined if isinstance(joined, int) else 0


async def access_token(settings: Settings, folder: Path = FOLDER) -> str:
    """Give an access token that is valid for a while yet, refreshed if need be."""
    session = kept(folder)
    url, _ = _project(settings)
    if session.url != url:
        raise CommandFailed(
            f"{session.email} is signed in at {session.url}, and SUPABASE_URL is {url}.",
            "Sign in there: `pourplan login`.",
        )
    if session.expires_at - time.time() < MARGIN_SECONDS:
        async with _client(settings) as client:
            session = _session(settings, await client.auth.refresh_session(session.refresh_token))
        keep(session, folder)
    return session.access_token


async def sign_out(settings: Settings, folder: Path = FOLDER) -> None:
    """End the session at the project, and forget it here whatever the project says."""
    session = kept(folder)
    try:
        async with _client(settings) as client:
            await client.auth.set_session(session.access_token, session.refresh_token)
            await client.auth.sign_out({"scope": "local"})
    finally:
        forget(folder)


def _session(settings: Settings, answer: AuthResponse) -> KeptSession:
    if answer.session is None or answer.user is None:
        raise CommandFailed(
            "The project gave no session.",
            "Confirm the address by the link in its e-mail, then sign in.",
        )
    expires = answer.session.expires_at or int(time.time()) + answer.session.expires_in
    return KeptSession(
        url=_project(settings)[0],
        email=answer.user.email or "",
        access_token=answer.session.access_token,
        refresh_token=answer.session.refresh_token,
        expires_at=expires,
    )


def _project(settings: Settings) -> tuple[str, str]:
    if not settings.supabase_url or not settings.supabase_publishable_key:
        missing = "SUPABASE_PUBLISHABLE_KEY" if settings.supabase_url else "SUPABASE_URL"
        raise CommandFailed(
            f"{missing} is not set: there is no project to sign in at.",
            "Set SUPABASE_URL and SUPABASE_PUBLISHABLE_KEY as the project's API settings tell them. On one "
            "machine nobody signs in.",
        )
    return settings.supabase_url.rstrip("/"), settings.supabase_publishable_key


@asynccontextmanager
async def _client(settings: Settings) -> AsyncIterator[supabase.AsyncClient]:
    url, key = _project(settings)
    try:
        import httpx
        from postgrest.exceptions import APIError
        from supabase_auth.errors import AuthError, AuthRetryableError

        import supabase
    except ImportError as error:
        raise CommandFailed(
            f"The package {error.name} is not installed.", "Install pourplan with its extra `supabase`."
        ) from None
    try:
        async with httpx.AsyncClient(timeout=_SECONDS) as http:
            options = supabase.AsyncClientOptions(
                auto_refresh_token=False, persist_session=False, httpx_client=http
            )
            yield await supabase.acreate_client(url, key, options)
    except AuthRetryableError as error:
        raise CommandFailed(
            f"{url} can't be reached: {error.message}.", "Look at SUPABASE_URL and at the network."
        ) from None
    except AuthError as error:
        raise CommandFailed(
            f"{url} does not let you in: {error.message}.",
            "Look at the address and the password, or sign up.",
        ) from None
    except APIError as error:
        raise CommandFailed(
            f"{url} refused: {error.message}.", "Is `pourplan migrate` done on its database?"
        ) from None
    except httpx.TransportError as error:
        raise CommandFailed(
            f"{url} can't be reached: {type(error).__name__}.", "Look at SUPABASE_URL and at the network."
        ) from None
