"""Every setting of the service, read from the environment in this one place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from platformdirs import user_data_path
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

DEFAULT_DATA = user_data_path("pourplan", appauthor=False)


class SettingsError(Exception):
    """A setting is wrong; the message names it, what was found and what was expected."""


class Settings(BaseSettings):
    """The settings of one process; `.env.example` lists them with their meaning.

    Without `DATABASE_URL` everything runs on this machine: Postgres from a pip package in `data`,
    worker processes, one tenant.
    """

    model_config = SettingsConfigDict(
        env_prefix="POURPLAN_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    data: Path = DEFAULT_DATA
    """Folder of the embedded database and of original workbooks."""

    database_url: Annotated[str | None, Field(validation_alias="DATABASE_URL")] = None
    database_admin_url: Annotated[str | None, Field(validation_alias="DATABASE_ADMIN_URL")] = None
    database_jobs_url: Annotated[str | None, Field(validation_alias="DATABASE_JOBS_URL")] = None

    supabase_url: Annotated[str | None, Field(validation_alias="SUPABASE_URL", pattern="^https?://")] = None
    """The Supabase project: Auth, Storage."""
    supabase_publishable_key: Annotated[str | None, Field(validation_alias="SUPABASE_PUBLISHABLE_KEY")] = None
    supabase_secret_key: Annotated[SecretStr | None, Field(validation_alias="SUPABASE_SECRET_KEY")] = None
    supabase_jwt_secret: Annotated[
        SecretStr | None, Field(validation_alias="SUPABASE_JWT_SECRET", min_length=32)
    ] = None
    """Signs the tokens of projects that still use the legacy HS256; others have no use for it."""
    supabase_signing_key: Annotated[SecretStr | None, Field(validation_alias="SUPABASE_SIGNING_KEY")] = None
    """A private JSON Web Key that the project knows: signs what opens one run to the job that works on it."""

    workers: Annotated[int, Field(ge=1, le=64)] = 1
    """Worker processes that may run at once on this machine."""
    lease_seconds: Annotated[int, Field(ge=2, le=3600)] = 60
    """A worker that says nothing for so long is given up."""
    max_attempts: Annotated[int, Field(ge=1, le=10)] = 3
    solver_threads: Annotated[int, Field(ge=1, le=256)] = 2
    """Threads on which a worker process on this machine searches for a foundry plan."""
    reap_seconds: Annotated[float, Field(gt=0, le=3600)] = 30
    """Seconds between two looks for lost runs."""
    modal_app: str | None = None
    """Name of the deployed Modal app; set, runs are handed to it instead of to worker processes."""

    pool_size: Annotated[int, Field(ge=1, le=200)] = 10
    request_seconds: Annotated[float, Field(gt=0)] = 90
    """A request that takes longer is ended; reading a large workbook may take a minute."""
    statement_seconds: Annotated[float, Field(gt=0)] = 30
    """A single SQL statement that takes longer is ended."""
    max_body_bytes: Annotated[int, Field(gt=0)] = 1_000_000
    max_upload_bytes: Annotated[int, Field(gt=0)] = 25_000_000
    max_depth: Annotated[int, Field(gt=0)] = 15
    max_aliases: Annotated[int, Field(ge=0)] = 30
    max_tokens: Annotated[int, Field(gt=0)] = 2_000
    max_rows: Annotated[int, Field(gt=0)] = 200_000
    """Rows that one operation may read by estimate, page sizes multiplied down the selection."""
    max_subscriptions: Annotated[int, Field(gt=0)] = 20
    """Operations that one WebSocket connection may have going at once."""
    download_seconds: Annotated[int, Field(gt=0)] = 600
    """How long a download link works."""
    signing_key: Annotated[SecretStr | None, Field(min_length=32)] = None
    """Signs download links, for several instances alike; one alone makes a key of its own in `data`."""

    url: Annotated[str | None, Field(pattern="^https?://")] = None
    """The service that commands ask, instead of the database of this machine."""
    api_key: SecretStr | None = None
    """With which commands ask it; unset, they ask as who signed in."""
    tenant: str | None = None
    """The tenant that commands name to it; who belongs to one alone need not."""

    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    """Host names beside loopback that the service answers to."""
    metrics_token: SecretStr | None = None
    """Bearer token that opens /metrics; where nobody signs in, loopback may read them without."""
    log_format: Literal["auto", "json", "console"] = "auto"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _read_json(cls, given: Any) -> Any:
        # Read here, where what is no JSON is told like any other wrong setting.
        if not isinstance(given, str):
            return given
        try:
            read = json.loads(given)
        except ValueError:
            read = None
        if not isinstance(read, list):
            raise ValueError('Expected a JSON list, such as ["plan.example.com"]')  # noqa: TRY004 - pydantic's
        return read

    @model_validator(mode="after")
    def _jobs_need_their_own_login(self) -> Self:
        if self.database_url and not self.database_jobs_url:
            raise ValueError(
                "DATABASE_URL is set but DATABASE_JOBS_URL is not: "
                "housekeeping and workers need their own login"
            )
        return self

    @property
    def embedded(self) -> bool:
        """Whether Postgres runs on this machine, from the data folder."""
        return self.database_url is None

    @property
    def signs_in(self) -> bool:
        """Whether people sign in: with a database of one's own, by the Auth of a Supabase project."""
        return not self.embedded and self.supabase_url is not None

    @property
    def files(self) -> Path:
        """Folder of the original workbooks."""
        return self.data / "files"

    @property
    def exports(self) -> Path:
        """Folder of the exports."""
        return self.data / "exports"


def load_settings() -> Settings:
    """Read the environment.

    Raises
    ------
    SettingsError
        With one sentence for each wrong setting.
    """
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError("; ".join(_sentence(dict(e)) for e in error.errors())) from None


def _sentence(error: dict[str, object]) -> str:
    location = error["loc"]
    message = str(error["msg"]).removeprefix("Value error, ")
    if not isinstance(location, tuple) or not location:
        return message
    name = str(location[0])
    shown = name if name.isupper() else f"POURPLAN_{name.upper()}"
    value = "set (its value stays secret)" if shown in _secret_names() else f"{error['input']!r}"
    return f"{shown} is {value}: {message[0].lower()}{message[1:]}"


def _secret_names() -> set[str]:
    return {
        str(field.validation_alias or f"POURPLAN_{name.upper()}")
        for name, field in Settings.model_fields.items()
        if "SecretStr" in str(field.annotation)
    }
