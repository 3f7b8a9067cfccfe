"""Scenarios, parts and orders of a foundry as the schema shows them, and where they are stored."""

from __future__ import annotations

from datetime import date, datetime
from enum import Enum
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from api.catalog.types import ProductGroup
from api.foundry.store import PROBLEM_OF
from api.reads.mapping import Column, One, Page, Table, read, rising, stored
from api.relay import Connection, Node, described_enum


@described_enum("Size of a flask; every part fits one.", {"S": "Small.", "M": "Medium.", "L": "Large."})
class FlaskSize(Enum):
    """Sizes of flasks."""

    S = "S"
    M = "M"
    L = "L"


@stored(Table("parts"))
@strawberry.type(description="What is molded: one mold makes one part.")
class Part(Node):
    """A part of a scenario."""

    key: strawberry.Private[UUID]
    part_id: str = strawberry.field(description="Its name, unique in the scenario.")
    flask_size: FlaskSize = strawberry.field(description="Size of the flasks that it is molded in.")
    cool_hours: float = strawberry.field(
        description="Hours from pour to shakeout; rounded up to whole working days."
    )
    finish_hours: float = strawberry.field(
        description="Hours of finishing; rounded up to whole working days."
    )
    gross_weight_ton: float = strawberry.field(description="Metal poured into one mold, in tons.")
    alloy: str | None = strawberry.field(description="Its alloy, if told.")
    active: bool = strawberry.field(
        description="False for a part that is not in the scenario's data any more, but in a plan."
    )
    product_group: ProductGroup | None = read(
        One("product_group_id"), description="The product group it belongs to; null unless told."
    )


@stored(Table("orders"))
@strawberry.type(description="Units of a part, wanted by a day.")
class Order(Node):
    """An order of a scenario."""

    key: strawberry.Private[UUID]
    order_id: str = strawberry.field(description="Its name, unique in the scenario.")
    part: Part = read(One("part_key"), description="The part that is ordered.")
    qty: int = strawberry.field(description="Units ordered, those already molded included.")
    due_date: date = strawberry.field(description="Last day of delivery.")
    priority: int = strawberry.field(
        description="Lower is more urgent: a late unit weighs 100/priority, held within 0.1 and 10."
    )
    active: bool = strawberry.field(
        description="False for an order that is not in the scenario's data any more, but in a plan."
    )


@stored(Table("resources", key="scenario_id"))
@strawberry.type(description="Capacities of a foundry.")
class Resources:
    """Capacities of a scenario."""

    flasks_s: int = read(
        Column('{row}."flasks_S"'), name="flasksS", description="Flasks of size S that it owns."
    )
    flasks_m: int = read(
        Column('{row}."flasks_M"'), name="flasksM", description="Flasks of size M that it owns."
    )
    flasks_l: int = read(
        Column('{row}."flasks_L"'), name="flasksL", description="Flasks of size L that it owns."
    )
    molding_max_per_day: int = strawberry.field(description="Molds per day, all patterns together.")
    molding_max_same_part_per_day: int = strawberry.field(description="Molds per day of one pattern.")
    pour_max_ton_per_day: float = strawberry.field(description="Metal poured per day, in tons.")
    max_patterns: int = strawberry.field(description="Patterns on the molding line at the same time.")
    notes: str | None = strawberry.field(description="Notes, if there are any.")


@stored(Table("monday_replans", key="scenario_id"))
@strawberry.type(description="That a scenario is replanned on Mondays, and when.")
class MondayReplan:
    """The switch of a scenario."""

    hour: int = strawberry.field(description="Hour of the day in the tenant's time zone, 0 to 23.")
    time_limit_seconds: int = strawberry.field(description="Seconds to search at most.")
    next_at: datetime = read(
        Column(
            "next_replan_at({row}.scenario_id, {row}.hour,"
            " (select tenant.time_zone from tenants as tenant where tenant.id = {row}.tenant_id))"
        ),
        description="When it is replanned next: on a Monday that has no run of these yet.",
    )


BY_PLACE = (rising("position", int),)
BASE = (
    "(select b.id from scenarios as b where b.archived_at is null"
    " order by b.is_base desc, b.created_at, b.id limit 1)"
)
"""The scenario that is meant where none is named."""


@stored(Table("scenarios"))
@strawberry.type(description="A foundry's data as of a Monday; what-if scenarios are copies.")
class Scenario(Node):
    """A scenario."""

    key: strawberry.Private[UUID]
    name: str = strawberry.field(
        description="Its name, unique in the tenant among those that are not archived."
    )
    asof_date: date = strawberry.field(
        description="The Monday of its initial state, on which the next replan starts."
    )
    is_base: bool = read(
        Column(f"{{row}}.id = {BASE}"),
        description="Whether it is the base scenario, which is meant where none is named.",
    )
    settings: JSON = strawberry.field(
        description="How plans are judged: the settings of a foundry problem that differ from the defaults."
    )
    problem: JSON = read(
        Column(f"({PROBLEM_OF}{{row}}.id)"),
        description="All its data as a foundry problem in its JSON form, as `importScenario` takes it: with "
        "calendar, initial state, pins, frozen days and the previous plan.",
    )
    created_at: datetime = strawberry.field(description="When it was made.")
    updated_at: datetime = strawberry.field(description="When its data were replaced last.")
    archived_at: datetime | None = strawberry.field(
        description="When it was deleted, and kept for its runs: it is in no list unless asked for, and is "
        "neither changed nor planned any more. Null unless it was."
    )
    monday_replan: MondayReplan | None = read(
        One("id", there="scenario_id"), description="Its replan on Mondays; null unless switched on."
    )
    resources: Resources | None = read(One("id", there="scenario_id"), description="Its capacities.")
    parts: Connection[Part] = read(
        Page(here="id", there="scenario_id", where="{row}.active", order=BY_PLACE),
        description="Its parts, in the foundry's own order.",
    )
    orders: Connection[Order] = read(
        Page(here="id", there="scenario_id", where="{row}.active", order=BY_PLACE),
        description="Its orders, in the foundry's own order.",
    )
