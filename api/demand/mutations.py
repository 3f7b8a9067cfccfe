"""Changing what grades stand for in history and schedule."""

from __future__ import annotations

import strawberry

from api.catalog.types import SteelGrade
from api.context import Info
from api.demand.merging import SOURCES, TARGET, merge
from api.payloads import answers_mistakes
from api.reads.asking import stored_one
from api.relay import MAX_PAGE, UserError, UserMistake, key_of
from api.roles import Role, require


@strawberry.input(description="Grades that are one and the same, and the one that is to stay.")
class MergeGradesInput:
    """What to merge."""

    grade_ids: list[strawberry.ID] = strawberry.field(
        description=f"The grades to merge away, {MAX_PAGE} at most; workbooks may go on naming them."
    )
    into_grade_id: strawberry.ID = strawberry.field(
        description="The grade that stays; one that was merged away stands for the grade it was merged into."
    )


@strawberry.type(description="The grade that stays.")
class MergeGradesPayload:
    """Answer of `mergeGrades`."""

    grade: SteelGrade | None = strawberry.field(
        default=None,
        description="The grade that stays, with the history of all; null if nothing was changed.",
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was changed; empty if all went well."
    )


@strawberry.type
class DemandMutations:
    """What can be changed in history and schedule."""

    @strawberry.mutation(
        description="Merge grades into one: their history (tons of the same month add up) and their "
        "scheduled heats become its own. For planners. Results of earlier runs stay as they are. A merge is "
        "final: nothing splits the grades again. Grades of different groups are not merged."
    )
    @answers_mistakes(MergeGradesPayload)
    async def merge_grades(
        self,
        info: Info,
        input: MergeGradesInput,  # noqa: A002 - the argument's name in the schema
    ) -> MergeGradesPayload:
        """Merge the grades."""
        if len(input.grade_ids) > MAX_PAGE:
            raise UserMistake(
                "TOO_MANY",
                f"gradeIds has {len(input.grade_ids)} grades; expected {MAX_PAGE} at most.",
                path=SOURCES,
            )
        into = key_of(input.into_grade_id, "SteelGrade", path=TARGET)
        sources = [
            key_of(value, "SteelGrade", path=(*SOURCES, str(number)))
            for number, value in enumerate(input.grade_ids)
        ]
        async with info.context.transaction() as connection:
            await require(connection, Role.PLANNER, "merging grades")
            target = await merge(connection, list(dict.fromkeys(sources)), into)
        return MergeGradesPayload(grade=stored_one(SteelGrade, target))
