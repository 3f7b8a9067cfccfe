"""The session of who signed in at this terminal, in a file of the user's own that nobody else may read."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from platformdirs import user_config_path
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.cli.failure import CommandFailed

FOLDER = user_config_path("pourplan", appauthor=False)
_NAME = "session.json"


class KeptSession(BaseModel):
    """A session of one person with one project."""

    model_config = ConfigDict(frozen=True)

    url: str
    email: str
    access_token: str = Field(repr=False)
    refresh_token: str = Field(repr=False)
    expires_at: int
    """Unix seconds."""


def keep(session: KeptSession, folder: Path = FOLDER) -> Path:
    """Write the session aside and move it into place; give the file, of mode 0600."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Made for its owner alone from the first moment on.
    handle, aside = tempfile.mkstemp(dir=folder, suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(session.model_dump_json())
        return Path(aside).replace(folder / _NAME)
    except BaseException:
        with suppress(OSError):
            Path(aside).unlink()
        raise


def kept(folder: Path = FOLDER) -> KeptSession:
    """Read the session.

    Raises
    ------
    CommandFailed
        Nobody is signed in, or the file is not what was written.
    """
    path = folder / _NAME
    try:
        return KeptSession.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise CommandFailed("Nobody is signed in.", "Sign in with `pourplan login`.") from None
    except (OSError, ValidationError) as error:
        raise CommandFailed(
            f"The session in {path} can't be read: {type(error).__name__}.",
            "Sign in again: `pourplan login`.",
        ) from None


def forget(folder: Path = FOLDER) -> None:
    """Remove the session, if there is one."""
    (folder / _NAME).unlink(missing_ok=True)
