"""The simulated Monday keeps its laws: every run once, never too many containers, nothing lost or made up."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.monday_queue import Assumptions, Effort, Monday

EFFORTS = {
    "small": Effort(
        prepare=0.02, seconds=(5.0, 7.5, 11.0), beat_seconds=1.0, claim=0.002, beat=0.001, finish=0.01
    ),
    "large": Effort(prepare=0.3, seconds=(60.5, 61.0), beat_seconds=1.5, claim=0.01, beat=0.002, finish=0.4),
}
AT_ONCE = Assumptions(
    instances=1_000,
    boot_seconds=(0, 0),
    start_seconds=0,
    hand_over_seconds=0,
    ask_seconds=0,
    database_cores=1_000,
)
FREE = Effort(prepare=0, seconds=(10.0,), beat_seconds=1e9, claim=0, beat=0, finish=0)


def played(requested: list[tuple[float, str]], assumptions: Assumptions, seed: int = 1) -> Monday:
    monday = Monday(requested, EFFORTS, assumptions, seed)
    monday.play()
    return monday


@st.composite
def mondays(draw: st.DrawFn) -> Monday:
    requested = draw(
        st.lists(st.tuples(st.floats(0, 600), st.sampled_from(sorted(EFFORTS))), min_size=1, max_size=60)
    )
    assumptions = Assumptions(
        instances=draw(st.integers(1, 4)),
        max_containers=draw(st.integers(1, 20)),
        boot_seconds=(draw(st.floats(0, 5)), draw(st.floats(5, 30))),
        idle_seconds=draw(st.floats(0.5, 120)),
        hand_over_seconds=draw(st.floats(0, 2)),
        hand_overs_at_once=draw(st.integers(1, 8)),
        ask_seconds=draw(st.floats(0, 1)),
        asked_at_once=draw(st.integers(1, 30)),
        database_cores=draw(st.integers(1, 4)),
    )
    return Monday(requested, EFFORTS, assumptions, seed=draw(st.integers(0, 99)))


@settings(max_examples=60, deadline=None)
@given(mondays())
def test_every_run_is_done_once_in_the_order_of_things(monday: Monday) -> None:
    monday.play()
    for run in monday.runs:
        assert run.claims == 1
        assert run.queued is not None
        assert run.handed_over is not None
        assert run.claimed is not None
        assert run.finished is not None
        assert run.requested <= run.queued <= run.handed_over <= run.claimed
        effort = EFFORTS[run.kind]
        assert run.finished - run.claimed >= min(effort.seconds) + effort.finish - 1e-6


@settings(max_examples=60, deadline=None)
@given(mondays())
def test_there_are_never_more_containers_than_allowed_and_none_is_left(monday: Monday) -> None:
    monday.play()
    assert 1 <= monday.containers.most <= monday._given.max_containers
    assert monday.containers.now == 0
    events = sorted(
        [(run.claimed or 0.0, 1) for run in monday.runs] + [(run.finished or 0.0, -1) for run in monday.runs]
    )
    working = 0
    for _, change in events:
        working += change
        assert working <= monday._given.max_containers


@settings(max_examples=60, deadline=None)
@given(mondays())
def test_nothing_is_lost_or_made_up(monday: Monday) -> None:
    monday.play()
    many = len(monday.runs)
    calls = monday.database.calls
    assert (calls["hand over"], calls["claim"], calls["finish"]) == (many, many, many)
    assert sum(calls.values()) == sum(monday.database.by_second.values())
    assert monday.containers.working_seconds <= monday.containers.seconds
    worked = sum((run.finished or 0.0) - (run.claimed or 0.0) for run in monday.runs)
    assert worked <= monday.containers.working_seconds + 1e-6
    end = max(run.finished or 0.0 for run in monday.runs)
    assert monday.database.busy_seconds <= monday._given.database_cores * (end + 1)


@pytest.mark.parametrize(("runs", "containers", "seconds"), [(1, 1, 10), (10, 1, 100), (100, 7, 150)])
def test_runs_of_one_length_take_as_many_rounds_as_they_must(
    runs: int, containers: int, seconds: float
) -> None:
    monday = Monday([(0.0, "x")] * runs, {"x": FREE}, replace(AT_ONCE, max_containers=containers))
    monday.play()
    assert max(run.finished or 0.0 for run in monday.runs) == pytest.approx(seconds)
    assert monday.containers.started == min(runs, containers)
    assert monday.containers.working_seconds == pytest.approx(10 * runs)


def test_the_same_seed_is_the_same_monday() -> None:
    requested = [(0.0, "small"), (0.0, "large")] * 20
    first, again, other = (played(requested, Assumptions(), seed) for seed in (1, 1, 2))
    assert first.runs == again.runs
    assert first.runs != other.runs


@pytest.mark.parametrize(("instances", "seconds"), [(1, 100), (4, 25)])
def test_instances_prepare_side_by_side(instances: int, seconds: float) -> None:
    efforts = {"x": replace(FREE, prepare=1.0)}
    monday = Monday([(0.0, "x")] * 100, efforts, replace(AT_ONCE, instances=instances))
    monday.play()
    assert max(run.queued or 0.0 for run in monday.runs) == pytest.approx(seconds)


def test_handing_over_one_by_one_holds_many_containers_back() -> None:
    requested = [(0.0, "small")] * 100
    slow = replace(AT_ONCE, max_containers=100, hand_over_seconds=1.0)
    last = {n: max(r.handed_over or 0 for r in played(requested, replace(slow, hand_overs_at_once=n)).runs)
            for n in (1, 10)}  # fmt: skip
    assert last == {1: pytest.approx(100, abs=1), 10: pytest.approx(10, abs=1)}


def test_asking_for_calls_one_by_one_holds_up_what_is_new() -> None:
    requested = [(0.0, "large")] * 300 + [(40.0, "small")]
    busy = replace(AT_ONCE, max_containers=1, ask_seconds=0.1)
    late = {n: played(requested, replace(busy, asked_at_once=n)).runs[-1] for n in (1, 20)}
    waited = {n: (run.handed_over or 0.0) - run.requested for n, run in late.items()}
    assert waited[1] > 10
    assert waited[20] < 2


def test_a_database_that_is_too_slow_shows_as_silence() -> None:
    requested = [(0.0, "large")] * 50
    good = played(requested, replace(AT_ONCE, max_containers=50))
    slow = {"large": replace(EFFORTS["large"], beat=1.0)}
    bad = Monday(requested, slow, replace(AT_ONCE, max_containers=50, database_cores=1))
    bad.play()
    assert max(run.longest_silence for run in good.runs) < 2
    assert max(run.longest_silence for run in bad.runs) > 10
