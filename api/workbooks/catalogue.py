"""Groups and grades as an import learns them: found by name, made where missing, merged ones followed.

What comes of several workbooks must not depend on the order in which they arrive. Positions therefore have
two ranks: what a production history lists comes first, in its order; what only an order forecast or a
schedule knows comes after, by its place in that file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

from api.workbooks.grades import Suggestion, suggest

SECOND_RANK = 1_000_000


@dataclass(frozen=True, slots=True)
class Group:
    """A product group, as stored."""

    id: UUID
    name: str
    position: int


@dataclass(frozen=True, slots=True)
class Grade:
    """A steel grade, as stored."""

    id: UUID
    name: str
    group_id: UUID | None
    position: int
    suspect: bool = False
    suggestion: str | None = None
    merged_into_id: UUID | None = None


class Catalogue:
    """The groups and grades of a plant while a workbook is taken in."""

    def __init__(self, groups: Iterable[Group], grades: Iterable[Grade]) -> None:
        self.groups = {group.name: group for group in groups}
        self.grades = {grade.name: grade for grade in grades}
        self._by_id = {grade.id: grade.name for grade in self.grades.values()}
        self._groups_before = {group.id: group for group in self.groups.values()}
        self._grades_before = {grade.id: grade for grade in self.grades.values()}

    def resolve(self, name: str) -> Grade | None:
        """Find the grade that a name stands for, through all that was merged."""
        grade = self.grades.get(name)
        seen: set[UUID] = set()
        while grade and grade.merged_into_id and grade.id not in seen:
            seen.add(grade.id)
            grade = self.grades[self._by_id[grade.merged_into_id]]
        return grade

    def known(self) -> dict[str, str]:
        """Map the names that are known from more than a schedule, to the grades that they stand for."""
        standing = ((name, self.resolve(name)) for name in self.grades)
        return {name: grade.name for name, grade in standing if grade and not grade.suspect}

    def suspects(self) -> list[Grade]:
        """List the grades that only schedules know, merged ones left out."""
        return [grade for grade in self.grades.values() if grade.suspect and grade.merged_into_id is None]

    def group_of_history(self, name: str) -> Group:
        """Find or make a group that a production history lists."""
        group = self.groups.get(name)
        if group is None or group.position >= SECOND_RANK:
            position = _next_position(g.position for g in self.groups.values())
            group = replace(group, position=position) if group else Group(uuid4(), name, position)
            self.groups[name] = group
        return group

    def group_of_orders(self, name: str, index: int) -> Group:
        """Find or make a group that stands at this place of an order forecast."""
        return self.groups.setdefault(name, Group(uuid4(), name, SECOND_RANK + index))

    def grade_of_history(self, name: str, group: Group) -> Grade:
        """Find or make the grade that a production history names in this group, and put it there."""
        found = self.grades.get(name)
        grade = self.resolve(name)
        if grade is None:
            grade = self._put(Grade(uuid4(), name, group.id, self._next_grade()))
        elif grade.group_id is None or (found is grade and grade.group_id != group.id):
            # The group of a grade that others were merged into is told by its own name alone.
            grade = self._put(replace(grade, group_id=group.id, suspect=False, suggestion=None))
        if grade.position >= SECOND_RANK:
            grade = self._put(replace(grade, position=self._next_grade()))
        return grade

    def grade_of_schedule(self, name: str, index: int) -> Grade:
        """Find the grade, or make one that is suspect, with the place of its name in the schedule."""
        grade = self.resolve(name)
        return grade or self._put(Grade(uuid4(), name, None, SECOND_RANK + index, suspect=True))

    def suggest_for_suspects(self) -> dict[str, Suggestion]:
        """Compare all suspects with what is known now, and note what each is probably meant to be."""
        suspects = self.suspects()
        found = suggest([grade.name for grade in suspects], self.known())
        for grade in suspects:
            suggestion = found.get(grade.name)
            self._put(replace(grade, suggestion=suggestion.grade if suggestion else None))
        return found

    def new_groups(self) -> list[Group]:
        """List the groups to be inserted."""
        return [group for group in self.groups.values() if group.id not in self._groups_before]

    def changed_groups(self) -> list[Group]:
        """List the groups to be updated."""
        return [g for g in self.groups.values() if self._groups_before.get(g.id, g) != g]

    def new_grades(self) -> list[Grade]:
        """List the grades to be inserted."""
        return [grade for grade in self.grades.values() if grade.id not in self._grades_before]

    def changed_grades(self) -> list[Grade]:
        """List the grades to be updated."""
        return [g for g in self.grades.values() if self._grades_before.get(g.id, g) != g]

    def _put(self, grade: Grade) -> Grade:
        self.grades[grade.name] = grade
        self._by_id[grade.id] = grade.name
        return grade

    def _next_grade(self) -> int:
        return _next_position(grade.position for grade in self.grades.values())


def _next_position(positions: Iterable[int]) -> int:
    return max((position for position in positions if position < SECOND_RANK), default=-1) + 1
