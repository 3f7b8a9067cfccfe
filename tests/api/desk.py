"""Somebody at work, who asks the schema as a member of a tenant, on the real database."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from graphql import GraphQLError
from strawberry.types.execution import ExecutionResult

from api.auth import Identity
from api.context import Context, Services
from api.database import Connection, Database, Notices
from api.dispatch import Dispatcher
from api.reads.execute import unpacked
from api.reports.exports import FolderExports
from api.reports.links import Links
from api.schema import schema
from api.settings import Settings
from api.workbooks.originals import FolderOriginals
from tests.database import Plant, TemporaryDatabase

BATCHES = 3
"""An answer may read the same sort of thing in a batch more or less: that is a matter of moments."""
BASE_URL = "http://127.0.0.1:8000"
POOL_SIZE = 4


@dataclass
class Postbox:
    """Stands where the dispatcher does, in tests that look at what is handed over and run no job."""

    handed_over: list[UUID] = field(default_factory=list)
    cancelled: list[UUID] = field(default_factory=list)

    async def hand_over(self, run_id: UUID) -> None:
        self.handed_over.append(run_id)

    async def cancel(self, run_id: UUID) -> None:
        self.cancelled.append(run_id)


@asynccontextmanager
async def open_services(
    database: TemporaryDatabase, folder: Path, dispatcher: Postbox | Dispatcher | None = None
) -> AsyncIterator[Services]:
    """What the service lives on, on a test's own database."""
    pool = await Database.connect(database.api_url, size=POOL_SIZE)
    try:
        async with Notices(database.api_url, "plan_runs") as notices:
            yield Services(
                settings=Settings(data=folder),
                database=pool,
                notices=notices,
                dispatcher=cast("Dispatcher", dispatcher or Postbox()),
                originals=FolderOriginals(folder / "files"),
                exports=FolderExports(folder / "exports"),
                links=Links(b"a key of tests", timedelta(minutes=10)),
            )
    finally:
        await pool.close()


@dataclass
class CountingContext(Context):
    """A context that counts the transactions that an answer took: each reads with one statement or two."""

    transactions: int = 0

    def transaction(self) -> Any:
        self.transactions += 1
        return super().transaction()

    async def read(self, statement: str, parameters: Sequence[Any]) -> Any:
        self.transactions += 1
        return await super().read(statement, parameters)


@dataclass
class Desk:
    """One user."""

    services: Services
    identity: Identity

    @property
    def context(self) -> CountingContext:
        """A new request's."""
        return CountingContext(self.services, self.identity, BASE_URL)

    async def execute(self, query: str, **variables: Any) -> ExecutionResult:
        """Answer as the schema does."""
        answer = await schema.execute(query, variable_values=variables, context_value=self.context)
        if answer.data is not None:
            answer.data = unpacked(answer.data)
        return answer

    async def follow(self, subscription: str, **variables: Any) -> AsyncGenerator[ExecutionResult, None]:
        """Each answer of a subscription."""
        events = await schema.subscribe(subscription, variable_values=variables, context_value=self.context)
        assert hasattr(events, "__aiter__"), events
        async with aclosing(events):
            async for event in events:
                if event.data is not None:
                    event.data = unpacked(event.data)
                yield event

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of an answer without errors."""
        result = await self.execute(query, **variables)
        assert result.errors is None, result.errors
        assert result.data is not None
        return result.data

    async def refusal(self, query: str, **variables: Any) -> GraphQLError:
        """The only error of an answer."""
        result = await self.execute(query, **variables)
        assert result.errors
        assert len(result.errors) == 1
        return result.errors[0]

    async def mistake(self, mutation: str, **variables: Any) -> dict[str, Any]:
        """The only user error of a mutation, which changed nothing."""
        (payload,) = (await self.ask(mutation, **variables)).values()
        (mistake,) = payload.pop("userErrors")
        assert set(payload.values()) <= {None}
        return cast("dict[str, Any]", mistake)

    async def cost(self, query: str, **variables: Any) -> int:
        """How many transactions an answer takes."""
        context = self.context
        result = await schema.execute(query, variable_values=variables, context_value=context)
        assert result.errors is None, result.errors
        return context.transactions


def desk_of(services: Services, plant: Plant, role: str) -> Desk:
    """The desk of a plant's member."""
    return Desk(services, Identity(plant.members[role], plant.slug))


PRODUCTION: Mapping[str, Mapping[str, Mapping[str, float]]] = {
    "Rebar": {
        "B500A": {"2024-06": 3000, "2024-07": 4100},
        "B500B": {"2024-06": 12000, "2024-07": 11000, "2024-08": 9050.5},
    },
    "MBQ": {"A36": {"2024-06": 1500}, "A53/C591": {"2024-08": 700}},
}
"""Tons by group, grade and month."""
ORDERS = {"Rebar": {"2024-08": 200, "2024-09": 232}, "MBQ": {"2024-09": 54}}
"""Heats by group and month."""
SCHEDULE = [
    ("2024-08-31", "22:10", "B500A", '5"'),
    ("2024-09-01", "04:00", "A36", '6 1/4"'),
    ("2024-09-01", "05:11", "A53/C592", None),
]
"""Day, start, grade, mould size; the last grade is known from here alone."""


async def lay_out(admin: Connection, plant: Plant) -> None:
    """Store a small melt shop."""
    position = 0
    for group, grades in PRODUCTION.items():
        group_id = await admin.fetchval(
            "insert into product_groups (tenant_id, name, position) values ($1, $2, $3) returning id",
            plant.id,
            group,
            position,
        )
        for grade, months in grades.items():
            position += 1
            grade_id = await add_grade(admin, plant, grade, position, group_id=group_id)
            await admin.executemany(
                "insert into steel_grade_production (tenant_id, steel_grade_id, month, tons, unit)"
                " values ($1, $2, $3, $4, 'SHORT_TON')",
                [(plant.id, grade_id, month_of(month), tons) for month, tons in months.items()],
            )
        await admin.executemany(
            "insert into product_group_monthly (tenant_id, product_group_id, month, heats)"
            " values ($1, $2, $3, $4)",
            [(plant.id, group_id, month_of(month), heats) for month, heats in ORDERS[group].items()],
        )
    await add_grade(admin, plant, "A53/C592", position + 1, suggestion="A53/C591")
    for day, start, grade, mould in SCHEDULE:
        await admin.execute(
            "insert into charge_schedule (tenant_id, scheduled_on, start_time, steel_grade_id, mould_size)"
            " select $1, $2, $3, id, $5 from steel_grades where tenant_id = $1 and name = $4",
            plant.id,
            date.fromisoformat(day),
            time.fromisoformat(start),
            grade,
            mould,
        )


async def add_grade(
    admin: Connection,
    plant: Plant,
    name: str,
    position: int,
    *,
    group_id: UUID | None = None,
    suggestion: str | None = None,
) -> UUID:
    """Store a grade; without a group it is suspect."""
    key: UUID = await admin.fetchval(
        "insert into steel_grades (tenant_id, name, position, product_group_id, suspect, suggestion)"
        " values ($1, $2, $3, $4, $4::uuid is null, $5) returning id",
        plant.id,
        name,
        position,
        group_id,
        suggestion,
    )
    return key


def month_of(text: str) -> date:
    """The first day of a month."""
    return date.fromisoformat(f"{text}-01")
