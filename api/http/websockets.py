"""graphql-transport-ws, where Strawberry's handler takes a client's word or says too little."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphql import GraphQLError
from starlette.websockets import WebSocketDisconnect
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler
from strawberry.subscriptions.protocols.graphql_transport_ws.types import Message

from api.context import Context


class TextFrames(ASGIWebSocketAdapter):
    """Sends JSON as text, as the protocol asks, also where the encoder makes bytes."""

    async def send_json(self, message: Mapping[str, object]) -> None:
        """Send one message."""
        try:
            await self.ws.send_text(self.view.encode_json_string(message))
        except WebSocketDisconnect as error:
            raise WebSocketDisconnected from error


class SubscriptionHandler(BaseGraphQLTransportWSHandler[Context, None]):
    """One connection: checks the form of each message, and how many operations go on at once."""

    max_operations = 20

    async def handle_message(self, message: Message) -> None:
        """Handle a message whose form is right; end the connection on any other."""
        if not is_well_formed(message):
            await self.handle_invalid_message("Invalid message")
        elif message["type"] == "subscribe" and len(self.operations) >= self.max_operations:
            error = GraphQLError(
                f"This connection has {len(self.operations)} operations going; {self.max_operations} are "
                "allowed. Complete one before the next.",
                extensions={"code": "SUBSCRIPTION_LIMIT"},
            )
            await self.send_message({"id": message["id"], "type": "error", "payload": [error.formatted]})
        else:
            await super().handle_message(message)

    @staticmethod
    def _get_pre_execution_close_reason(error: GraphQLError) -> str | None:  # noqa: ARG004
        # A wrong document ends its own operation, with an error, and not those beside it.
        return None


def is_well_formed(message: Any) -> bool:
    """Whether a message has the form that the protocol gives to its type; unknown types pass."""
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        return False
    if message["type"] in ("subscribe", "complete") and not isinstance(message.get("id"), str):
        return False
    return message["type"] != "subscribe" or _is_operation(message.get("payload"))


def _is_operation(payload: Any) -> bool:
    return (
        isinstance(payload, dict)
        and isinstance(payload.get("query"), str)
        and isinstance(payload.get("variables"), dict | None)
        and isinstance(payload.get("operationName"), str | None)
    )
