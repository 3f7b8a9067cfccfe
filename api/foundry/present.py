"""The scenario that a mutation means: there, and not deleted."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from api.database import Connection, Row
from api.foundry import store
from api.relay import UserMistake

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
        raise no_scenario(path)
    if found["archived_at"] is not None:
        raise UserMistake(
            "SCENARIO_ARCHIVED",
            f"The scenario {found['name']!r} was deleted on {found['archived_at']:%Y-%m-%d}, and is kept for "
            "its runs alone.",
            path=path,
            hint="Copy it with cloneScenario, and use the copy.",
        )


def no_scenario(path: Sequence[str] = SCENARIO) -> UserMistake:
    """Tell that the caller sees no scenario under an id."""
    return UserMistake("NOT_FOUND", "There is no scenario with this id in your tenant.", path=path)
