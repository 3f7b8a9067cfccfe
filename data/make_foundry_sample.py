"""Writes the sample foundry, `data/sample/foundry.json`: some sixty orders of a jobbing foundry on a Monday.

Parts, weights and cooling times are of the kind that a hand-molding iron foundry for pumps, valves, gearboxes
and machine tools has. The order book is drawn with a fixed seed, three weeks before the Monday. A greedy plan
of that day is then taken as carried out, so that credits, loaded patterns, flasks in use, committed metal and
expected deliveries fit together; what has left the shop leaves the book. The shop is busy: some orders can't
be on time, for reasons of different kinds.

    python data/make_foundry_sample.py [FILE]

The same bytes come out each time.
"""

from __future__ import annotations

import random
import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from solver_jobs.foundry.calendar import WorkCalendar
from solver_jobs.foundry.instance import compile_problem
from solver_jobs.foundry.problem import FlaskSize, FoundryProblem, Order, Part, Resources
from solver_jobs.foundry.report import make_plan
from solver_jobs.foundry.roll import roll
from solver_jobs.foundry.score import Layout

FILE = Path(__file__).parent / "sample" / "foundry.json"
MONDAY = date(2024, 9, 2)
HOLIDAYS = (date(2024, 10, 3),)
DAYS = 50
WEEKS_BEFORE = 3
SEED = 20240902
DUE = (8, 48)
"""First and last due dates, in workdays after the order book was drawn."""
FRIDAYS_ORDERS = (
    Order(order_id="24-1291", part_id="Gear housing G2", qty=4, due_date=date(2024, 9, 6), priority=50),
    Order(order_id="24-1293", part_id="Valve bonnet DN50", qty=34, due_date=date(2024, 9, 12)),
)
"""What came in last: one too late for its lags, one too many for its cap."""

GREY, DUCTILE_400, DUCTILE_500, DUCTILE_600 = "EN-GJL-250", "EN-GJS-400-15", "EN-GJS-500-7", "EN-GJS-600-3"
PARTS: tuple[tuple[str, FlaskSize, int, int, int, str, int, int], ...] = (
    # name, flask, cooling h, finishing h, kg, alloy, orders, usual quantity
    ("Bearing cap 40", "S", 8, 8, 14, GREY, 4, 16),
    ("Clamp ring 65", "S", 10, 12, 22, DUCTILE_400, 3, 12),
    ("Valve bonnet DN50", "S", 12, 24, 31, DUCTILE_400, 5, 14),
    ("Flange DN50", "S", 10, 8, 19, GREY, 4, 18),
    ("Lever arm L2", "S", 14, 30, 38, DUCTILE_600, 3, 10),
    ("Pulley hub 90", "S", 16, 16, 45, GREY, 3, 10),
    ("Cable guide", "S", 8, 8, 12, GREY, 3, 20),
    ("Impeller 180", "S", 20, 40, 52, DUCTILE_500, 4, 8),
    ("Pump housing DN80", "M", 28, 36, 118, GREY, 5, 8),
    ("Valve body DN80", "M", 26, 44, 104, DUCTILE_400, 5, 9),
    ("Gear housing G2", "M", 36, 40, 182, GREY, 4, 6),
    ("Brake disc 320", "M", 24, 20, 76, GREY, 3, 12),
    ("Pulley 280", "M", 30, 16, 134, GREY, 3, 6),
    ("Bracket B-204", "M", 26, 24, 92, DUCTILE_500, 4, 8),
    ("Manifold 4-way", "M", 40, 60, 205, DUCTILE_400, 3, 5),
    ("Compressor flange", "M", 34, 24, 168, DUCTILE_500, 3, 6),
    ("Differential case", "M", 32, 48, 147, DUCTILE_600, 3, 6),
    ("Pump housing DN200", "L", 66, 48, 640, GREY, 4, 3),
    ("Gearbox housing G7", "L", 84, 64, 1120, GREY, 3, 2),
    ("Machine bed section", "L", 110, 40, 1850, GREY, 3, 2),
    ("Wheel hub 600", "L", 60, 36, 520, DUCTILE_400, 4, 4),
    ("Bearing pedestal", "L", 72, 48, 780, DUCTILE_500, 3, 2),
    ("Press cheek", "L", 96, 52, 1420, DUCTILE_600, 3, 2),
    ("Counterweight 900", "L", 90, 10, 930, GREY, 3, 3),
)
RESOURCES = Resources(
    notes="Hand-molding line with six pattern places, two furnaces of 3 t",
    flasks_S=42,
    flasks_M=30,
    flasks_L=8,
    molding_max_per_day=20,
    molding_max_same_part_per_day=8,
    pour_max_ton_per_day=5.2,
    max_patterns=6,
)


def parts() -> tuple[Part, ...]:
    """Build the parts."""
    return tuple(
        Part(
            part_id=name,
            flask_size=size,
            cool_hours=cool,
            finish_hours=finish,
            gross_weight_ton=kg / 1000,
            alloy=alloy,
        )
        for name, size, cool, finish, kg, alloy, _, _ in PARTS
    )


def order_book(draw: random.Random, calendar: WorkCalendar) -> tuple[Order, ...]:
    """Draw orders in the sequence in which they came in, numbered by year."""
    wanted = [(name, usual) for name, *_, many, usual in PARTS for _ in range(many)]
    draw.shuffle(wanted)
    orders = []
    for number, (name, usual) in enumerate(wanted):
        due = calendar.date_of(draw.randint(*DUE))
        if draw.random() < 0.1:
            due += timedelta(days=5 - due.weekday())
        qty = max(1, round(usual * draw.uniform(0.6, 1.7)))
        orders.append(
            Order(
                order_id=f"24-{1031 + 3 * number + draw.randint(0, 2)}",
                part_id=name,
                qty=qty,
                due_date=due,
                priority=draw.choices((100, 50, 200), (80, 12, 8))[0],
            )
        )
    return tuple(orders)


def carried_out(problem: FoundryProblem, weeks: int) -> FoundryProblem:
    """Let some weeks pass as the greedy plan has them."""
    instance = compile_problem(problem)
    on = np.zeros((instance.n_units, instance.horizon), np.int64)
    on[instance.unit] = instance.fitting > 0
    return roll(problem, make_plan(instance, Layout(instance.fitting, on), 0.0), weeks)


def with_the_book_brought_up_to_date(problem: FoundryProblem) -> FoundryProblem:
    """Take orders out of the book of which every unit has left the shop, and add Friday's."""
    credit = {row.order_id: row.molded_qty_credit for row in problem.initial_order_progress}
    expected = {row.order_id for row in problem.expected_deliveries}
    orders = tuple(
        order
        for order in problem.orders
        if order.order_id in expected or order.qty > credit.get(order.order_id, 0)
    )
    kept = {order.order_id for order in orders}
    return problem.model_copy(
        update={
            "orders": (*orders, *FRIDAYS_ORDERS),
            "initial_order_progress": tuple(r for r in problem.initial_order_progress if r.order_id in kept),
            "initial_patterns_loaded": tuple(
                r for r in problem.initial_patterns_loaded if r.order_id in kept
            ),
            "previous_plan": None,
        }
    )


def build() -> FoundryProblem:
    """Put the sample foundry together."""
    begun = MONDAY - timedelta(weeks=WEEKS_BEFORE)
    calendar = WorkCalendar(begun, (), HOLIDAYS)
    before = FoundryProblem(
        name="Sample foundry",
        asof_date=begun,
        parts=parts(),
        orders=order_book(random.Random(SEED), calendar),
        resources=RESOURCES,
        calendar_workdays=calendar.workdays(DAYS),
        holidays=HOLIDAYS,
    )
    return with_the_book_brought_up_to_date(carried_out(before, WEEKS_BEFORE))


def main() -> None:
    """Write the file."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else FILE
    target.parent.mkdir(parents=True, exist_ok=True)
    problem = build()
    target.write_bytes(problem.model_dump_json(indent=1, exclude_defaults=True).encode() + b"\n")
    print(f"{target}: {len(problem.orders)} orders, {len(problem.parts)} parts")


if __name__ == "__main__":
    main()
