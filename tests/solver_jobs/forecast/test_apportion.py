"""Whole heats add up, stay within one heat of the share, and never fall below the schedule."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from apportionment import methods as apportionment
from hypothesis import assume, given
from hypothesis import strategies as st

from solver_jobs.forecast.apportion import largest_remainder, quotas_above_floors, round_up

weights = st.lists(st.integers(0, 10_000), min_size=1, max_size=30).filter(any)
totals = st.integers(1, 500)


def quotas_of(votes: list[int], total: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([float(Fraction(vote * total, sum(votes))) for vote in votes])


@given(weights, totals)
def test_without_ties_it_is_what_the_apportionment_package_answers(votes: list[int], total: int) -> None:
    remainders = [Fraction(vote * total, sum(votes)) % 1 for vote in votes]
    assume(len({remainder for remainder in remainders if remainder}) == sum(map(bool, remainders)))
    expected = apportionment.compute("largest_remainder", votes, total, fractions=True)
    assert largest_remainder(quotas_of(votes, total), total).tolist() == expected


@given(weights, totals)
def test_heats_add_up_and_each_is_within_one_of_its_quota(votes: list[int], total: int) -> None:
    quotas = quotas_of(votes, total)
    heats = largest_remainder(quotas, total)
    assert heats.sum() == total
    assert (np.abs(heats - quotas) < 1).all()


@pytest.mark.parametrize(
    ("quotas", "heats"),
    [
        pytest.param([0.5, 2.5], [0, 3], id="to the larger quota"),
        pytest.param([1.5, 1.5], [2, 1], id="then to the first"),
        pytest.param([1 / 3, 1 / 3, 1 / 3], [1, 0, 0], id="thirds are equal though binary fractions are not"),
        pytest.param([0.1 + 0.2, 0.3, 0.4], [0, 0, 1], id="a larger remainder is no tie"),
    ],
)
def test_ties_go(quotas: list[float], heats: list[int]) -> None:
    assert largest_remainder(np.array(quotas), round(sum(quotas))).tolist() == heats


def test_a_quota_that_is_whole_but_for_the_last_bit_stays_whole() -> None:
    assert largest_remainder(np.array([3 * 0.1 * 10, 7.0]), 10).tolist() == [3, 7]
    assert round_up(np.array([3 * 0.1 * 10, 7.0])).tolist() == [3, 7]


def test_rounding_up_gives_every_grade_its_next_heat_and_none_to_a_share_of_none() -> None:
    assert round_up(np.array([0.0, 0.01, 1.0, 1.2])).tolist() == [0, 1, 1, 2]


@given(weights, st.data())
def test_floors_hold_and_the_rest_gives_way_in_proportion(votes: list[int], data: st.DataObject) -> None:
    shares = np.array(votes) / sum(votes)
    size = len(votes)
    floors = np.array(data.draw(st.lists(st.integers(0, 20), min_size=size, max_size=size)))
    total = int(floors.sum()) + data.draw(st.integers(0, 100))
    quotas = quotas_above_floors(shares, total, floors)
    assert quotas.sum() == pytest.approx(total)
    assert (quotas >= floors).all()
    free = quotas > floors
    if free.any():
        level = quotas[free] / shares[free]
        assert level == pytest.approx(np.full(level.size, level[0]))
        assert (shares[~free] * level[0] <= floors[~free] + 1e-6).all()
    assert (largest_remainder(quotas, total) >= floors).all()


def test_floors_above_the_total_are_refused() -> None:
    with pytest.raises(ValueError, match="floors of 3 heats do not fit into a total of 2"):
        quotas_above_floors(np.array([1.0]), 2, np.array([3]))
