from tests.api.desk import BATCHES, Desk
from tests.database import Connection, Plant

ORDERS = "query ($month: Month) { orderForecasts(month: $month) { month heats productGroup { name } } }"
SCHEDULE = """
query ($from: Date, $to: Date) {
  chargeSchedule(from: $from, to: $to) { date startTime mouldSize grade { name productGroup { name } } }
}
"""


async def test_orders_of_a_month_come_group_by_group(viewer: Desk) -> None:
    assert (await viewer.ask(ORDERS, month="2024-09"))["orderForecasts"] == [
        {"month": "2024-09", "heats": 232, "productGroup": {"name": "Rebar"}},
        {"month": "2024-09", "heats": 54, "productGroup": {"name": "MBQ"}},
    ]


async def test_orders_of_all_months_rise_by_month(viewer: Desk) -> None:
    orders = (await viewer.ask(ORDERS))["orderForecasts"]
    assert [order["month"] for order in orders] == ["2024-08", "2024-09", "2024-09"]


async def test_the_schedule_tells_day_time_grade_and_mould(viewer: Desk) -> None:
    assert (await viewer.ask(SCHEDULE))["chargeSchedule"] == [
        {
            "date": "2024-08-31",
            "startTime": "22:10",
            "mouldSize": '5"',
            "grade": {"name": "B500A", "productGroup": {"name": "Rebar"}},
        },
        {
            "date": "2024-09-01",
            "startTime": "04:00",
            "mouldSize": '6 1/4"',
            "grade": {"name": "A36", "productGroup": {"name": "MBQ"}},
        },
        {
            "date": "2024-09-01",
            "startTime": "05:11",
            "mouldSize": None,
            "grade": {"name": "A53/C592", "productGroup": None},
        },
    ]


async def test_both_ends_of_the_schedule_belong_to_it(viewer: Desk) -> None:
    days = {"2024-08-31": 1, "2024-09-01": 2, "2024-09-02": 0}
    for day, heats in days.items():
        assert len((await viewer.ask(SCHEDULE, **{"from": day, "to": day}))["chargeSchedule"]) == heats
    assert len((await viewer.ask(SCHEDULE, to="2024-08-31"))["chargeSchedule"]) == 1


async def test_a_schedule_that_ends_before_it_begins_is_the_callers_mistake(viewer: Desk) -> None:
    error = await viewer.refusal(SCHEDULE, **{"from": "2024-09-02", "to": "2024-09-01"})
    assert error.extensions is not None
    assert error.extensions["code"] == "BAD_USER_INPUT"
    assert "later than to" in error.message


async def test_another_tenant_sees_neither(viewer: Desk, stranger: Desk) -> None:
    assert await stranger.ask(ORDERS) == {"orderForecasts": []}
    assert await stranger.ask(SCHEDULE) == {"chargeSchedule": []}


async def test_lists_cost_as_many_statements_whatever_their_length(
    viewer: Desk, admin: Connection, plant: Plant
) -> None:
    before = await viewer.cost(ORDERS), await viewer.cost(SCHEDULE)
    await admin.execute(
        """
        insert into product_group_monthly (tenant_id, product_group_id, month, heats)
        select tenant_id, id, date '2020-01-01' + make_interval(months => n), 1
        from product_groups cross join generate_series(1, 20) as n
        """
    )
    await admin.execute(
        """
        insert into charge_schedule (tenant_id, scheduled_on, start_time, steel_grade_id)
        select tenant_id, date '2024-10-01' + position, make_time(n, 0, 0), id
        from steel_grades cross join generate_series(1, 8) as n
        """
    )
    assert len((await viewer.ask(SCHEDULE))["chargeSchedule"]) == 43
    assert await viewer.cost(ORDERS) <= before[0] + BATCHES
    assert await viewer.cost(SCHEDULE) <= before[1] + BATCHES
