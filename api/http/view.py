"""`/graphql`: Strawberry's view, with requests read and answers given as GraphQL over HTTP asks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import orjson
from cross_web import AsyncHTTPRequestAdapter
from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.exceptions import MissingQueryError
from strawberry.http import GraphQLHTTPResponse, GraphQLRequestData
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.subscriptions import GRAPHQL_SSE_PROTOCOL, GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType
from strawberry.types.unset import UnsetType

from api.context import Context
from api.http import negotiation
from api.http.errors import BAD_REQUEST
from api.http.refusal import Refusal
from api.http.requests import read_request
from api.http.served import ServedSchema
from api.http.websockets import SubscriptionHandler, TextFrames
from api.settings import Settings

PLAYGROUND = "/"


class GraphQLView(GraphQL[Context, None]):
    """Queries and mutations over HTTP, subscriptions over WebSocket and server-sent events.

    Parameters
    ----------
    schema
        What is served.
    context_of
        Makes the context of a request or of a WebSocket connection.
    admit
        Told of a WebSocket's context once it has said who it is; may reject it.
    """

    websocket_adapter_class = TextFrames

    def __init__(
        self,
        schema: ServedSchema,
        settings: Settings,
        context_of: Callable[[HTTPConnection], Awaitable[Context]],
        admit: Callable[[Context], Awaitable[None]],
    ) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL, GRAPHQL_SSE_PROTOCOL),
            connection_init_wait_timeout=timedelta(seconds=10),
            max_subscriptions_per_connection=None,
        )
        self._served = schema
        self._seconds = settings.request_seconds
        self._context_of = context_of
        self._admit = admit

        class Handler(SubscriptionHandler):
            max_operations = settings.max_subscriptions

        self.graphql_transport_ws_handler_class = Handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request or a connection."""
        if scope["type"] == "websocket":
            await self.run(WebSocket(scope, receive, send))
            return
        request = Request(scope, receive)
        try:
            response = await self._respond(request)
            await response(scope, receive, send)
        finally:
            # Not earlier: a streamed operation reads its files while it is answered.
            await request.close()

    async def _respond(self, request: Request) -> Response:
        if _is_a_person(request):
            return RedirectResponse(PLAYGROUND, 303)
        chosen = negotiation.media_type(request.headers.get("accept"))
        if chosen is None:
            accept = request.headers["accept"]
            return Refusal(
                406,
                "NOT_ACCEPTABLE",
                f"The Accept header is {accept!r}; answers come as {negotiation.GRAPHQL_RESPONSE}, "
                f"{negotiation.JSON} or {negotiation.EVENT_STREAM}.",
            ).response()
        request.state.media_type = chosen
        try:
            _check_method(request)
            return await self._answer(request, chosen)
        except Refusal as refusal:
            # What came in too large is told by whom counted it.
            if refusal.status == 413:
                raise
            return refusal.response(chosen)

    async def _answer(self, request: Request, chosen: str) -> Response:
        context = await self._context_of(request)
        asked = request.state.asked = await self._read(request)
        if asked.protocol == "http":
            known = await self._served.answer_at_once(
                asked.query, asked.operation_name, asked.variables, context
            )
            if known:
                return self._finished(await self.process_result(request, known), chosen)
        return await self.run(request, context)

    async def _read(self, request: Request) -> GraphQLRequestData:
        """Read the request, and how its answer is to come."""
        found = await read_request(request, self._seconds)
        accept = (request.headers.get("accept") or "").lower()
        # Most accept JSON alone, for whom nothing has to be looked up.
        streams = negotiation.EVENT_STREAM in accept or "multipart/mixed" in accept
        transport = self._get_stream_transport_from_headers(request.headers) if streams else None
        # Clients that take both want a stream for subscriptions alone.
        if transport and (_may_subscribe(found.query) or negotiation.prefers_stream(accept)):
            found.protocol = transport.protocol
        return found

    def _finished(self, answer: GraphQLHTTPResponse, chosen: str) -> Response:
        """Encode an answer with the status that belongs to it."""
        headers = {"Content-Type": f"{chosen}; charset=utf-8", "Cache-Control": "no-store"}
        return Response(self.encode_json(answer), negotiation.status(answer, chosen), headers)

    async def get_context(
        self,
        request: Request | WebSocket,
        response: Response | WebSocket,  # noqa: ARG002 - Strawberry's signature
    ) -> Context:
        """Make the context of a request or of a connection."""
        return await self._context_of(request)

    async def on_ws_connect(self, context: Context) -> UnsetType | dict[str, object] | None:
        """Let a connection in that has said who it is."""
        await self._admit(context)
        return await super().on_ws_connect(context)

    async def get_sub_response(self, request: Request | WebSocket) -> Response:
        """Prepare the answer, in the media type that was agreed on."""
        prepared = await super().get_sub_response(request)
        prepared.media_type = request.state.media_type
        prepared.headers["Cache-Control"] = "no-store"
        return prepared

    def should_render_graphql_ide(self, request: Any) -> bool:  # noqa: ARG002 - Strawberry's signature
        """Leave the playground to its own page."""
        return False

    async def parse_http_body(self, request: AsyncHTTPRequestAdapter) -> GraphQLRequestData:
        """Give the request as it was read before."""
        asked: GraphQLRequestData = request._request.state.asked  # type: ignore[attr-defined]
        return asked

    async def execute_single(
        self,
        request: Request,  # noqa: ARG002 - Strawberry's signature
        request_adapter: AsyncHTTPRequestAdapter,
        sub_response: Response,  # noqa: ARG002 - Strawberry's signature
        context: Context,
        root_value: None,
        request_data: GraphQLRequestData,
    ) -> ExecutionResult:
        """Execute a query, or by POST a mutation."""
        allowed = {OperationType.QUERY}
        if request_adapter.method == "POST":
            allowed.add(OperationType.MUTATION)
        try:
            return await self.schema.execute(
                request_data.query,
                root_value=root_value,
                variable_values=request_data.variables,
                context_value=context,
                operation_name=request_data.operation_name,
                allowed_operation_types=allowed,
                operation_extensions=request_data.extensions,
            )
        except CannotGetOperationTypeError as error:
            raise _no_such_operation(error.operation_name) from None
        except InvalidOperationTypeError as error:
            raise _not_here(error.operation_type) from None
        except MissingQueryError:
            raise Refusal(400, BAD_REQUEST, "The query is empty; expected a GraphQL document.") from None

    async def process_result(self, request: Request, result: ExecutionResult) -> GraphQLHTTPResponse:
        """Give an answer its form; a request that was not executed has errors and no data."""
        answer = await super().process_result(request, result)
        errors = result.errors or []
        if isinstance(result, PreExecutionError) or (errors and not any(error.path for error in errors)):
            answer.pop("data", None)
        return answer

    def create_response(
        self, response_data: GraphQLHTTPResponse | list[GraphQLHTTPResponse], sub_response: Response
    ) -> Response:
        """Encode what was executed."""
        assert isinstance(response_data, dict)  # noqa: S101 - several operations at once are refused before
        return self._finished(response_data, sub_response.media_type or negotiation.JSON)

    def encode_json(self, data: object) -> bytes:
        """Encode with orjson."""
        return orjson.dumps(data)

    def decode_json(self, data: str | bytes) -> object:
        """Decode with orjson."""
        return orjson.loads(data)


def _may_subscribe(query: str | None) -> bool:
    """Whether a document may hold a subscription: the word stands in it."""
    return query is not None and "subscription" in query


def _is_a_person(request: Request) -> bool:
    """Whether a browser's address bar leads here, and no client."""
    wants_page = "text/html" in request.headers.get("accept", "")
    return request.method in ("GET", "HEAD") and wants_page and "query" not in request.query_params


def _check_method(request: Request) -> None:
    if request.method not in ("GET", "POST"):
        raise Refusal(
            405,
            "METHOD_NOT_ALLOWED",
            f"The method is {request.method}; expected POST, or GET for queries.",
            headers={"Allow": "GET, POST"},
        )


def _no_such_operation(name: str | None) -> Refusal:
    asked = f" {name!r}, which operationName asks for" if name else ""
    return Refusal(400, BAD_REQUEST, f"The document has no operation{asked}.")


def _not_here(found: OperationType) -> Refusal:
    if found is OperationType.SUBSCRIPTION:
        return Refusal(
            406,
            "NOT_ACCEPTABLE",
            "A subscription answers more than once. Accept text/event-stream, or use a WebSocket with "
            "graphql-transport-ws.",
        )
    return Refusal(
        405,
        "METHOD_NOT_ALLOWED",
        f"A {found.value} can't be sent by GET; expected POST.",
        headers={"Allow": "POST"},
    )
