"""Changing the catalog: the group of a grade that only a schedule knew."""

from __future__ import annotations

import difflib
from uuid import UUID

import strawberry

from api.catalog import store
from api.catalog.types import SteelGrade
from api.context import Info
from api.database import Connection
from api.payloads import answers_mistakes
from api.reads.asking import stored_one
from api.relay import UserError, UserMistake, is_storable, key_of
from api.roles import Role, require


@strawberry.input(description="A grade and the group that it belongs to, told by name or by id.")
class AssignGradeGroupInput:
    """What to assign."""

    grade_id: strawberry.ID = strawberry.field(description="The steel grade.")
    group_name: str | None = strawberry.field(
        default=None, description="Exact name of the group; this or productGroupId."
    )
    product_group_id: strawberry.ID | None = strawberry.field(
        default=None, description="Id of the group; this or groupName."
    )


@strawberry.type(description="The grade in its group.")
class AssignGradeGroupPayload:
    """Answer of `assignGradeGroup`."""

    grade: SteelGrade | None = strawberry.field(
        default=None, description="The grade as it is now; null if nothing was changed."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was changed; empty if all went well."
    )


@strawberry.type
class CatalogMutations:
    """What can be changed in the catalog."""

    @strawberry.mutation(
        description="Tell the product group of a grade, so that it takes part in forecasts. For planners."
    )
    @answers_mistakes(AssignGradeGroupPayload)
    async def assign_grade_group(
        self,
        info: Info,
        input: AssignGradeGroupInput,  # noqa: A002 - the argument's name in the schema
    ) -> AssignGradeGroupPayload:
        """Put the grade into the group."""
        grade = key_of(input.grade_id, "SteelGrade", path=("input", "gradeId"))
        async with info.context.transaction() as connection:
            await require(connection, Role.PLANNER, "telling a grade's group")
            group = await _group(connection, input)
            if not await store.assign_group(connection, grade, group):
                raise await _not_assignable(connection, grade)
        return AssignGradeGroupPayload(grade=stored_one(SteelGrade, grade))


async def _group(connection: Connection, asked: AssignGradeGroupInput) -> UUID:
    if (asked.group_name is None) == (asked.product_group_id is None):
        raise UserMistake(
            "GROUP_NOT_TOLD",
            "groupName and productGroupId are both told or both missing; expected one of them.",
            path=("input",),
        )
    if asked.product_group_id is not None:
        path = ("input", "productGroupId")
        key = key_of(asked.product_group_id, "ProductGroup", path=path)
        if key not in await store.groups_by_key(connection, [key]):
            raise UserMistake(
                "NOT_FOUND", "There is no product group with this id in your tenant.", path=path
            )
        return key
    name = str(asked.group_name).strip()
    found = await store.group_by_name(connection, name) if is_storable(name) else None
    if found is None:
        raise await _unknown_group(connection, name)
    named: UUID = found["id"]
    return named


async def _unknown_group(connection: Connection, name: str) -> UserMistake:
    names = await store.group_names(connection)
    nearest = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    known = ", ".join(names[:20]) or "none yet: import a production or an order workbook first"
    return UserMistake(
        "UNKNOWN_GROUP",
        f"There is no product group named {name!r}.",
        path=("input", "groupName"),
        hint=f"Did you mean {nearest[0]!r}?" if nearest else f"Known groups: {known}.",
    )


async def _not_assignable(connection: Connection, grade: UUID) -> UserMistake:
    row = (await store.grades_by_key(connection, [grade])).get(grade)
    if row is None:
        return UserMistake(
            "NOT_FOUND", "There is no steel grade with this id in your tenant.", path=("input", "gradeId")
        )
    return UserMistake(
        "GRADE_IS_MERGED",
        f"{row['name']} was merged into another grade, which answers for it.",
        path=("input", "gradeId"),
        hint="Tell the group of the grade in mergedInto.",
    )
