"""Where in a mutation's input a mistake lies that was found in the problem that it makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from strawberry.utils.str_converters import to_camel_case

Path = tuple[str, ...]
Place = Callable[[Path], Path]
"""From the path of a finding in the problem to the path within the input: empty where none of its fields
is meant."""


def same_place(path: Path) -> Path:
    """Give the place in an input that is the problem itself."""
    return path


def among_rows(problem: Mapping[str, Any], table: str, key: str, names: Sequence[str]) -> Place:
    """Make the place in an input that has a table's changed rows; what is about none of them is about all.

    Parameters
    ----------
    problem
        The problem with the changed rows.
    table, key
        The table, as problem and input call it, and the column that names its rows.
    names
        The rows' names, in the order of the input.
    """
    given = {name.strip(): str(position) for position, name in enumerate(names)}

    def place(path: Path) -> Path:
        found = _row(problem, path).get(key)
        position = given.get(found.strip()) if isinstance(found, str) else None
        if position is None:
            return (table,)
        return (table, position, *(map(to_camel_case, path[2:]) if path[0] == table else ()))

    return place


def among_tables(fields: Mapping[str, str | None]) -> Place:
    """Make the place in an input that has whole tables, or single values.

    Parameters
    ----------
    fields
        The input's fields by what the problem calls them; None: not given.
    """

    def place(path: Path) -> Path:
        field = fields.get(path[0]) if path else None
        return (field, *map(to_camel_case, path[1:])) if field else ()

    return place


def _row(problem: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
    """Give the row of the problem that a path leads to or into; an empty one where it leads to none."""
    rows = problem.get(path[0]) if path else None
    if not isinstance(rows, list) or len(path) < 2 or not path[1].isdigit() or int(path[1]) >= len(rows):
        return {}
    row = rows[int(path[1])]
    return row if isinstance(row, Mapping) else {}


def name_of(problem: object, path: Path) -> str | None:
    """Name the order or part whose row a path leads into; None where it is the name that is meant."""
    row = _row(problem, path) if isinstance(problem, Mapping) else {}
    key, what = ("part_id", "part") if path[:1] == ("parts",) else ("order_id", "order")
    name = row.get(key)
    return (
        f"{what} {name.strip()[:60]}" if isinstance(name, str) and name.strip() and key not in path else None
    )
