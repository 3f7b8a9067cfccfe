"""What Prometheus reads: operations, requests, runs, the pool; for loopback or with a token."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from starlette.requests import Request

from api.dispatch import STATISTICS
from api.http.metrics import MAX_NAMES, Metrics, _Snapshot, may_read, run_gauges
from tests.api.http.serving import serving
from tests.api.http.shop import schema
from tests.database import Connection, TemporaryDatabase, add_plant, as_user, connected

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def read(text: str) -> Samples:
    """Read the text as Prometheus does."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float | None:
    return samples.get((name, frozenset(labels.items())))


async def test_operations_are_counted_by_name_type_and_outcome(
    database: TemporaryDatabase, tmp_path: Path
) -> None:
    async with serving(database, tmp_path, schema, request_seconds=0.3) as service:
        for query in (
            "query Greet { hello }",
            "query Greet { hello }",
            "query Greet { fail }",
            "query Greet { refuse }",
            "query Greet { wait(seconds: 9) }",
            "{ hello }",
            'mutation Note { note(text: "x") }',
            "query Typo { helo }",
            "{",
        ):
            await service.post(query)
        samples = read((await service.http.get("/metrics")).text)
    counted = {
        (labels["operation"], labels["type"], labels["outcome"]): found
        for (name, frozen), found in samples.items()
        if name == "pourplan_operations_total" and (labels := dict(frozen))
    }
    assert counted == {
        ("Greet", "query", "ok"): 2,
        ("Greet", "query", "internal"): 1,
        ("Greet", "query", "error"): 1,
        ("Greet", "query", "timeout"): 1,
        ("anonymous", "query", "ok"): 1,
        ("Note", "mutation", "ok"): 1,
        ("invalid", "query", "error"): 1,
        ("invalid", "none", "error"): 1,
    }
    assert value(samples, "pourplan_operation_seconds_count", operation="Greet", type="query") == 5
    assert value(samples, "pourplan_http_requests_total", route="/graphql", status="504") == 1
    assert value(samples, "pourplan_pool_limit") == 10
    assert value(samples, "pourplan_database_up") == 1


async def test_runs_and_the_age_of_the_queue(
    database: TemporaryDatabase, admin: Connection, jobs: Connection
) -> None:
    plant = await add_plant(admin)
    async with connected(database.api_url) as connection, as_user(connection, plant.planner):
        for key in ("first", "second"):
            await connection.execute("select create_run('FORECAST', '{}', date '2024-09-01', $1)", key)
    await admin.execute("update plan_runs set requested_at = now() - interval '1 hour'")
    await jobs.execute("select claim_run((select min(run_id::text)::uuid from queued_runs()))")
    registry = CollectorRegistry()
    registry.register(_Snapshot(run_gauges(await jobs.fetch(STATISTICS))))
    samples = read(generate_latest(registry).decode())
    assert value(samples, "pourplan_runs", kind="FORECAST", status="QUEUED") == 1
    assert value(samples, "pourplan_runs", kind="FORECAST", status="RUNNING") == 1
    assert 3600 <= (value(samples, "pourplan_queue_age_seconds", kind="FORECAST") or 0) < 3700
    await jobs.execute("select claim_run((select run_id from queued_runs()))")
    gauges = {gauge.name: gauge for gauge in run_gauges(await jobs.fetch(STATISTICS))}
    assert [sample.value for sample in gauges["pourplan_queue_age_seconds"].samples] == [0]


async def test_what_ifs_wait_for_their_turn_without_ageing_the_queue(
    database: TemporaryDatabase, admin: Connection, jobs: Connection
) -> None:
    plant = await add_plant(admin)
    async with connected(database.api_url) as connection, as_user(connection, plant.planner):
        scenario = await connection.fetchval(
            "insert into scenarios (tenant_id, name, asof_date)"
            " values (current_tenant_id(), 'Harbour', '2026-01-05') returning id"
        )
        told = [{"scenario_id": str(scenario), "asof_date": "2026-01-05", "what_if": {"max_patterns": 3}}]
        await connection.execute("select create_batch('Grid', $1, array['{}'::jsonb])", told)
    await admin.execute("update plan_runs set requested_at = now() - interval '5 hours'")
    assert await queue_age(jobs) == 0
    async with connected(database.api_url) as connection, as_user(connection, plant.planner):
        await connection.execute("select create_replan($1, '2026-01-05', '{}')", scenario)
    await admin.execute(
        "update plan_runs set requested_at = now() - interval '1 hour' where batch_id is null"
    )
    assert 3600 <= await queue_age(jobs) < 3700


async def queue_age(jobs: Connection) -> float:
    """The age of the replans' queue."""
    gauges = {gauge.name: gauge for gauge in run_gauges(await jobs.fetch(STATISTICS))}
    (sample,) = gauges["pourplan_queue_age_seconds"].samples
    return float(sample.value)


def test_only_so_many_names_are_told_apart() -> None:
    metrics = Metrics()
    for number in range(MAX_NAMES + 50):
        metrics.operation(f"Q{number}", "query", "ok", 0.01)
    metrics.operation("Q1", "query", "ok", 0.01)
    counted = metrics.registry.get_sample_value
    labels = {"operation": "other", "type": "query", "outcome": "ok"}
    assert counted("pourplan_operations_total", labels) == 50
    assert counted("pourplan_operations_total", {**labels, "operation": "Q1"}) == 2


def asked_by(host: str | None, headers: Iterable[tuple[bytes, bytes]] = ()) -> Request:
    client = (host, 1234) if host is not None else None
    return Request({"type": "http", "client": client, "headers": list(headers)})


@pytest.mark.parametrize(
    ("host", "given", "token", "may"),
    [
        ("127.0.0.1", None, None, True),
        ("::1", None, "secret", True),
        ("10.0.0.7", None, None, False),
        ("10.0.0.7", "Bearer ", None, False),
        ("10.0.0.7", "Bearer None", None, False),
        ("10.0.0.7", "Bearer secret", "secret", True),
        ("10.0.0.7", "Bearer wrong", "secret", False),
        ("10.0.0.7", "secret", "secret", False),
        ("elsewhere", None, None, False),
        (None, None, None, False),
    ],
)
def test_metrics_are_for_loopback_or_for_the_token(
    host: str | None, given: str | None, token: str | None, may: bool
) -> None:
    headers = [(b"authorization", given.encode())] if given else []
    assert may_read(asked_by(host, headers), token) is may


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", ""])
def test_where_people_sign_in_loopback_is_not_enough(host: str) -> None:
    """A proxy may pass on an address that its client has made up."""
    assert not may_read(asked_by(host), "secret", loopback=False)
    assert may_read(asked_by(host, [(b"authorization", b"Bearer secret")]), "secret", loopback=False)


async def test_whoever_comes_through_a_proxy_is_not_loopback(
    module_database: TemporaryDatabase, tmp_path: Path
) -> None:
    """A proxy on this machine says for whom it asks, and the server believes it."""
    async with serving(module_database, tmp_path, schema, metrics_token="secret") as running:
        far = {"X-Forwarded-For": "10.0.0.7"}
        refused = await running.http.get("/metrics", headers=far)
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"] == "Bearer"
        scraped = await running.http.get("/metrics", headers=far | {"Authorization": "Bearer secret"})
        assert scraped.status_code == 200
