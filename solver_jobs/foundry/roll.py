"""The state of a later Monday, had the plan been carried out as planned."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

from solver_jobs.errors import JobError
from solver_jobs.foundry.calendar import WorkCalendar
from solver_jobs.foundry.instance import delivery_lag, flask_stay, kilograms
from solver_jobs.foundry.problem import (
    FLASK_SIZES,
    ExpectedDelivery,
    FlasksInUse,
    FlaskSize,
    FoundryPlan,
    FoundryProblem,
    LoadedPattern,
    OrderProgress,
    Part,
    Pin,
    PlannedMolds,
    PourCommitted,
    Workday,
)


def roll(problem: FoundryProblem, plan: FoundryPlan, weeks: int = 1) -> FoundryProblem:
    """Make the problem of a later Monday, had the plan been carried out as planned.

    Molds of the days between are credited; they hold their flasks, wait for their metal, and are delivered
    as planned. Patterns on the line on the last of these days are loaded. What the plan says of the days to
    come is the previous plan. Orders stay, also those that are done; deliveries of the days between leave the
    list. The calendar keeps its length; week numbers that count from the planning Monday go on doing so.

    Parameters
    ----------
    problem, plan
        What was planned; the plan must keep the problem's rules (see `verify`).
    weeks
        Weeks between the two Mondays.

    Raises
    ------
    JobError
        ``ROLL_WEEKS``: `weeks` is less than 1.
        ``ROLL_FOREIGN_PLAN``: the plan has orders that the problem does not have.
    """
    if weeks < 1:
        raise JobError(
            "ROLL_WEEKS",
            f"A plan rolls on by 1 week or more, found {weeks}.",
            "Give the number of weeks to pass.",
        )
    planned = {row.order_id for row in plan.x} | {row.order_id for row in plan.y}
    strangers = planned - {order.order_id for order in problem.orders}
    if strangers:
        raise JobError(
            "ROLL_FOREIGN_PLAN",
            f"The plan has {len(strangers)} orders that the problem does not have, such as {min(strangers)}.",
            "Hand in the problem that this plan was made for.",
        )
    return _Rolling(problem, plan, weeks).problem()


class _Rolling:
    """The passing of some weeks; `done` workdays pass, which become the days before day 0."""

    def __init__(self, problem: FoundryProblem, plan: FoundryPlan, weeks: int) -> None:
        self._problem = problem
        self._plan = plan
        self._asof: date = problem.asof_date + timedelta(weeks=weeks)
        self._weeks = weeks
        self._calendar = WorkCalendar(problem.asof_date, plan.calendar_workdays, problem.holidays)
        self._done = self._calendar.index_on_or_after(self._asof)
        parts = {part.part_id: part for part in problem.parts}
        self._part: dict[str, Part] = {order.order_id: parts[order.part_id] for order in problem.orders}
        self._molded = [row for row in plan.x if row.workday_index < self._done]

    def problem(self) -> FoundryProblem:
        """Put the new problem together."""
        old = self._problem
        return old.model_copy(
            update={
                "asof_date": self._asof,
                "calendar_workdays": self._workdays(),
                "initial_order_progress": self._progress(),
                "initial_patterns_loaded": self._loaded(),
                "initial_flask_inuse": self._flasks(),
                "initial_pour_load": self._metal(),
                "expected_deliveries": self._deliveries(),
                "previous_plan": tuple(
                    PlannedMolds(
                        order_id=r.order_id, workday_index=r.workday_index - self._done, molds=r.molds
                    )
                    for r in self._plan.x
                    if r.workday_index >= self._done
                ),
                "pins": tuple(
                    Pin(order_id=r.order_id, workday_index=r.workday_index - self._done, molds=r.molds)
                    for r in old.pins
                    if r.workday_index >= self._done
                ),
                "frozen_days": max(0, old.frozen_days - self._done),
            }
        )

    def _workdays(self) -> tuple[Workday, ...] | None:
        given = len(self._problem.calendar_workdays or ())
        if not given:
            return None
        rows = self._calendar.workdays(self._done + given)
        counts_from_monday = rows[0].week_index == 0
        return tuple(
            Workday(
                workday_index=row.workday_index - self._done,
                date=row.date,
                week_index=(row.week_index or 0) - (self._weeks if counts_from_monday else 0),
            )
            for row in rows[self._done :]
        )

    def _progress(self) -> tuple[OrderProgress, ...]:
        credit: Counter[str] = Counter()
        for row in self._problem.initial_order_progress:
            credit[row.order_id] += row.molded_qty_credit
        for made in self._molded:
            credit[made.order_id] += made.molds
        return tuple(
            OrderProgress(
                asof_date=self._asof, order_id=order.order_id, molded_qty_credit=credit[order.order_id]
            )
            for order in self._problem.orders
            if credit[order.order_id]
        )

    def _loaded(self) -> tuple[LoadedPattern, ...]:
        if self._done == 0:
            return tuple(
                row.model_copy(update={"asof_date": self._asof})
                for row in self._problem.initial_patterns_loaded
            )
        last = {row.order_id for row in self._plan.y if row.workday_index == self._done - 1}
        return tuple(
            LoadedPattern(asof_date=self._asof, order_id=order.order_id, is_loaded=1)
            for order in self._problem.orders
            if order.order_id in last
        )

    def _flasks(self) -> tuple[FlasksInUse, ...]:
        held: Counter[tuple[FlaskSize, int]] = Counter()
        for row in self._problem.initial_flask_inuse:
            held[row.flask_size, row.release_workday_index - self._done] += row.qty_inuse
        for made in self._molded:
            part = self._part[made.order_id]
            held[part.flask_size, made.workday_index + flask_stay(part) - self._done] += made.molds
        return tuple(
            FlasksInUse(
                asof_date=self._asof, flask_size=size, release_workday_index=release, qty_inuse=flasks
            )
            for (size, release), flasks in sorted(
                held.items(), key=lambda item: (FLASK_SIZES.index(item[0][0]), item[0][1])
            )
            if release > 0 and flasks
        )

    def _metal(self) -> tuple[PourCommitted, ...]:
        committed: Counter[int] = Counter()
        for row in self._problem.initial_pour_load:
            committed[row.workday_index - self._done] += kilograms(row.tons_committed)
        for made in self._molded:
            kg = kilograms(self._part[made.order_id].gross_weight_ton)
            committed[made.workday_index + 1 - self._done] += made.molds * kg
        return tuple(
            PourCommitted(asof_date=self._asof, workday_index=day, tons_committed=kg / 1000)
            for day, kg in sorted(committed.items())
            if day >= 0 and kg
        )

    def _deliveries(self) -> tuple[ExpectedDelivery, ...]:
        expected: Counter[tuple[str, date]] = Counter()
        for row in self._problem.expected_deliveries:
            expected[row.order_id, row.date] += row.qty
        for made in self._molded:
            day = made.workday_index + delivery_lag(self._part[made.order_id])
            expected[made.order_id, self._calendar.date_of(day)] += made.molds
        return tuple(
            ExpectedDelivery(asof_date=self._asof, order_id=order_id, date=day, qty=qty)
            for (order_id, day), qty in sorted(expected.items())
            if day >= self._asof and qty
        )
