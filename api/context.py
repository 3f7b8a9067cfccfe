"""What a resolver can reach: the services of the process, and who asks in this request."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from strawberry.types import Info as StrawberryInfo

from api.auth import Identity
from api.database import Connection, Database, Notices
from api.reports.links import Links
from api.settings import Settings

if TYPE_CHECKING:
    from api.dispatch import Dispatcher
    from api.workbooks.originals import OriginalFiles


@dataclass(frozen=True, slots=True)
class Services:
    """What lives as long as the service does."""

    settings: Settings
    database: Database
    notices: Notices
    dispatcher: Dispatcher
    originals: OriginalFiles
    links: Links


@dataclass(slots=True)
class Context:
    """One request."""

    services: Services
    identity: Identity
    base_url: str
    """Where the caller reached the service, for links that it hands out."""

    def transaction(self) -> AbstractAsyncContextManager[Connection]:
        """Open a transaction in which row-level security sees the caller."""
        return self.services.database.transaction(self.identity)


Info: TypeAlias = StrawberryInfo[Context, Any]
