"""Merging grades: one answers for the others from now on, with their history and their scheduled heats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from api.catalog import store as catalog
from api.database import Connection, Row
from api.demand import store
from api.relay import UserMistake

SOURCES = ("input", "gradeIds")
TARGET = ("input", "intoGradeId")


async def merge(connection: Connection, sources: Sequence[UUID], into: UUID) -> UUID:
    """Merge grades into one, and give the one that answers for them all now.

    A target that was itself merged away stands for the grade that it was merged into. Merging what is
    merged there already changes nothing.

    Raises
    ------
    UserMistake
        A grade is unknown, would be merged into itself, is merged into another one already, would lose its
        group or change it, or has tons in another unit in the same month. Nothing is changed.
    """
    held = await catalog.hold_for_merge(connection, [*sources, into])
    target = await _target(connection, held, into)
    _refuse_unknown(held, sources)
    open_sources = [key for key in sources if held[key]["merged_into_id"] != target["id"]]
    _refuse_impossible([held[key] for key in open_sources], target)
    if open_sources:
        await _refuse_other_groups(connection, [held[key] for key in open_sources], target)
        await _refuse_mixed_units(connection, [*open_sources, target["id"]])
        await store.move_to(connection, open_sources, target["id"])
        await catalog.mark_merged(connection, open_sources, target["id"])
    key: UUID = target["id"]
    return key


async def _target(connection: Connection, held: Mapping[UUID, Row], into: UUID) -> Row:
    found = await catalog.merged_into(connection, into)
    if found is None:
        raise UserMistake("NOT_FOUND", "There is no steel grade with this id in your tenant.", path=TARGET)
    if found in held:
        return held[found]
    return (await catalog.hold_for_merge(connection, [found]))[found]


def _refuse_unknown(held: Mapping[UUID, Row], sources: Sequence[UUID]) -> None:
    if not sources:
        raise UserMistake("NOTHING_TO_MERGE", "gradeIds is empty; expected at least one grade.", path=SOURCES)
    for number, key in enumerate(sources):
        if key not in held:
            raise UserMistake(
                "NOT_FOUND",
                "There is no steel grade with this id in your tenant.",
                path=(*SOURCES, str(number)),
            )


def _refuse_impossible(sources: Sequence[Row], target: Row) -> None:
    for source in sources:
        if source["id"] == target["id"]:
            raise UserMistake(
                "MERGE_INTO_ITSELF",
                f"{target['name']} would be merged into itself.",
                path=SOURCES,
                hint="Leave the grade that is to stay out of gradeIds.",
            )
        if source["merged_into_id"] is not None:
            raise UserMistake(
                "GRADE_IS_MERGED",
                f"{source['name']} was merged into another grade already, which holds its history.",
                path=SOURCES,
                hint="Merge the grade in its mergedInto instead.",
            )
        if source["product_group_id"] is not None and target["product_group_id"] is None:
            raise UserMistake(
                "TARGET_WITHOUT_GROUP",
                f"{target['name']} has no group: merged into it, {source['name']} would leave the forecasts.",
                path=TARGET,
                hint="Tell the group of the target first, with assignGradeGroup.",
            )


async def _refuse_other_groups(connection: Connection, sources: Sequence[Row], target: Row) -> None:
    for source in sources:
        keys = (source["product_group_id"], target["product_group_id"])
        if None in keys or keys[0] == keys[1]:
            continue
        groups = await catalog.groups_by_key(connection, keys)
        theirs, its = (groups[key]["name"] for key in keys)
        raise UserMistake(
            "GROUPS_DIFFER",
            f"{source['name']} is of the group {theirs}, and {target['name']} of {its}; "
            "expected grades of one group.",
            path=SOURCES,
            hint="A merge is final: check that they are one and the same steel. If so, the group of one of "
            "them is wrong: correct it first, with assignGradeGroup.",
        )


async def _refuse_mixed_units(connection: Connection, grades: Sequence[UUID]) -> None:
    found = await store.units_in_conflict(connection, grades)
    if found:
        raise UserMistake(
            "UNITS_DIFFER",
            f"The tons of {found['month']:%B %Y} can't be added up: "
            f"their units are {' and '.join(found['units'])}.",
            path=SOURCES,
            hint="Import the production of that month in one unit first.",
        )
