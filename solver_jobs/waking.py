"""Wakes a service that sleeps as long as nobody asks it anything."""

from __future__ import annotations

import httpx
import structlog

HEALTH = "/health/live"
ANSWER_SECONDS = 60.0
"""A service that has to be started first takes a while."""

log = structlog.get_logger(__name__)


async def wake(url: str) -> bool:
    """Ask a service for its health; tells whether it answered.

    What it has to do waits in the database: if it does not wake now, nothing is lost.

    Parameters
    ----------
    url
        Where the service is reached, such as ``https://plan.example.com``.
    """
    try:
        async with httpx.AsyncClient(timeout=ANSWER_SECONDS) as client:
            await client.get(url.rstrip("/") + HEALTH)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        log.warning("service_not_woken", url=url, reason=f"{type(error).__name__}: {error}")
        return False
    return True
