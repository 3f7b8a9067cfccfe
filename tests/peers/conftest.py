"""Third parties' counterparts that several tests share: each is started once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from tests.database import server_of

if TYPE_CHECKING:
    from tests.peers.supabase import SupabaseProject


@pytest.fixture(scope="session")
async def supabase(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SupabaseProject]:
    """A Supabase project on loopback; tests bring tenants and people of their own."""
    pytest.importorskip("supabase", reason="the extra `supabase` is not installed")
    from tests.peers.supabase import supabase_project

    folder = tmp_path_factory.mktemp("supabase")
    # Of the versions that are at hand, the nearest to hosted Supabase's 15 and 17.
    async with server_of(16) as server, supabase_project(server, folder) as project:
        yield project
