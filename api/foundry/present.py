"""The scenario that a mutation means: there, and not deleted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg

from api.database import Connection, Row
from api.foundry import store
from api.payloads import NOT_THERE
from api.relay import UserMistake, node_id

SCENARIO = ("input", "scenarioId")


async def held(connection: Connection, key: UUID) -> Row:
    """Read name and asof_date of a scenario, whose data nobody else replaces until the transaction ends.

    Raises
    ------
    UserMistake
        `NOT_FOUND`, `SCENARIO_ARCHIVED`
    """
    found = await store.lock(connection, key)
    if found is None:
        await require_present(connection, key)
        raise no_scenario()
    return found


async def require_present(connection: Connection, key: UUID, path: Sequence[str] = SCENARIO) -> None:
    """Check that a scenario is there, and not kept for its runs alone.

    Raises
    ------
    UserMistake
        `NOT_FOUND`, `SCENARIO_ARCHIVED`
    """
    found = await store.standing(connection, key)
    if found is None:
        # One of several is told by its id.
        raise no_scenario(path, None if path == SCENARIO else key)
    if found["archived_at"] is not None:
        raise UserMistake(
            "SCENARIO_ARCHIVED",
            f"The scenario {found['name']!r} was deleted on {found['archived_at']:%Y-%m-%d}, and is kept for "
            "its runs alone.",
            path=path,
            hint="Copy it with cloneScenario, and use the copy.",
        )


@asynccontextmanager
async def still_present(connection: Connection, places: Mapping[UUID, Sequence[str]]) -> AsyncIterator[None]:
    """Tell with its place in the input which scenario was deleted while a run of it was queued.

    Raises
    ------
    UserMistake
        `NOT_FOUND`, `SCENARIO_ARCHIVED`
    """
    try:
        # Of its own, so that it can be asked afterwards what became of them.
        async with connection.transaction():
            yield
    except asyncpg.PostgresError as error:
        if error.sqlstate == NOT_THERE:
            for key, path in places.items():
                await require_present(connection, key, path)
        raise


def no_scenario(path: Sequence[str] = SCENARIO, key: UUID | None = None) -> UserMistake:
    """Tell that the caller sees no scenario under an id, which is named where it is given."""
    named = "this id" if key is None else f"the id {node_id('Scenario', key)}"
    return UserMistake("NOT_FOUND", f"There is no scenario with {named} in your tenant.", path=path)
