"""`/metrics`: what an operator watches, in the text format of Prometheus."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar, cast

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from api.http.refusal import Refusal

if TYPE_CHECKING:
    from api.context import Services
    from api.database import Row

MAX_NAMES = 100
"""Clients name their operations as they like; beyond so many names all are counted as `other`."""
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

Labelled = TypeVar("Labelled", Counter, Histogram)

log = structlog.get_logger(__name__)


class Metrics:
    """The counters of one service."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._names: set[str] = set()
        self._children: dict[tuple[Any, tuple[str, ...]], Any] = {}
        self._operations = Counter(
            "pourplan_operations",
            "GraphQL operations that ended, by name, type and outcome (ok, error, timeout, internal).",
            ("operation", "type", "outcome"),
            registry=self.registry,
        )
        self._operation_seconds = Histogram(
            "pourplan_operation_seconds",
            "Seconds that a query or a mutation took.",
            ("operation", "type"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._requests = Counter(
            "pourplan_http_requests",
            "HTTP requests by route and status.",
            ("route", "status"),
            registry=self.registry,
        )
        self._request_seconds = Histogram(
            "pourplan_http_request_seconds",
            "Seconds until the answer was complete, by route; of a stream until it ended.",
            ("route",),
            buckets=_SECONDS,
            registry=self.registry,
        )

    def operation(self, name: str | None, kind: str, outcome: str, seconds: float) -> None:
        """Count an operation that has ended."""
        shown, kind = self._shown(name), kind or "none"
        self._child(self._operations, shown, kind, outcome).inc()
        if kind != "subscription":
            self._child(self._operation_seconds, shown, kind).observe(seconds)

    def request(self, route: str, status: int, seconds: float) -> None:
        """Count an HTTP request that was answered."""
        self._child(self._requests, route, str(status)).inc()
        self._child(self._request_seconds, route).observe(seconds)

    def _child(self, metric: Labelled, *labels: str) -> Labelled:
        """Find a metric's child; prometheus_client takes a lock and checks the labels each time."""
        found = self._children.get((metric, labels))
        if found is None:
            found = self._children[metric, labels] = metric.labels(*labels)
        return cast("Labelled", found)

    def _shown(self, name: str | None) -> str:
        if name is None:
            return "invalid"
        if not name:
            return "anonymous"
        if name not in self._names and (len(self._names) >= MAX_NAMES or len(name) > 100):
            return "other"
        self._names.add(name)
        return name


class _Snapshot(Collector):
    """Gauges that are read at the moment at which they are asked for."""

    def __init__(self, gauges: Iterable[Metric]) -> None:
        self._gauges = list(gauges)

    def collect(self) -> Iterator[Metric]:
        """Give what was read."""
        yield from self._gauges


async def metrics(request: Request) -> Response:
    """Answer what is counted, to loopback where nobody signs in, or to the holder of the token."""
    services: Services = request.app.state.services
    counted: Metrics = request.app.state.metrics
    token = services.settings.metrics_token
    # In a network, whatever a proxy tells of where a request comes from is worth no more than the proxy.
    loopback = not services.settings.signs_in
    if not may_read(request, token.get_secret_value() if token else None, loopback=loopback):
        return Refusal(
            401,
            "UNAUTHENTICATED",
            "Metrics are for the bearer of POURPLAN_METRICS_TOKEN, and for loopback where nobody signs in.",
            headers={"WWW-Authenticate": "Bearer"},
        ).response()
    snapshot = CollectorRegistry()
    snapshot.register(_Snapshot([*_pool(services), *await _runs(services)]))
    body = generate_latest(counted.registry) + generate_latest(snapshot)
    return Response(body, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4, "Cache-Control": "no-store"})


def may_read(request: Request, token: str | None, *, loopback: bool = True) -> bool:
    """Whether the peer brings the token, or is this machine and `loopback` is enough."""
    given = request.headers.get("authorization", "")
    if token and hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
        return True
    if not loopback:
        return False
    try:
        return request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        # A unix socket has no address; its folder's permissions say who may connect.
        return request.client is not None and request.client.host == ""


def _pool(services: Services) -> Iterator[Metric]:
    pool = services.database.pool
    yield GaugeMetricFamily("pourplan_pool_connections", "Open connections to the database.", pool.get_size())
    yield GaugeMetricFamily("pourplan_pool_idle", "Of these, the idle ones.", pool.get_idle_size())
    yield GaugeMetricFamily("pourplan_pool_limit", "How many there may be.", pool.get_max_size())


async def _runs(services: Services) -> list[Metric]:
    reached = GaugeMetricFamily("pourplan_database_up", "1 where the database answers, else 0.")
    try:
        rows = await services.dispatcher.statistics()
    except Exception as error:
        # Whatever it is, the other figures are worth more in that moment than ever.
        log.warning("statistics_unavailable", reason=type(error).__name__)
        reached.add_metric((), 0)
        return [reached]
    reached.add_metric((), 1)
    return [reached, *run_gauges(rows)]


def run_gauges(rows: Iterable[Row]) -> Iterator[Metric]:
    """Show runs by kind and status, and how long the oldest queued one of a kind, of no batch, has waited."""
    runs = GaugeMetricFamily(
        "pourplan_runs", "Stored plan runs by kind and status.", labels=("kind", "status")
    )
    age = GaugeMetricFamily(
        "pourplan_queue_age_seconds",
        "Seconds that the oldest queued run of no batch has waited, by kind; 0 without any.",
        labels=("kind",),
    )
    waited: dict[str, float] = {}
    for row in rows:
        runs.add_metric((row["kind"], row["status"]), row["runs"])
        waited.setdefault(row["kind"], 0.0)
        if row["status"] == "QUEUED":
            waited[row["kind"]] = max(0.0, row["oldest_seconds"] or 0.0)
    for kind, seconds in waited.items():
        age.add_metric((kind,), seconds)
    yield runs
    yield age
