"""Working days from a weekly pattern, the holidays of a country or region, closures and extra shifts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from typing import Any

import holidays

from api.relay import UserMistake
from solver_jobs.foundry.findings import Finding, warning

MOST_WEEKS = 260
USUAL_WEEKS = 52
_DAY = timedelta(days=1)
_BEYOND = 2
"""Years after the calendar whose holidays are kept, for plans that reach beyond it."""


class Weekday(Enum):
    """Days of the week."""

    MONDAY = 1
    TUESDAY = 2
    WEDNESDAY = 3
    THURSDAY = 4
    FRIDAY = 5
    SATURDAY = 6
    SUNDAY = 7


@dataclass(frozen=True, slots=True)
class WorkPattern:
    """When a foundry works.

    Attributes
    ----------
    weekdays
        Days of the week on which it works.
    country, region
        ISO 3166 codes whose public holidays are free, such as DE and BY; without a country there are none.
    closures
        First and last days of closures.
    extra_days
        Days on which it works all the same.
    """

    weekdays: Collection[Weekday]
    country: str | None = None
    region: str | None = None
    closures: Sequence[tuple[date, date]] = ()
    extra_days: Sequence[date] = ()


def calendar_of(pattern: WorkPattern, asof: date, weeks: int) -> dict[str, Any]:
    """Make `calendar_workdays` of some weeks from a Monday on, and `holidays` for the time beyond.

    Parameters
    ----------
    pattern
        When the foundry works.
    asof
        The planning Monday.
    weeks
        Weeks of the calendar; its weeks count from 0.

    Raises
    ------
    UserMistake
        `COUNTRY_MISSING`, `COUNTRY_UNKNOWN`, `REGION_UNKNOWN`, `NO_WORKDAYS`

    See Also
    --------
    mistakes_in : All that is wrong about what is asked for, to be told at once before.
    """
    end, beyond = _ends(asof, weeks)
    free = public_holidays(pattern.country, pattern.region, asof.year, beyond.year)
    closed = {day for first, last in pattern.closures for day in _span(max(first, asof), min(last, beyond))}
    works = {weekday.value for weekday in pattern.weekdays}
    extra = set(pattern.extra_days)
    days = [
        day
        for day in _span(asof, end - _DAY)
        if day in extra or (day.isoweekday() in works and day not in free and day not in closed)
    ]
    if not days:
        closed_all = any(day.isoweekday() in works and day not in free for day in _span(asof, end - _DAY))
        raise UserMistake(
            "NO_WORKDAYS",
            f"No day of the {weeks} weeks from {asof} is a working day"
            f"{': the foundry is closed on all that would be' if closed_all else ''}.",
            path=("input", "closures" if closed_all else "weekdays"),
            hint="Shorten the closures."
            if closed_all
            else "Name the days of the week on which the foundry works.",
        )
    return {
        "calendar_workdays": [
            {"workday_index": index, "date": day.isoformat(), "week_index": (day - asof).days // 7}
            for index, day in enumerate(days)
        ],
        "holidays": sorted(
            day.isoformat()
            for day in (free | closed).difference(days)
            if day >= asof and day.isoweekday() < 6
        ),
    }


def mistakes_in(pattern: WorkPattern, weeks: int) -> list[UserMistake]:
    """Tell all that is wrong about a calendar that is asked for, before it is made."""
    country = _country_mistake(pattern.country, pattern.region)
    found = [country] if country else []
    if not 1 <= weeks <= MOST_WEEKS:
        found.append(
            UserMistake(
                "WEEKS_OUT_OF_RANGE",
                f"weeks is {weeks}; expected 1 to {MOST_WEEKS}.",
                path=("input", "weeks"),
                hint=f"Ask for 1 to {MOST_WEEKS} weeks, or leave weeks out for {USUAL_WEEKS}.",
            )
        )
    return [*found, *_closures_backwards(pattern.closures)]


def _closures_backwards(closures: Sequence[tuple[date, date]]) -> Iterator[UserMistake]:
    for position, (first, final) in enumerate(closures):
        if first > final:
            yield UserMistake(
                "CLOSURE_BACKWARDS",
                f"A closure lasts from {first} to {final}; expected its first day first.",
                path=("input", "closures", str(position)),
                hint="Exchange the two days.",
            )


def oddities_of(pattern: WorkPattern, asof: date, weeks: int) -> list[Finding]:
    """Tell the closures and extra days that change nothing in the calendar, and the days that are both."""
    end, beyond = _ends(asof, weeks)
    last = end - _DAY
    found = [
        warning(
            "CLOSURE_OUTSIDE",
            f"The closure from {first} to {final} lies outside of the calendar, {asof} to {last}.",
            ("closures", position),
            "It counts only in a plan that reaches beyond the calendar; correct its days if they were meant "
            "for this one."
            if last < first <= beyond
            else "It changes nothing; correct its days if it was meant.",
        )
        for position, (first, final) in enumerate(pattern.closures)
        if final < asof or first > last
    ]
    for position, day in enumerate(pattern.extra_days):
        if not asof <= day <= last:
            found.append(
                warning(
                    "EXTRA_DAY_OUTSIDE",
                    f"The extra day {day} lies outside of the calendar, {asof} to {last}.",
                    ("extraDays", position),
                    "It changes nothing; correct it, or ask for more weeks.",
                )
            )
        elif any(first <= day <= final for first, final in pattern.closures):
            found.append(
                warning(
                    "EXTRA_DAY_IN_CLOSURE",
                    f"{day} is an extra day, and one of a closure.",
                    ("extraDays", position),
                    "The extra day counts: it is a working day.",
                )
            )
    return found


def why_free(pattern: WorkPattern, asof: date, weeks: int, day: date) -> tuple[tuple[str, ...], str]:
    """Tell why a day is no working day: the field of the input that says so, and a clause for people."""
    for position, (first, last) in enumerate(pattern.closures):
        if first <= day <= last:
            return ("closures", str(position)), f"it lies in the closure from {first} to {last}"
    if day in public_holidays(pattern.country, pattern.region, day.year, day.year):
        return ("country",), "it is a public holiday"
    end, _ = _ends(asof, weeks)
    if day >= end:
        return ("weeks",), f"beyond the calendar's {weeks} weeks, the foundry works from Monday to Friday"
    return ("weekdays",), f"it is a {day:%A}, on which the foundry does not work"


def _ends(asof: date, weeks: int) -> tuple[date, date]:
    """Give the day after a calendar, and the last one of which holidays are kept."""
    end = asof + timedelta(weeks=weeks)
    return end, date(end.year + _BEYOND, 12, 31)


def public_holidays(country: str | None, region: str | None, first_year: int, last_year: int) -> set[date]:
    """Give the public holidays of a country or region, by the package `holidays`.

    Raises
    ------
    UserMistake
        `COUNTRY_MISSING`, `COUNTRY_UNKNOWN`, `REGION_UNKNOWN`
    """
    mistake = _country_mistake(country, region)
    if mistake:
        raise mistake
    if country is None:
        return set()
    years = range(first_year, last_year + 1)
    subdivision = region.strip() if region else None
    return set(holidays.country_holidays(country.strip().upper(), subdiv=subdivision, years=years))


def _country_mistake(country: str | None, region: str | None) -> UserMistake | None:
    """Tell what is wrong about a country and its region, if anything."""
    if country is None:
        if region is None:
            return None
        return UserMistake(
            "COUNTRY_MISSING",
            f"region is {region!r}, and there is no country; expected the country that the region is of.",
            path=("input", "country"),
            hint="Name the country, such as DE, or leave the region out.",
        )
    known = holidays.list_supported_countries(include_aliases=False)
    code = country.strip().upper()
    if code not in known:
        return UserMistake(
            "COUNTRY_UNKNOWN",
            f"country is {country!r}; expected one of the {len(known)} ISO 3166 codes such as DE, NL, US.",
            path=("input", "country"),
            hint="Look the two-letter code up, or name the free days as closures.",
        )
    if region is not None and region.strip() not in known[code]:
        return UserMistake(
            "REGION_UNKNOWN",
            f"region is {region!r}; expected for {code}: {', '.join(known[code]) or 'none'}.",
            path=("input", "region"),
            hint="Use one of these codes, or leave the region out.",
        )
    return None


def _span(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + number * _DAY
