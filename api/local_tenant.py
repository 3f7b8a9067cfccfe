"""The one tenant of a machine, and the person at it, who is its admin."""

from __future__ import annotations

import asyncpg

from api.auth import LOCAL_TENANT, LOCAL_USER

# Stored once; what an admin changed later stays changed.
ENSURE_TENANT = """
insert into public.tenants (slug, name) values ($1, $2)
on conflict (slug) do nothing
"""
ENSURE_ADMIN = """
insert into public.tenant_members (tenant_id, user_id, role)
select id, $2, 'admin' from public.tenants where slug = $1
on conflict (tenant_id, user_id) do update set role = 'admin'
where tenant_members.role <> 'admin'
"""


async def ensure_local_tenant(admin_url: str) -> None:
    """Store the tenant `default` and its admin where they are missing.

    Parameters
    ----------
    admin_url
        The migrated database, by a login that bypasses row-level security.
    """
    connection = await asyncpg.connect(admin_url)
    try:
        async with connection.transaction():
            await connection.execute(ENSURE_TENANT, LOCAL_TENANT, "This plant")
            await connection.execute(ENSURE_ADMIN, LOCAL_TENANT, LOCAL_USER)
    finally:
        await connection.close()
