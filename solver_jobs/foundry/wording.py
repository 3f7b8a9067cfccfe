"""How days, numbers and names are said in a planner's sentences."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def say_day(day: date, year: int) -> str:
    """Say a day, such as "3 September"; with its year where it is not the plan's."""
    text = f"{day.day} {_MONTHS[day.month - 1]}"
    return text if day.year == year else f"{text} {day.year}"


def say_span(first: date, last: date, year: int) -> str:
    """Say days from one to another, such as "3 to 9 September"."""
    if first == last:
        return say_day(first, year)
    if (first.month, first.year) == (last.month, last.year):
        return f"{first.day} to {say_day(last, year)}"
    return f"{say_day(first, year)} to {say_day(last, year)}"


def say_days(indices: Sequence[int], dates: Sequence[date], year: int, most: int = 3) -> str:
    """Say workdays by ascending index, such as "3 to 9 and 12 September"; weekends don't break a span."""
    spans: list[tuple[int, int]] = []
    for index in indices:
        if spans and spans[-1][1] == index - 1:
            spans[-1] = spans[-1][0], index
        else:
            spans.append((index, index))
    if len(spans) > most:
        return f"{len(indices)} of the days from {say_span(dates[indices[0]], dates[indices[-1]], year)}"
    edges: list[tuple[date, date]] = []
    for first, last in spans:
        apart = last - first == 1  # two days are named both
        edges += [(dates[d], dates[d]) for d in (first, last)] if apart else [(dates[first], dates[last])]
    return _say_spans(edges, year)


def _say_spans(spans: Sequence[tuple[date, date]], year: int) -> str:
    """Say spans of days; a month is named once for those that end in it one after the other."""
    said = []
    for k, (first, last) in enumerate(spans):
        following = spans[k + 1] if k + 1 < len(spans) else None
        if following is None or len({(day.year, day.month) for day in (first, last, *following)}) > 1:
            said.append(say_span(first, last, year))
        else:
            said.append(str(first.day) if first == last else f"{first.day} to {last.day}")
    return say_list(said)


def say_list(items: Sequence[str]) -> str:
    """Say items as "a, b and c"."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def say_some(items: Sequence[str], most: int = 3) -> str:
    """Say the first items, and how many more there are."""
    if len(items) <= most + 1:
        return say_list(items)
    return f"{', '.join(items[:most])} and {len(items) - most} more"


def say_count(many: float, noun: str) -> str:
    """Say a number with its noun, such as "1 unit" or "1,200 units"."""
    text = f"{many:,.0f}" if many == round(many) else f"{many:,.1f}"
    return f"{text} {noun}" if many == 1 else f"{text} {noun}s"
