"""What a mutation answers when it could not do what was asked: a payload with the mistake in `userErrors`."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Sequence
from typing import ParamSpec, Protocol, TypeVar

import asyncpg
import structlog

from api.relay import UserError, UserMistake

log = structlog.get_logger(__name__)

Asked = ParamSpec("Asked")
Payload = TypeVar("Payload")
PayloadMade = TypeVar("PayloadMade", covariant=True)


class PayloadType(Protocol[PayloadMade]):
    """A payload's class: its changed object is null unless told."""

    def __call__(self, *, user_errors: list[UserError]) -> PayloadMade:
        """Make the payload of a mutation that changed nothing."""
        ...


class UserMistakes(Exception):
    """Several mistakes of the user at once, such as all that is wrong about a file."""

    def __init__(self, mistakes: Sequence[UserMistake]) -> None:
        super().__init__("; ".join(mistake.message for mistake in mistakes))
        self.mistakes = tuple(mistakes)


NOT_THERE = "PT404"
"""The SQLSTATE of what is not there, or not any more."""
TOO_MANY = "PT429"
"""The SQLSTATE of a queue that is full."""
_CONFLICT = UserMistake(
    "CONFLICT",
    "Somebody else was changing the same data at this moment; nothing was stored.",
    hint="Try again.",
)
_EXPECTED = {
    "42501": UserMistake(
        "FORBIDDEN",
        "Your role in this tenant does not allow this; nothing was stored.",
        hint="Ask an admin of the tenant which role it needs.",
    ),
    NOT_THERE: UserMistake(
        "NOT_FOUND",
        "It is not there any more, or not in this tenant; nothing was stored.",
        hint="Read the list again and use an id from there.",
    ),
    TOO_MANY: UserMistake(
        "TOO_MANY_RUNS",
        "As many runs of this kind are queued or running as your tenant may have at once.",
        hint="Wait until one has ended, or cancel one.",
    ),
    "40001": _CONFLICT,
    "40P01": _CONFLICT,
    "55P03": _CONFLICT,
}
"""What the database may answer to a sound request, by SQLSTATE."""


def as_mistake(error: asyncpg.PostgresError) -> UserMistake | None:
    """Tell what a refusal of the database means to the user; None where it is our own fault."""
    expected = _EXPECTED.get(error.sqlstate or "")
    if expected is None or error.sqlstate != TOO_MANY:
        return expected
    # Only the database knows how many these are.
    message = f"{str(error).removesuffix('.')}: as many as your tenant may have at once."
    return UserMistake(expected.code, message, hint=expected.hint)


def answers_mistakes(
    payload: PayloadType[Payload],
) -> Callable[[Callable[Asked, Awaitable[Payload]]], Callable[Asked, Awaitable[Payload]]]:
    """Let a mutation answer mistakes as data; its transaction is rolled back by then."""

    def decorate(resolver: Callable[Asked, Awaitable[Payload]]) -> Callable[Asked, Awaitable[Payload]]:
        @functools.wraps(resolver)
        async def answer(*args: Asked.args, **kwargs: Asked.kwargs) -> Payload:
            try:
                return await resolver(*args, **kwargs)
            except UserMistake as mistake:
                return payload(user_errors=[UserError.of(mistake)])
            except UserMistakes as several:
                return payload(user_errors=[UserError.of(mistake) for mistake in several.mistakes])
            except asyncpg.PostgresError as error:
                expected = as_mistake(error)
                if expected is None:
                    raise
                # A role that was checked and a database that refuses all the same: worth a look.
                log.warning("database_refused", sqlstate=error.sqlstate, reason=str(error))
                return payload(user_errors=[UserError.of(expected)])

        return answer

    return decorate
