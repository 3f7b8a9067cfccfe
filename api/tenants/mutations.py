"""Changing the settings of the tenant."""

from __future__ import annotations

import functools
import zoneinfo
from collections.abc import Callable
from decimal import Decimal
from typing import TypedDict, TypeVar

import strawberry

from api.context import Info
from api.payloads import UserMistakes, answers_mistakes
from api.reads.asking import stored_one
from api.relay import UserError, UserMistake, is_storable
from api.roles import Role, require
from api.tenants import store
from api.tenants.types import Tenant

MAX_NAME = 100
MIN_HEAT_TONS, MAX_HEAT_TONS = Decimal("0.01"), Decimal("999999.99")
"""What the database keeps of a heat: eight digits, two of them decimals."""


Given = TypeVar("Given")
Kept = TypeVar("Kept")


@strawberry.input(description="New settings of the tenant; what is left out or null stays.")
class UpdateTenantSettingsInput:
    """Settings to change."""

    name: str | None = strawberry.field(
        default=None, description=f"Name for people, up to {MAX_NAME} characters."
    )
    heat_tons: float | None = strawberry.field(
        default=None,
        description="Average tons of a heat, in the unit of the plant's workbooks; two decimals are kept.",
    )
    time_zone: str | None = strawberry.field(
        default=None, description='IANA name of the time zone of the plant, as "Europe/Berlin".'
    )


@strawberry.type(description="The tenant with its new settings.")
class UpdateTenantSettingsPayload:
    """Answer of `updateTenantSettings`."""

    tenant: Tenant | None = strawberry.field(
        default=None, description="The tenant as it is now; null if nothing was changed."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was changed; empty if all went well."
    )


@strawberry.type
class TenantMutations:
    """What can be changed of the tenant."""

    @strawberry.mutation(
        description="Set name, tons of a heat or time zone of the tenant. For admins. "
        "Stored runs stay as they were computed."
    )
    @answers_mistakes(UpdateTenantSettingsPayload)
    async def update_tenant_settings(
        self,
        info: Info,
        input: UpdateTenantSettingsInput,  # noqa: A002 - the argument's name in the schema
    ) -> UpdateTenantSettingsPayload:
        """Change the settings that are told."""
        async with info.context.transaction() as connection:
            await require(connection, Role.ADMIN, "changing the settings")
            key = await store.change(connection, **_checked(input))
        return UpdateTenantSettingsPayload(tenant=stored_one(Tenant, key) if key else None)


class _Settings(TypedDict):
    name: str | None
    heat_tons: Decimal | None
    time_zone: str | None


def _checked(given: UpdateTenantSettingsInput) -> _Settings:
    mistakes: list[UserMistake] = []

    def checked(check: Callable[[Given], Kept], value: Given) -> Kept | None:
        try:
            return check(value)
        except UserMistake as mistake:
            mistakes.append(mistake)
            return None

    settings = _Settings(
        name=checked(_name, given.name),
        heat_tons=checked(_heat_tons, given.heat_tons),
        time_zone=checked(_time_zone, given.time_zone),
    )
    if mistakes:
        raise UserMistakes(mistakes)
    return settings


def _name(name: str | None) -> str | None:
    if name is None:
        return None
    stripped = name.strip()
    if not 0 < len(stripped) <= MAX_NAME or not is_storable(stripped):
        raise UserMistake(
            "INVALID_NAME",
            f"name is {name[:120]!r}; expected 1 to {MAX_NAME} characters.",
            path=("input", "name"),
        )
    return stripped


def _heat_tons(tons: float | None) -> Decimal | None:
    if tons is None:
        return None
    kept = Decimal(str(tons)).quantize(Decimal("0.01")) if abs(tons) <= MAX_HEAT_TONS else Decimal(0)
    if not MIN_HEAT_TONS <= kept <= MAX_HEAT_TONS:
        raise UserMistake(
            "INVALID_HEAT_TONS",
            f"heatTons is {tons:g}; expected {MIN_HEAT_TONS} to {MAX_HEAT_TONS} tons.",
            path=("input", "heatTons"),
            hint="Tell the tons of one average heat, in the unit of your workbooks; 100 is usual.",
        )
    return kept


def _time_zone(name: str | None) -> str | None:
    if name is not None and name not in _time_zones():
        raise UserMistake(
            "UNKNOWN_TIME_ZONE",
            f"timeZone is {name[:60]!r}; expected an IANA name.",
            path=("input", "timeZone"),
            hint='Use a name such as "Europe/Berlin", "America/Chicago" or "UTC".',
        )
    return name


@functools.cache
def _time_zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())
