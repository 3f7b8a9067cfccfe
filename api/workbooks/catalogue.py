"""Groups and grades as an import learns them: found by name, made where missing, merged ones followed.

What comes of several workbooks must not depend on the order in which they arrive. Positions therefore have
two ranks: what a production history lists comes first, in its order; what only an order forecast or a
schedule knows comes after, by its place in that file. So
with spellings: a name that differs from a known one by case and runs of blanks alone is that one, and the
spelling of a history wins over that of other workbooks.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

from api.workbooks.grades import Suggestion, suggest
from api.workbooks.names import Spellings

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
        self._group_names = Spellings(self.groups)
        self._grade_names = Spellings(self.grades)
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

    def spelling_of_group(self, name: str) -> str:
        """Give the known spelling of a group's name: itself where none is known, or more than one."""
        same = self._group_names.same(name)
        return same[0] if name not in self.groups and len(same) == 1 else name

    def spelling_of_grade(self, name: str) -> str:
        """Give the known spelling of a grade's name: itself where none is known, or several grades are."""
        if name in self.grades:
            return name
        same = self._grade_names.same(name)
        if len({grade.id for grade in map(self.resolve, same) if grade}) != 1:
            return name
        return next((known for known in same if self.grades[known].merged_into_id is None), same[0])

    def grades_like(self, name: str) -> list[str]:
        """List the names, known from more than a schedule, that are easily taken for this one."""
        alike = ((known, self.resolve(known)) for known in self._grade_names.alike(name))
        return [known for known, grade in alike if grade and not grade.suspect]

    def known(self) -> dict[str, str]:
        """Map the names that are known from more than a schedule, to the grades that they stand for."""
        standing = ((name, self.resolve(name)) for name in self.grades)
        return {name: grade.name for name, grade in standing if grade and not grade.suspect}

    def suspects(self) -> list[Grade]:
        """List the grades that only schedules know, merged ones left out."""
        return [grade for grade in self.grades.values() if grade.suspect and grade.merged_into_id is None]

    def group_of_history(self, name: str) -> Group:
        """Find or make a group that a production history lists."""
        spelled = self.spelling_of_group(name)
        group = self.groups.get(spelled)
        if group is None:
            group = self._put_group(Group(uuid4(), name, self._next_group()))
        elif group.position >= SECOND_RANK:
            self._group_names.replace(spelled, name)
            del self.groups[spelled]
            group = self._put_group(replace(group, name=name, position=self._next_group()))
        return group

    def group_of_orders(self, name: str, index: int) -> Group:
        """Find or make a group that stands at this place of an order forecast."""
        group = self.groups.get(self.spelling_of_group(name))
        return group or self._put_group(Group(uuid4(), name, SECOND_RANK + index))

    def grade_of_history(self, name: str, group: Group) -> Grade:
        """Find or make the grade that a production history names in this group, and put it there."""
        spelled = self._respelled(name)
        found = self.grades.get(spelled)
        grade = self.resolve(spelled)
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
        grade = self.resolve(self.spelling_of_grade(name))
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

    def _respelled(self, name: str) -> str:
        """Let a history spell a grade that none has listed before, and give the name by which it is known."""
        spelled = self.spelling_of_grade(name)
        grade = self.grades.get(spelled)
        if grade is None or grade.position < SECOND_RANK or grade.merged_into_id or spelled == name:
            return spelled
        self._grade_names.replace(spelled, name)
        del self.grades[spelled]
        return self._put(replace(grade, name=name)).name

    def _put_group(self, group: Group) -> Group:
        self.groups[group.name] = group
        self._group_names.add(group.name)
        return group

    def _put(self, grade: Grade) -> Grade:
        self.grades[grade.name] = grade
        self._grade_names.add(grade.name)
        self._by_id[grade.id] = grade.name
        return grade

    def _next_group(self) -> int:
        return _next_position(group.position for group in self.groups.values())

    def _next_grade(self) -> int:
        return _next_position(grade.position for grade in self.grades.values())


def _next_position(positions: Iterable[int]) -> int:
    return max((position for position in positions if position < SECOND_RANK), default=-1) + 1
