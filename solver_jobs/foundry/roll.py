"""The state of a later Monday, had the plan been carried out as planned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
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


def roll(
    problem: FoundryProblem, plan: FoundryPlan, weeks: int = 1, retired: Mapping[str, Part] | None = None
) -> FoundryProblem:
    """Make the problem of a later Monday, had the plan been carried out as planned.

    Molds of the days between are credited; they hold their flasks, wait for their metal, and are delivered
    as planned. Patterns on the line on the last of these days are loaded. What the plan says of the days to
    come is the previous plan. Orders stay, also those that are done; deliveries of the days between leave the
    list. The calendar keeps its length; week numbers that count from the planning Monday go on doing so.

    The problem may have changed since it was planned. Its calendar decides: nothing was molded on a day that
    is no workday there, and what was molded cools and is delivered by its workdays.

    Parameters
    ----------
    problem, plan
        What was planned; the plan must keep the problem's rules (see `verify`).
    weeks
        Weeks between the two Mondays.
    retired
        Parts of the orders that the plan has and the problem has no more. Their molds still hold flasks and
        wait for metal; nothing else is left of them.

    Raises
    ------
    JobError
        ``ROLL_WEEKS``: `weeks` is less than 1.
        ``ROLL_FOREIGN_PLAN``: the plan has orders that neither the problem nor `retired` has.
    """
    if weeks < 1:
        raise JobError(
            "ROLL_WEEKS",
            f"A plan rolls on by 1 week or more, found {weeks}.",
            "Give the number of weeks to pass.",
        )
    rolling = _Rolling(problem, plan, weeks, retired or {})
    strangers = orders_of(plan) - rolling.known
    if strangers:
        raise JobError(
            "ROLL_FOREIGN_PLAN",
            f"The plan has {len(strangers)} orders that the problem does not have, such as {min(strangers)}.",
            "Hand in the problem that this plan was made for.",
        )
    return rolling.problem()


def orders_of(plan: FoundryPlan) -> frozenset[str]:
    """Ids of the orders of which a plan has molds or pattern days."""
    return frozenset({row.order_id for row in plan.x} | {row.order_id for row in plan.y})


class _Rolling:
    """The passing of some weeks; `done` workdays pass, which become the days before day 0."""

    def __init__(
        self, problem: FoundryProblem, plan: FoundryPlan, weeks: int, retired: Mapping[str, Part]
    ) -> None:
        self._problem = problem
        self._plan = plan
        self._asof: date = problem.asof_date + timedelta(weeks=weeks)
        self._weeks = weeks
        self._calendar = WorkCalendar.of(problem)
        self._done = self._calendar.index_on_or_after(self._asof)
        parts = {part.part_id: part for part in problem.parts}
        self._orders = {order.order_id for order in problem.orders}
        self._part = {**retired, **{order.order_id: parts[order.part_id] for order in problem.orders}}
        self._planned_days = WorkCalendar(problem.asof_date, plan.calendar_workdays, problem.holidays)
        self._molded = [
            (row.order_id, self._index(row.workday_index), row.molds)
            for row in plan.x
            if self._passed(row.workday_index)
        ]
        """Order, workday and molds of the days that have passed."""

    @property
    def known(self) -> frozenset[str]:
        """Ids of the orders whose part is known."""
        return frozenset(self._part)

    def problem(self) -> FoundryProblem:
        """Put the new problem together."""
        old = self._problem
        return old.model_copy(
            update={
                # Remarks on a Monday say nothing of a later one.
                "meta": None,
                "asof_date": self._asof,
                "calendar_workdays": self._workdays(),
                "initial_order_progress": self._progress(),
                "initial_patterns_loaded": self._loaded(),
                "initial_flask_inuse": self._flasks(),
                "initial_pour_load": self._metal(),
                "expected_deliveries": self._deliveries(),
                "previous_plan": self._previous(),
                "pins": tuple(
                    Pin(order_id=r.order_id, workday_index=r.workday_index - self._done, molds=r.molds)
                    for r in old.pins
                    if r.workday_index >= self._done
                ),
                "frozen_days": max(0, old.frozen_days - self._done),
            }
        )

    def _passed(self, planned: int) -> bool:
        """Whether a day of the plan has passed as a workday."""
        day = self._planned_days.date_of(planned)
        return day < self._asof and self._calendar.date_of(self._index(planned)) == day

    def _index(self, planned: int) -> int:
        """Give the workday on which, or next after which, a day of the plan falls."""
        return self._calendar.index_on_or_after(self._planned_days.date_of(planned))

    def _previous(self) -> tuple[PlannedMolds, ...]:
        ahead: Counter[tuple[int, str]] = Counter()
        for row in self._plan.x:
            if row.order_id in self._orders and self._planned_days.date_of(row.workday_index) >= self._asof:
                ahead[self._index(row.workday_index) - self._done, row.order_id] += row.molds
        return tuple(
            PlannedMolds(order_id=order_id, workday_index=day, molds=molds)
            for (day, order_id), molds in ahead.items()
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
        for order_id, _, molds in self._molded:
            credit[order_id] += molds
        return tuple(
            OrderProgress(
                asof_date=self._asof, order_id=order.order_id, molded_qty_credit=credit[order.order_id]
            )
            for order in self._problem.orders
            if credit[order.order_id]
        )

    def _loaded(self) -> tuple[LoadedPattern, ...]:
        days = self._planned_days.index_on_or_after(self._asof)
        passed = [day for day in range(days) if self._passed(day)]
        if not passed:
            return tuple(
                row.model_copy(update={"asof_date": self._asof})
                for row in self._problem.initial_patterns_loaded
                if row.order_id in self._orders
            )
        last = {row.order_id for row in self._plan.y if row.workday_index == passed[-1]}
        return tuple(
            LoadedPattern(asof_date=self._asof, order_id=order.order_id, is_loaded=1)
            for order in self._problem.orders
            if order.order_id in last
        )

    def _flasks(self) -> tuple[FlasksInUse, ...]:
        held: Counter[tuple[FlaskSize, int]] = Counter()
        for row in self._problem.initial_flask_inuse:
            held[row.flask_size, row.release_workday_index - self._done] += row.qty_inuse
        for order_id, day, molds in self._molded:
            part = self._part[order_id]
            held[part.flask_size, day + flask_stay(part) - self._done] += molds
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
        for order_id, day, molds in self._molded:
            kg = kilograms(self._part[order_id].gross_weight_ton)
            committed[day + 1 - self._done] += molds * kg
        return tuple(
            PourCommitted(asof_date=self._asof, workday_index=day, tons_committed=kg / 1000)
            for day, kg in sorted(committed.items())
            if day >= 0 and kg
        )

    def _deliveries(self) -> tuple[ExpectedDelivery, ...]:
        expected: Counter[tuple[str, date]] = Counter()
        for row in self._problem.expected_deliveries:
            expected[row.order_id, row.date] += row.qty
        for order_id, day, molds in self._molded:
            expected[order_id, self._calendar.date_of(day + delivery_lag(self._part[order_id]))] += molds
        return tuple(
            ExpectedDelivery(asof_date=self._asof, order_id=order_id, date=day, qty=qty)
            for (order_id, day), qty in sorted(expected.items())
            if day >= self._asof and qty and order_id in self._orders
        )
