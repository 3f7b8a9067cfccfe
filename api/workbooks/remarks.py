"""What is said of a workbook that is compared with what the plant knows: each remark once, at its cell."""

from __future__ import annotations

from collections.abc import Collection

from api.wording import counted
from api.workbooks.messages import CellMessage, Code, Severity


class Remarks:
    """Collects the messages of one comparison."""

    def __init__(self) -> None:
        self.messages: list[CellMessage] = []
        self._spellings: set[tuple[str, str, str]] = set()

    def spelled_differently(
        self, what: str, name: str, known: str, meant: str, sheet: str, cell: str, *, cells: int = 1
    ) -> None:
        """Tell that a name differs from a known one by case or blanks alone, and is now named `meant`."""
        if (sheet, what, name) in self._spellings:
            return
        self._spellings.add((sheet, what, name))
        if meant == name:
            message = (
                f"The {what} {known!r} of another workbook is spelled {name!r} here, and is named so now."
            )
            hint = f"Correct {known!r} in the workbook that it came from."
        else:
            merged = "" if meant == known else f", which was merged into {meant!r}"
            message = (
                f"The {what} {name!r} differs by case or blanks alone from {known!r} and is taken for it"
            )
            message = f"{message}{merged}."
            hint = (
                f"Correct the spelling in the workbook; if it is a {what} of its own, give it a name that "
                "differs by more than case and blanks."
            )
        self._say(
            Severity.WARNING,
            Code.NAME_SPELLED_DIFFERENTLY,
            sheet,
            cell,
            message,
            hint,
            about=name,
            cells=cells,
        )

    def similar(self, what: str, name: str, like: str, sheet: str, cell: str) -> None:
        """Ask about a new name that is probably a slip of the pen."""
        is_grade = what == "grade"
        self._say(
            Severity.WARNING,
            Code.GRADE_SIMILAR if is_grade else Code.GROUP_SIMILAR,
            sheet,
            cell,
            f"The {what} {name!r} is new and much like {like!r}; it is stored as a {what} of its own.",
            f"If {like!r} is meant, correct the name and import again"
            f"{f'; what was stored meanwhile can be merged into {like}' if is_grade else ''}.",
        )

    def contradiction(self, what: str, sheet: str, cell: str) -> None:
        """Refuse two different things about one figure or heat."""
        self._say(
            Severity.ERROR,
            Code.CONTRADICTION,
            sheet,
            cell,
            f"Two sheets or tables of the workbook say different things about {what}.",
            "Correct or remove one of them.",
        )

    def unit_changed(
        self, unit: str, others: Collection[str], replaced: int, *, kept: bool, sheet: str
    ) -> None:
        """Ask about figures in another unit than those stored, of which so many are replaced."""
        stored = " and ".join(_unit_in_words(other) for other in sorted(others))
        fate = (
            "both are kept as they are"
            if not replaced
            else f"the file replaces {counted(replaced, 'figure')} of these, the others are kept as they are"
            if kept
            else f"the file replaces all of these ({counted(replaced, 'figure')})"
        )
        self._say(
            Severity.WARNING,
            Code.UNIT_CHANGED,
            sheet,
            None,
            f"The figures are in {_unit_in_words(unit)}, but production is stored in {stored}; {fate}.",
            "If the title names the wrong unit, correct it and import again"
            f"{'; else import all months in one unit' if kept else ''}.",
        )

    def merged(self, name: str, into: str, what: str, sheet: str, cell: str) -> None:
        """Tell that a name stands for the grade that it was merged into."""
        self._say(
            Severity.INFO, Code.MERGED_GRADE, sheet, cell, f"{name} was merged into {into}; its {what}.", None
        )

    def group_assigned(self, name: str, group: str, sheet: str, cell: str) -> None:
        """Tell that a history told the group of a grade that had none."""
        message = f"{name}, known from a schedule until now, belongs to {group}."
        self._say(Severity.INFO, Code.GROUP_ASSIGNED, sheet, cell, message, None)

    def group_changed(self, name: str, old: str, new: str, sheet: str, cell: str) -> None:
        """Ask about a grade that a history puts into another group."""
        self._say(
            Severity.WARNING,
            Code.GROUP_CHANGED,
            sheet,
            cell,
            f"{name} belonged to {old} and belongs to {new} now, with all its history.",
            "If that is a mistake, correct the group in the workbook and import again.",
        )

    def dragged(self, name: str, heats: int, origin: str, sheet: str, cell: str) -> None:
        """Ask about a scheduled name that only counts on from another."""
        self._say(
            Severity.WARNING,
            Code.FILL_HANDLE,
            sheet,
            cell,
            f"{name} ({counted(heats, 'heat')}) is no known grade: it counts on from {origin}, like a cell "
            "dragged by its fill handle.",
            f"Probably {origin} is meant: correct the workbook and import it again, or merge such grades "
            f"into {origin}. Until then they have no group and stay outside forecasts.",
            about=name,
            cells=heats,
        )

    def unknown_grade(self, name: str, heats: int, meant: str | None, sheet: str, cell: str) -> None:
        """Ask about a scheduled name that is in no history."""
        self._say(
            Severity.WARNING,
            Code.UNKNOWN_GRADE,
            sheet,
            cell,
            f"{name} ({counted(heats, 'heat')}) is in no production history: "
            "stored without a group, outside forecasts.",
            f"Perhaps {meant} is meant: merge {name} into it; or assign its group if it is new."
            if meant
            else f"Assign the group of {name}, or merge it into the right grade.",
        )

    def no_known_grades(self, grades: int, sheet: str) -> None:
        """Tell that a schedule came before any history."""
        self._say(
            Severity.WARNING,
            Code.NO_KNOWN_GRADES,
            sheet,
            None,
            "No grade is known yet; "
            f"{counted(grades, 'grade of the schedule is', 'grades of the schedule are')} stored without a "
            "group.",
            "Import the production history: it tells the groups of its grades, before or after the schedule.",
        )

    def replaced(self, figures: int, heats: int, removed: int) -> None:
        """Tell how much of what is stored is replaced or removed."""
        gone = "heat of these days is no longer scheduled and is removed"
        all_gone = "heats of these days are no longer scheduled and are removed"
        told = ((figures, *_differ("figure")), (heats, *_differ("heat")), (removed, gone, all_gone))
        said = [counted(count, one, many) for count, one, many in told if count]
        if said:
            self._say(Severity.INFO, Code.REPLACED, "", None, f"{'; '.join(said)}.", None)

    def _say(
        self,
        severity: Severity,
        code: Code,
        sheet: str,
        cell: str | None,
        message: str,
        hint: str | None,
        *,
        about: str | None = None,
        cells: int = 1,
    ) -> None:
        self.messages.append(CellMessage(severity, sheet, cell, code, message, hint, about, cells))


def _differ(what: str) -> tuple[str, str]:
    return (
        f"{what} differs from the stored one and replaces it",
        f"{what}s differ from those stored and replace them",
    )


def _unit_in_words(unit: str) -> str:
    return {"SHORT_TON": "short tons", "LONG_TON": "long tons", "TONNE": "tonnes"}.get(
        unit, "tons (not told which)"
    )
