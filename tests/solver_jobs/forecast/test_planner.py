"""The rules of the forecast, one by one, mostly on September 2024 of a real melt shop."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from solver_jobs.errors import JobError
from solver_jobs.forecast.planner import ForecastError, solve
from solver_jobs.forecast.problem import ForecastProblem, ForecastResult, GradeForecast
from solver_jobs.forecast.verify import verify
from tests.solver_jobs.forecast.plants import ORDERS, TONS, heats_on, melt_shop, melt_shop_rows, noisy_plant


def answer(problem: ForecastProblem) -> ForecastResult:
    result = solve(problem)
    assert verify(problem, result) == []
    return result


def by_grade(result: ForecastResult) -> dict[str, GradeForecast]:
    return {row.grade: row for row in result.heats}


def by_group(result: ForecastResult) -> dict[str, int]:
    return {row.group: row.forecast_heats for row in result.groups}


def orders(**heats: int) -> list[dict[str, Any]]:
    return [{"group": group, "month": "2024-09", "heats": count} for group, count in heats.items()]


def warnings_with(result: ForecastResult, words: str) -> list[str]:
    return [warning for warning in result.warnings if words in warning]


class TestSeptember:
    def test_groups_add_up_to_the_order_book(self) -> None:
        result = answer(melt_shop())
        assert by_group(result) == ORDERS
        assert sum(row.heats for row in result.heats) == 318

    def test_scheduled_grades_without_production_are_made(self) -> None:
        grades = by_grade(answer(melt_shop()))
        assert grades["C35"].heats >= 1
        assert grades["C40"].heats >= 1
        assert (grades["B500B"].committed_heats, grades["B500B"].heats >= 11) == (11, True)

    def test_heats_of_august_are_no_floor(self) -> None:
        grades = by_grade(answer(melt_shop()))
        assert (grades["A53/C591"].committed_heats, grades["B500A"].committed_heats) == (0, 0)

    def test_dragged_grades_of_august_are_not_listed_for_september(self) -> None:
        assert answer(melt_shop()).unassigned == ()

    def test_the_default_method_is_used_and_said(self) -> None:
        result = answer(melt_shop())
        assert (result.method, result.scores) == ("discounted 0.75", ())
        assert warnings_with(result, "the default method 'discounted 0.75' is used, untested on this plant")

    def test_grades_with_heats_come_first_then_the_rest_of_them(self) -> None:
        result = answer(melt_shop())
        made = [row for row in result.heats if row.heats > 0]
        assert list(result.heats[: len(made)]) == made
        assert [row.group for row in made] == sorted((row.group for row in made), key=list(ORDERS).index)
        assert sorted(row.grade for row in result.heats) == sorted(
            grade for grades in TONS.values() for grade in grades
        )

    def test_rounding_every_mean_of_non_zero_months_up_answers_362_heats_and_no_c35(self) -> None:
        naive = {
            grade: -(-sum(series) // (100 * max(1, sum(map(bool, series)))))
            for grades in TONS.values()
            for grade, series in grades.items()
        }
        assert (sum(naive.values()), naive["C35"]) == (362, 0)


class TestShares:
    def test_months_of_zero_count(self) -> None:
        history = [
            {"group": "G", "grade": "often", "month": f"2024-0{month}", "tons": 1000} for month in range(1, 9)
        ] + [{"group": "G", "grade": "once", "month": "2024-02", "tons": 1000}]
        grades = by_grade(answer(melt_shop(history=history, orders=orders(G=100), schedule=[])))
        assert 0 < grades["once"].share < 0.15

    def test_recent_months_weigh_more(self) -> None:
        history = [
            {"group": "G", "grade": grade, "month": f"2024-0{month}", "tons": tons}
            for month, old in ((5, 900), (6, 900), (7, 100), (8, 100))
            for grade, tons in (("leaving", old), ("coming", 1000 - old))
        ]
        grades = by_grade(answer(melt_shop(history=history, orders=orders(G=100), schedule=[])))
        assert grades["coming"].heats > 50 > grades["leaving"].heats > 10

    def test_history_of_the_month_and_later_is_left_aside(self) -> None:
        rows = melt_shop_rows()["history"]
        late = [
            {"group": "SBQ", "grade": "C35", "month": month, "tons": 9000} for month in ("2024-09", "2024-10")
        ]
        result = answer(melt_shop(history=[*rows, *late]))
        assert result.heats == answer(melt_shop()).heats
        assert warnings_with(result, "History of 2024-09, 2024-10 was left aside")

    def test_rows_of_one_grade_and_month_are_added_up(self) -> None:
        rows = melt_shop_rows()["history"]
        halves = [row | {"tons": row["tons"] / 2} for row in rows for _ in range(2)]
        assert answer(melt_shop(history=halves)) == answer(melt_shop())

    def test_a_month_without_any_row_is_unknown_not_zero(self) -> None:
        rows = [row for row in melt_shop_rows()["history"] if row["month"] != "2024-07"]
        result = answer(melt_shop(history=rows))
        assert warnings_with(result, "no row for 2024-07: such a month counts as not recorded, not as zero")

    def test_an_old_history_is_said(self) -> None:
        result = answer(melt_shop(month="2024-12", orders=[], schedule=[]))
        assert warnings_with(result, "ends with 2024-08, 4 months before 2024-12")

    def test_the_unit_of_a_heat_cancels_out_of_the_shares(self) -> None:
        heavy = [row | {"tons": row["tons"] * 1.5} for row in melt_shop_rows()["history"]]
        result = answer(melt_shop(history=heavy, heat_tons=150.0))
        assert [row.heats for row in result.heats] == [row.heats for row in answer(melt_shop()).heats]
        assert result.heats[0].tons == result.heats[0].heats * 150.0


class TestBacktest:
    @pytest.mark.parametrize(("months", "tested"), [(7, False), (8, True)])
    def test_six_origins_are_needed_to_choose_a_method(self, months: int, tested: bool) -> None:
        result = answer(ForecastProblem.model_validate(noisy_plant(1, months)))
        assert bool(result.scores) is tested
        assert bool(warnings_with(result, "fewer than 6")) is not tested

    @pytest.mark.parametrize(("months", "seasonal"), [(12, False), (13, True)])
    def test_a_seasonal_method_takes_part_from_thirteen_months_on(self, months: int, seasonal: bool) -> None:
        result = answer(ForecastProblem.model_validate(noisy_plant(1, months)))
        assert ("seasonal" in {score.method for score in result.scores}) is seasonal

    def test_the_scores_name_every_candidate_the_best_first(self) -> None:
        result = answer(ForecastProblem.model_validate(noisy_plant(2, 24)))
        scores = [score.misallocated_share for score in result.scores]
        assert scores == sorted(scores)
        assert result.method in {score.method for score in result.scores}
        assert {
            "last share",
            "mean share",
            "discounted 0.65",
            "discounted 0.75",
            "seasonal",
            "TSB 0.2",
            "weighted by past error",
        } <= {score.method for score in result.scores}


class TestFloors:
    def test_a_schedule_above_the_order_forecast_wins_and_says_by_how_much(self) -> None:
        result = answer(melt_shop(schedule=heats_on("2024-09-02", *["C35"] * 9, *["S355J"] * 4)))
        assert by_group(result)["SBQ"] == 13
        assert {row.grade: row.heats for row in result.heats if row.group == "SBQ"} == {
            "C35": 9,
            "S355J": 4,
            "C40": 0,
            "S235JR": 0,
        }
        assert warnings_with(
            result, "holds 13 heats for 2024-09 (C35 9, S355J 4), 3 above the order forecast of 10"
        )

    def test_a_floor_takes_from_the_others_in_proportion(self) -> None:
        grades = by_grade(answer(melt_shop(schedule=heats_on("2024-09-02", *["B500C"] * 132))))
        assert grades["B500C"].heats == 132
        free = by_grade(answer(melt_shop(schedule=[])))
        assert grades["B500A"].share / grades["B500B"].share == pytest.approx(
            free["B500A"].share / free["B500B"].share
        )

    def test_idle_times_are_no_heats(self) -> None:
        assert answer(melt_shop(schedule=heats_on("2024-09-02", "-"))).unassigned == ()

    def test_a_group_whose_order_forecast_is_zero_makes_what_is_scheduled(self) -> None:
        result = answer(melt_shop(orders=orders(Rebar=0, MBQ=0, SBQ=0, CHQ=0)))
        assert by_group(result) == {"Rebar": 11, "MBQ": 0, "SBQ": 2, "CHQ": 0}


class TestWithoutOrderForecast:
    def test_the_groups_own_history_is_forecast_and_said(self) -> None:
        result = answer(melt_shop(orders=orders(Rebar=232, MBQ=54, CHQ=22), schedule=[]))
        assert by_group(result)["SBQ"] == 7
        assert {row.group: row.ordered_heats for row in result.groups}["SBQ"] is None
        assert warnings_with(
            result, "Group 'SBQ' has no order forecast for 2024-09: its 7 heats are forecast"
        )

    def test_an_order_forecast_of_another_month_does_not_count(self) -> None:
        earlier = [{"group": group, "month": "2024-08", "heats": 500} for group in ORDERS]
        result = answer(melt_shop(orders=earlier, schedule=[]))
        assert all(row.ordered_heats is None for row in result.groups)
        assert by_group(result)["SBQ"] == 7

    def test_a_schedule_of_the_whole_month_is_counted(self) -> None:
        weekdays = [day for day in range(2, 31) if date(2024, 9, day).isoweekday() < 6]
        idle = [row for day in weekdays for row in heats_on(f"2024-09-{day:02}", "-")]
        month = [*heats_on("2024-09-01", "C35", "C40"), *idle, *heats_on("2024-09-30", "C40")]
        result = answer(melt_shop(orders=[], schedule=month))
        assert {row.grade: row.heats for row in result.heats if row.heats} == {"C40": 2, "C35": 1}
        assert warnings_with(result, "which covers the whole month")

    def test_days_that_the_schedule_leaves_open_are_forecast(self) -> None:
        idle = [row for day in range(4, 15, 4) for row in heats_on(f"2024-09-{day:02}", "-")]
        half = [*heats_on("2024-09-01", "C35"), *idle, *heats_on("2024-09-15", "C40")]
        result = answer(melt_shop(orders=[], schedule=half))
        whole = by_group(answer(melt_shop(orders=[], schedule=[])))
        assert by_group(result)["Rebar"] == pytest.approx(whole["Rebar"] / 2, abs=1)
        assert by_grade(result)["C35"].heats == 1
        assert warnings_with(result, "for the 15 days that the charge schedule leaves open")

    def test_two_schedules_far_apart_leave_the_days_between_open(self) -> None:
        ends = [*heats_on("2024-09-01", "C35"), *heats_on("2024-09-30", "C40")]
        result = answer(melt_shop(orders=[], schedule=ends))
        whole = by_group(answer(melt_shop(orders=[], schedule=[])))
        assert by_group(result)["Rebar"] == pytest.approx(whole["Rebar"] * 28 / 30, abs=1)
        assert warnings_with(result, "for the 28 days that the charge schedule leaves open")

    def test_a_covered_day_without_a_row_is_closed(self) -> None:
        days = [f"2024-09-{day:02}" for day in range(1, 16)]
        result = answer(melt_shop(orders=[], schedule=heats_on("2024-09-01", "C35"), schedule_days=days))
        assert warnings_with(result, "for the 15 days that the charge schedule leaves open")
        assert by_grade(result)["C35"].committed_heats == 1

    @pytest.mark.parametrize(
        ("outside", "first", "open_days"),
        [
            pytest.param("2024-08-29", "2024-09-02", 28, id="a rest across the beginning"),
            pytest.param("2024-08-28", "2024-09-02", 29, id="a gap across the beginning"),
            pytest.param("2024-10-03", "2024-09-29", 28, id="a rest across the end"),
            pytest.param("2024-10-04", "2024-09-29", 29, id="a gap across the end"),
        ],
    )
    def test_days_beyond_the_month_tell_a_rest_from_a_gap(
        self, outside: str, first: str, open_days: int
    ) -> None:
        result = answer(melt_shop(orders=[], schedule=heats_on(first, "C35"), schedule_days=[outside, first]))
        assert warnings_with(result, f"for the {open_days} days that the charge schedule leaves open")

    def test_a_group_without_history_counts_its_schedule(self) -> None:
        result = answer(
            melt_shop(
                history=[],
                grades=[{"grade": grade, "group": "SBQ"} for grade in ("C35", "C40")],
                orders=[],
            )
        )
        assert by_group(result) == {"SBQ": 2}
        assert warnings_with(result, "only its 2 scheduled heats are counted, for it has no history")


class TestWithoutHistory:
    def test_heats_beyond_the_schedule_are_spread_evenly_and_said(self) -> None:
        new = [{"grade": grade, "group": "New"} for grade in ("N1", "N2", "N3")]
        result = answer(
            melt_shop(
                grades=new, orders=orders(**ORDERS, New=9), schedule=heats_on("2024-09-03", *["N1"] * 5)
            )
        )
        assert [by_grade(result)[grade].heats for grade in ("N1", "N2", "N3")] == [5, 2, 2]
        assert warnings_with(
            result, "Group 'New' has no production history before 2024-09: its 4 heats beyond"
        )

    def test_an_ordered_group_without_any_grade_is_told_not_lost(self) -> None:
        result = answer(melt_shop(orders=orders(**ORDERS, New=9)))
        group = next(row for row in result.groups if row.group == "New")
        assert (group.ordered_heats, group.forecast_heats) == (9, 0)
        assert warnings_with(result, "Group 'New' has an order forecast of 9 heats for 2024-09 but no grade")

    def test_a_problem_without_any_grade_is_refused(self) -> None:
        with pytest.raises(ForecastError, match="No grade is known for 2024-09") as refused:
            solve(melt_shop(history=[], schedule=[]))
        assert isinstance(refused.value, JobError)
        assert (refused.value.code, refused.value.hint is not None) == ("NOTHING_TO_FORECAST", True)


class TestUnassigned:
    def test_strangers_stay_outside_the_totals_with_what_was_probably_meant(self) -> None:
        dragged = heats_on("2024-09-02", *(f"A53/C{number}" for number in range(591, 601)), "C 40", "X")
        result = answer(melt_shop(schedule=dragged))
        assert {row.grade: (row.heats, row.suggestion) for row in result.unassigned} == {
            **{f"A53/C{number}": (1, "A53/C591") for number in range(592, 601)},
            "C 40": (1, "C40"),
            "X": (1, None),
        }
        assert by_group(result) == ORDERS
        assert warnings_with(result, "11 scheduled heats of 2024-09 belong to grades without a group")

    def test_a_run_is_recognised_by_days_of_other_months_too(self) -> None:
        schedule = [
            *heats_on("2024-08-31", *(f"A53/C{number}" for number in range(592, 600))),
            *heats_on("2024-09-01", "A53/C600"),
        ]
        result = answer(melt_shop(schedule=schedule))
        assert [(row.grade, row.suggestion) for row in result.unassigned] == [("A53/C600", "A53/C591")]

    def test_a_plant_that_knows_no_grade_yet_gets_its_schedule_back(self) -> None:
        result = answer(melt_shop(history=[], orders=[], schedule=heats_on("2024-09-01", "C35", "C35")))
        assert (result.heats, [(row.grade, row.heats) for row in result.unassigned]) == ((), [("C35", 2)])


class TestRoundUp:
    def test_every_grade_gets_the_next_heat_and_the_excess_is_said(self) -> None:
        result = answer(melt_shop(rounding="ROUND_UP"))
        exact = by_grade(answer(melt_shop()))
        for row in result.heats:
            assert 0 <= row.heats - row.share * ORDERS[row.group] < 1
            assert row.heats >= exact[row.grade].heats
        total = sum(row.heats for row in result.heats)
        assert total > 318
        assert warnings_with(result, f"{total} heats in all, {total - 318} above the order book of 318")

    def test_a_grade_never_made_gets_none(self) -> None:
        assert by_grade(answer(melt_shop(rounding="ROUND_UP")))["60W"].heats == 0


class TestIntervals:
    def test_a_steady_group_has_narrower_intervals_than_an_erratic_one(self) -> None:
        def width(erratic: bool) -> int:
            history = [
                {
                    "group": "G",
                    "grade": grade,
                    "month": f"{2023 + month // 12}-{month % 12 + 1:02d}",
                    "tons": 5000 + sign * (4000 if erratic and month % 3 else 100),
                }
                for month in range(20)
                for grade, sign in (("a", 1 - 2 * (month % 2)), ("b", 2 * (month % 2) - 1))
            ]
            row = answer(melt_shop(history=history, orders=orders(G=100), schedule=[])).heats[0]
            return row.high - row.low

        assert width(erratic=False) < 25 < width(erratic=True)

    def test_the_only_grade_of_a_group_has_no_interval(self) -> None:
        history = [{"group": "G", "grade": "a", "month": "2024-08", "tons": 500}]
        row = answer(melt_shop(history=history, orders=orders(G=7), schedule=[])).heats[0]
        assert (row.low, row.heats, row.high) == (7, 7, 7)

    def test_an_uncertain_total_widens_it(self) -> None:
        history = [
            {"group": "G", "grade": "a", "month": f"2024-0{month}", "tons": 500 * month}
            for month in range(1, 9)
        ]
        row = answer(melt_shop(history=history, orders=[], schedule=[])).heats[0]
        assert row.low < row.heats < row.high

    def test_a_very_large_group_is_bounded_too(self) -> None:
        result = answer(melt_shop(orders=orders(Rebar=90_000, MBQ=54, SBQ=10, CHQ=22)))
        row = by_grade(result)["B500B"]
        assert row.low < row.heats < row.high <= 90_000


def test_whoever_listens_may_stop_it() -> None:
    class StopError(Exception):
        pass

    heard: list[float] = []

    def listen(_phase: str, percent: float) -> None:
        heard.append(percent)
        if percent >= 50:
            raise StopError

    with pytest.raises(StopError):
        solve(melt_shop(), progress=listen)
    assert heard == sorted(heard)


def test_a_schedule_of_another_month_covers_nothing() -> None:
    august = [
        {"date": date(2024, 8, day).isoformat(), "start_time": "04:00", "grade": "C35", "mould_size": None}
        for day in (1, 31)
    ]
    assert by_group(answer(melt_shop(orders=[], schedule=august))) == by_group(
        answer(melt_shop(orders=[], schedule=[]))
    )
