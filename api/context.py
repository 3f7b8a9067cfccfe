"""What a resolver can reach: the services of the process, and who asks in this request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from strawberry.dataloader import DataLoader
from strawberry.types import Info as StrawberryInfo

from api.auth import Identity
from api.database import Connection, Database, Notices
from api.relay import bad_request
from api.reports.links import Links
from api.settings import Settings

if TYPE_CHECKING:
    from api.dispatch import Dispatcher
    from api.reports.exports import ExportFiles
    from api.workbooks.originals import OriginalFiles


Key = TypeVar("Key", bound=Hashable)
Found = TypeVar("Found")
Reader: TypeAlias = Callable[[Connection, Sequence[Key]], Awaitable[Mapping[Key, Found]]]
"""Reads many at once: what was found, by key."""


@dataclass(frozen=True, slots=True)
class Services:
    """What lives as long as the service does."""

    settings: Settings
    database: Database
    notices: Notices
    dispatcher: Dispatcher
    originals: OriginalFiles
    exports: ExportFiles
    links: Links


@dataclass(slots=True)
class Context:
    """One request."""

    services: Services
    identity: Identity
    base_url: str
    """Where the caller reached the service, for links that it hands out."""
    connection_params: Mapping[str, object] = field(default_factory=dict, repr=False)
    """What a WebSocket said in `connection_init`."""
    _loaders: dict[Reader[Any, Any], DataLoader[Any, Any]] = field(default_factory=dict, repr=False)

    @property
    def max_rows(self) -> int:
        """Rows that one operation may read by estimate."""
        return self.services.settings.max_rows

    def transaction(self) -> AbstractAsyncContextManager[Connection]:
        """Open a transaction in which row-level security sees the caller.

        Raises
        ------
        GraphQLError
            `UNAUTHENTICATED`: the access token with which the connection began has expired.
        """
        return self.services.database.transaction(self._caller())

    async def read(self, statement: str, parameters: Sequence[Any]) -> Any:
        """Give the only value of a statement that only reads, as row-level security shows it to them."""
        return await self.services.database.read(self._caller(), statement, parameters)

    def _caller(self) -> Identity:
        if self.identity.has_ended:
            raise bad_request(
                "The access token of this connection has expired. Refresh it, and connect again.",
                "UNAUTHENTICATED",
            )
        return self.identity

    async def load(self, read: Reader[Key, Found], key: Key) -> Found | None:
        """Read one together with all others that the same answer asks of `read`: a list costs one statement.

        Nothing is kept: a subscription lives long, and must not tell what was.
        """
        if read not in self._loaders:

            async def read_together(keys: list[Key]) -> list[Found | None]:
                async with self.transaction() as connection:
                    found = await read(connection, list(dict.fromkeys(keys)))
                return [found.get(key) for key in keys]

            self._loaders[read] = DataLoader(read_together, cache=False)
        loaded: Found | None = await self._loaders[read].load(key)
        return loaded


Info: TypeAlias = StrawberryInfo[Context, Any]
