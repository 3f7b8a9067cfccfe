"""What one plan changes against another, over the days that both plan."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast
from uuid import UUID

import strawberry

from api.context import Context
from api.foundry.types import Order
from api.reads.asking import Ask, ByKeys
from api.relay import asked_key, bad_request

# The replans $1 (now) and $2 (before), where both have plans that the caller sees; $3: how many these are.
# Orders are known by their names, so that plans of a scenario and its copy compare. Of an order that only one
# of the scenarios has, that one's is told. Late is an order also by units that are molded already; one that
# was late and is molded in between is no longer late only if its delivery is known to be on time.
COMPARISON = """
with days as materialized (
    select date from plan_days where run_id = $1
    intersect
    select date from plan_days where run_id = $2
),
now as materialized (
    select p.date, p.order_id, p.order_key, p.molds_molded
    from plan_daily_order as p join days using (date) where p.run_id = $1
),
before as materialized (
    select p.date, p.order_id, p.order_key, p.molds_molded
    from plan_daily_order as p join days using (date) where p.run_id = $2
),
late_now as materialized (
    select order_id, order_key from order_status where run_id = $1 and late_qty + credit_late_qty > 0
),
late_before as materialized (
    select order_id, order_key from order_status where run_id = $2 and late_qty + credit_late_qty > 0
)
select
    exists (select from days) as comparable,
    (
        select ceil(
            coalesce(sum(abs(coalesce(n.molds_molded, 0) - coalesce(b.molds_molded, 0))), 0) / 2.0)::int
        from now as n full join before as b on n.date = b.date and n.order_id = b.order_id
    ) as molds_moved,
    array(select order_key from late_now where order_id not in (select order_id from late_before)
          order by order_id) as newly_late,
    array(select coalesce(s.order_key, b.order_key)
          from late_before as b
          left join order_status as s on s.run_id = $1 and s.order_id = b.order_id
          where b.order_id not in (select order_id from late_now)
            and (s.order_id is null or s.remaining_qty > 0 or s.completion_date <= s.due_date)
          order by b.order_id) as no_longer_late,
    array(select distinct on (order_id) order_key from now
          where order_id not in (select order_id from before) order by order_id) as patterns_added,
    array(select distinct on (b.order_id) coalesce(s.order_key, b.order_key)
          from before as b
          left join order_status as s on s.run_id = $1 and s.order_id = b.order_id
          where b.order_id not in (select order_id from now)
          order by b.order_id) as patterns_removed
where (select count(*) from replans where run_id in ($1, $2)) = $3
"""


@strawberry.type(
    description="What a plan changes against another one, over the days that both plan; orders are known by "
    "their names."
)
class PlanComparison:
    """The differences between two plans."""

    molds_moved: int = strawberry.field(
        description="Half of the sum of |difference| of molds over orders and days, rounded up."
    )
    newly_late: list[Order] = strawberry.field(
        description="Orders that are late now and were not; units already molded count."
    )
    no_longer_late: list[Order] = strawberry.field(
        description="Orders that were late and are not now; not those that were molded late in between."
    )
    patterns_added: list[Order] = strawberry.field(description="Orders that are molded now and were not.")
    patterns_removed: list[Order] = strawberry.field(description="Orders that were molded and are not now.")


async def compare(context: Context, now: UUID, before_id: str) -> PlanComparison:
    """Compare a run with another.

    Raises
    ------
    GraphQLError
        `NO_PLAN`: one of them has no plan that the caller sees. `NO_COMMON_DAYS`
    """
    before = asked_key(before_id, "ReplanRun", path=("runId",))
    async with context.transaction() as connection:
        row = await connection.fetchrow(COMPARISON, now, before, len({now, before}))
        if row is None:
            raise bad_request(
                "Two plans are compared; one of the two runs has none, or is not in your tenant.",
                "NO_PLAN",
                path=["runId"],
                hint="Take runs that have SUCCEEDED.",
            )
        if not row["comparable"]:
            raise bad_request(
                "The two plans have no working day in common, over which they could be compared.",
                "NO_COMMON_DAYS",
                path=["runId"],
                hint="Take runs whose plans overlap, such as those of two Mondays in a row.",
            )
    return PlanComparison(
        molds_moved=row["molds_moved"],
        newly_late=_orders(row["newly_late"]),
        no_longer_late=_orders(row["no_longer_late"]),
        patterns_added=_orders(row["patterns_added"]),
        patterns_removed=_orders(row["patterns_removed"]),
    )


def _orders(keys: Sequence[UUID]) -> list[Order]:
    """Stand for stored orders, which are read when they are told."""
    return cast("list[Order]", Ask(ByKeys(("Order",) * len(keys), tuple(keys))))
