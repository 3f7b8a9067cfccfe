"""Puts the features' queries, mutations and subscriptions together: the one module that knows them all."""

from __future__ import annotations

import strawberry
from strawberry.schema.config import StrawberryConfig

from api.catalog.mutations import CatalogMutations
from api.catalog.queries import CatalogQueries
from api.demand.mutations import DemandMutations
from api.demand.queries import DemandQueries
from api.foundry.mutations import FoundryMutations
from api.foundry.queries import FoundryQueries
from api.foundry.table_mutations import FoundryTableMutations
from api.foundry.tidying_mutations import TidyingMutations
from api.members.mutations import MemberMutations
from api.members.queries import MemberQueries
from api.planning.batch_mutations import BatchMutations
from api.planning.monday_mutations import MondayMutations
from api.planning.mutations import PlanningMutations
from api.planning.queries import PlanningQueries
from api.planning.replan_mutations import ReplanMutations
from api.planning.replan_types import ReplanRun
from api.planning.subscriptions import PlanningSubscriptions
from api.planning.types import ForecastRun
from api.reads.execute import ReadingExecutor, read_by_statements
from api.reads.mapping import AnyNode, read
from api.relay import Node
from api.scalars import SCALARS
from api.tenants.mutations import TenantMutations
from api.tenants.queries import TenantQueries
from api.workbooks.mutations import WorkbookMutations
from api.workbooks.queries import WorkbookQueries


@strawberry.type(
    description="What can be read. Everything is of the caller's tenant, and nothing else is seen."
)
class Query(
    TenantQueries,
    MemberQueries,
    CatalogQueries,
    DemandQueries,
    FoundryQueries,
    PlanningQueries,
    WorkbookQueries,
):
    """All queries."""

    node: Node | None = read(
        AnyNode(), description="Anything that has an id; null where the caller sees nothing under it."
    )
    nodes: list[Node | None] = read(
        AnyNode(many=True),
        description="Several things by their ids, in the same order; null where nothing is seen.",
    )


@strawberry.type(
    description="What can be changed. A mistake in the input comes back in `userErrors` and changes nothing."
)
class Mutation(
    WorkbookMutations,
    CatalogMutations,
    DemandMutations,
    FoundryMutations,
    FoundryTableMutations,
    TidyingMutations,
    PlanningMutations,
    ReplanMutations,
    BatchMutations,
    MondayMutations,
    TenantMutations,
    MemberMutations,
):
    """All mutations."""


@strawberry.type(description="What can be followed while it happens.")
class Subscription(PlanningSubscriptions):
    """All subscriptions."""


schema = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=[ForecastRun, ReplanRun],
    execution_context_class=ReadingExecutor,
    config=StrawberryConfig(scalar_map=SCALARS),
)
"""The schema; `pourplan schema` writes it as SDL."""

reads = read_by_statements(schema)
"""How the schema reads what is stored."""
