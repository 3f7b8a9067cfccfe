"""Puts the features' queries, mutations and subscriptions together: the one module that knows them all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, TypeAlias
from uuid import UUID

import strawberry
from strawberry.schema.config import StrawberryConfig

from api.catalog.mutations import CatalogMutations
from api.catalog.queries import CatalogQueries
from api.catalog.types import product_group, steel_grade
from api.context import Context, Info
from api.demand.mutations import DemandMutations
from api.demand.queries import DemandQueries
from api.planning.mutations import PlanningMutations
from api.planning.queries import PlanningQueries
from api.planning.subscriptions import PlanningSubscriptions
from api.planning.types import RUN_TYPES, run_by_key
from api.relay import MAX_PAGE, Node, UserMistake, bad_request, parse_node_id
from api.scalars import SCALARS
from api.tenants.mutations import TenantMutations
from api.tenants.queries import TenantQueries, tenant_node
from api.workbooks.mutations import WorkbookMutations
from api.workbooks.queries import WorkbookQueries, workbook_import

NodeReader: TypeAlias = Callable[[Context, UUID], Awaitable[Node | None]]

NODE_READERS: Mapping[str, NodeReader] = {
    "ProductGroup": product_group,
    "SteelGrade": steel_grade,
    "Tenant": tenant_node,
    "WorkbookImport": workbook_import,
    **dict.fromkeys((shown.__name__ for shown in RUN_TYPES.values()), run_by_key),
}
"""How anything with an id is read by it, by the name of its type."""

NodeId = Annotated[strawberry.ID, strawberry.argument(description="Its id, as a query answered it.")]
NodeIds = Annotated[list[strawberry.ID], strawberry.argument(description=f"Their ids, {MAX_PAGE} at most.")]


async def read_node(context: Context, node_id: str) -> Node | None:
    """Read anything by its id; None where the caller sees nothing under it.

    Raises
    ------
    GraphQLError
        `INVALID_ID`: it is not one of our ids.
    """
    try:
        type_name, key = parse_node_id(node_id)
    except UserMistake as mistake:
        raise bad_request(mistake.message, mistake.code, hint=mistake.hint) from None
    read = NODE_READERS.get(type_name)
    return await read(context, key) if read else None


@strawberry.type(
    description="What can be read. Everything is of the caller's tenant, and nothing else is seen."
)
class Query(TenantQueries, CatalogQueries, DemandQueries, PlanningQueries, WorkbookQueries):
    """All queries."""

    @strawberry.field(description="Anything that has an id; null where the caller sees nothing under it.")
    async def node(self, info: Info, id: NodeId) -> Node | None:  # noqa: A002 - the schema's name
        """Read one node."""
        return await read_node(info.context, id)

    @strawberry.field(
        description="Several things by their ids, in the same order; null where nothing is seen."
    )
    async def nodes(self, info: Info, ids: NodeIds) -> list[Node | None]:
        """Read several nodes."""
        if len(ids) > MAX_PAGE:
            raise bad_request(f"ids has {len(ids)} ids; expected {MAX_PAGE} at most.")
        return list(await asyncio.gather(*(read_node(info.context, node_id) for node_id in ids)))


@strawberry.type(
    description="What can be changed. A mistake in the input comes back in `userErrors` and changes nothing."
)
class Mutation(WorkbookMutations, CatalogMutations, DemandMutations, PlanningMutations, TenantMutations):
    """All mutations."""


@strawberry.type(description="What can be followed while it happens.")
class Subscription(PlanningSubscriptions):
    """All subscriptions."""


schema = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=list(RUN_TYPES.values()),
    config=StrawberryConfig(scalar_map=SCALARS),
)
"""The schema; `pourplan schema` writes it as SDL."""
