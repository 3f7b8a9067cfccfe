"""Inviting, changing and removing members; making and revoking keys."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

import asyncpg
import strawberry

from api.api_keys import hash_of, new_secret
from api.context import Info
from api.members import store
from api.members.types import ApiKey, Invitation, Member
from api.payloads import answers_mistakes
from api.reads.asking import stored_one
from api.relay import UserError, UserMistake, is_storable, key_of
from api.roles import Role, require

MAX_NAME = 100
MAX_EMAIL = 254
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_CONFLICT = "PT409"


@strawberry.input(description="Whom to invite.")
class InviteMemberInput:
    """An address and a role."""

    email: str = strawberry.field(description="The address with which the person signs in.")
    role: Role = strawberry.field(description="What the person will be allowed to do.")


@strawberry.type(description="The invitation; nothing is sent: tell the person to sign in.")
class InviteMemberPayload:
    """Answer of `inviteMember`."""

    invitation: Invitation | None = strawberry.field(default=None, description="The invitation.")
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nobody was invited; empty if all went well."
    )


@strawberry.input(description="Which invitation to take back.")
class WithdrawInvitationInput:
    """An invitation."""

    invitation_id: strawberry.ID = strawberry.field(description="The invitation.")


@strawberry.type(description="Whether the invitation was taken back.")
class WithdrawInvitationPayload:
    """Answer of `withdrawInvitation`."""

    withdrawn_id: strawberry.ID | None = strawberry.field(
        default=None, description="The invitation that is no more."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why it still stands; empty if all went well."
    )


@strawberry.input(description="Another role for a member.")
class ChangeMemberRoleInput:
    """A member and a role."""

    member_id: strawberry.ID = strawberry.field(description="The member.")
    role: Role = strawberry.field(description="The new role.")


@strawberry.type(description="The member with the new role.")
class ChangeMemberRolePayload:
    """Answer of `changeMemberRole`."""

    member: Member | None = strawberry.field(default=None, description="The member as it is now.")
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why the role is as it was; empty if all went well."
    )


@strawberry.input(description="Whom to remove.")
class RemoveMemberInput:
    """A member."""

    member_id: strawberry.ID = strawberry.field(description="The member.")


@strawberry.type(description="Whether the member was removed.")
class RemoveMemberPayload:
    """Answer of `removeMember`."""

    removed_id: strawberry.ID | None = strawberry.field(default=None, description="Who is a member no more.")
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why the person still is one; empty if all went well."
    )


@strawberry.input(description="Which invitations to accept.")
class AcceptInvitationsInput:
    """All, or one."""

    tenant: str | None = strawberry.field(
        default=None, description="Slug of the tenant to join; all that invited you unless told."
    )


@strawberry.type(description="How many tenants were joined.")
class AcceptInvitationsPayload:
    """Answer of `acceptInvitations`."""

    joined: int | None = strawberry.field(default=None, description="Tenants that were joined just now.")
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was joined."
    )


@strawberry.input(description="A key to make.")
class CreateApiKeyInput:
    """A name and a role."""

    name: str = strawberry.field(description=f"What it is for, up to {MAX_NAME} characters.")
    role: Role = strawberry.field(description="What it may do; a key is never an admin.")


@strawberry.type(description="The key, with its secret for this once.")
class CreateApiKeyPayload:
    """Answer of `createApiKey`."""

    api_key: ApiKey | None = strawberry.field(default=None, description="The key.")
    secret: str | None = strawberry.field(
        default=None,
        description="What the machine sends as `Authorization: Bearer ...`. Store it now: it is not kept.",
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why no key was made; empty if all went well."
    )


@strawberry.input(description="Which key to revoke.")
class RevokeApiKeyInput:
    """A key."""

    api_key_id: strawberry.ID = strawberry.field(description="The key.")


@strawberry.type(description="The key, revoked for ever.")
class RevokeApiKeyPayload:
    """Answer of `revokeApiKey`."""

    api_key: ApiKey | None = strawberry.field(default=None, description="The key as it is now.")
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why it was not revoked; empty if all went well."
    )


@strawberry.type
class MemberMutations:
    """What can be changed of members and keys."""

    @strawberry.mutation(
        description="Let whoever signs in with a verified e-mail address join the tenant. Said again, the "
        "role is the new one. For admins."
    )
    @answers_mistakes(InviteMemberPayload)
    async def invite_member(
        self,
        info: Info,
        input: InviteMemberInput,  # noqa: A002 - the argument's name in the schema
    ) -> InviteMemberPayload:
        """Invite somebody."""
        email = _email(input.email)
        async with info.context.transaction() as connection:
            await require(connection, Role.ADMIN, "inviting somebody")
            with _conflict("ALREADY_A_MEMBER", "email", "Change the member's role instead."):
                key = await store.invite(connection, email, input.role)
        return InviteMemberPayload(invitation=stored_one(Invitation, key))

    @strawberry.mutation(description="Take an invitation back that nobody has accepted yet. For admins.")
    @answers_mistakes(WithdrawInvitationPayload)
    async def withdraw_invitation(
        self,
        info: Info,
        input: WithdrawInvitationInput,  # noqa: A002 - the argument's name in the schema
    ) -> WithdrawInvitationPayload:
        """Take an invitation back."""
        key = key_of(input.invitation_id, "Invitation", path=("input", "invitationId"))
        async with info.context.transaction() as connection:
            await require(connection, Role.ADMIN, "taking an invitation back")
            await store.withdraw(connection, key)
        return WithdrawInvitationPayload(withdrawn_id=input.invitation_id)

    @strawberry.mutation(
        description="Become a member of all tenants that invited the verified e-mail address of your "
        "account. Ask it after signing in."
    )
    @answers_mistakes(AcceptInvitationsPayload)
    async def accept_invitations(
        self,
        info: Info,
        input: AcceptInvitationsInput,  # noqa: A002 - the argument's name in the schema
    ) -> AcceptInvitationsPayload:
        """Join whoever invited the caller."""
        if input.tenant is not None and not is_storable(input.tenant):
            raise UserMistake("NOT_FOUND", "There is no such tenant.", path=("input", "tenant"))
        async with info.context.transaction() as connection:
            return AcceptInvitationsPayload(joined=await store.accept(connection, input.tenant))

    @strawberry.mutation(
        description="Give a member another role. The last admin stays one. For admins; it counts from the "
        "member's next request."
    )
    @answers_mistakes(ChangeMemberRolePayload)
    async def change_member_role(
        self,
        info: Info,
        input: ChangeMemberRoleInput,  # noqa: A002 - the argument's name in the schema
    ) -> ChangeMemberRolePayload:
        """Change a role."""
        key = key_of(input.member_id, "Member", path=("input", "memberId"))
        async with info.context.transaction() as connection:
            await require(connection, Role.ADMIN, "changing a role")
            with _conflict("LAST_ADMIN", "role", "Make somebody else an admin first."):
                await store.change_role(connection, key, input.role)
        return ChangeMemberRolePayload(member=stored_one(Member, key))

    @strawberry.mutation(
        description="End a membership; it counts from the person's next request. The last admin stays. For "
        "admins."
    )
    @answers_mistakes(RemoveMemberPayload)
    async def remove_member(
        self,
        info: Info,
        input: RemoveMemberInput,  # noqa: A002 - the argument's name in the schema
    ) -> RemoveMemberPayload:
        """Remove a member."""
        key = key_of(input.member_id, "Member", path=("input", "memberId"))
        async with info.context.transaction() as connection:
            await require(connection, Role.ADMIN, "removing a member")
            with _conflict("LAST_ADMIN", "memberId", "Make somebody else an admin first."):
                await store.remove(connection, key)
        return RemoveMemberPayload(removed_id=input.member_id)

    @strawberry.mutation(
        description="Make a key with which a machine asks, as a member with this role. For admins."
    )
    @answers_mistakes(CreateApiKeyPayload)
    async def create_api_key(
        self,
        info: Info,
        input: CreateApiKeyInput,  # noqa: A002 - the argument's name in the schema
    ) -> CreateApiKeyPayload:
        """Make a key."""
        name, role = _key_name(input.name), _key_role(input.role)
        secret = new_secret()
        async with info.context.transaction() as connection:
            await require(connection, Role.ADMIN, "making a key")
            key = await store.create_key(connection, name, role, hash_of(secret))
        return CreateApiKeyPayload(api_key=stored_one(ApiKey, key), secret=secret)

    @strawberry.mutation(description="Revoke a key; it counts from the next request. For admins.")
    @answers_mistakes(RevokeApiKeyPayload)
    async def revoke_api_key(
        self,
        info: Info,
        input: RevokeApiKeyInput,  # noqa: A002 - the argument's name in the schema
    ) -> RevokeApiKeyPayload:
        """Revoke a key."""
        key = key_of(input.api_key_id, "ApiKey", path=("input", "apiKeyId"))
        async with info.context.transaction() as connection:
            await require(connection, Role.ADMIN, "revoking a key")
            await store.revoke_key(connection, key)
        return RevokeApiKeyPayload(api_key=stored_one(ApiKey, key))


@contextlib.contextmanager
def _conflict(code: str, field: str, hint: str) -> Iterator[None]:
    try:
        yield
    except asyncpg.PostgresError as error:
        if error.sqlstate != _CONFLICT:
            raise
        raise UserMistake(code, str(error), path=("input", field), hint=hint) from error


def _email(given: str) -> str:
    email = given.strip().lower()
    if not _EMAIL.fullmatch(email) or len(email) > MAX_EMAIL or not is_storable(email):
        raise UserMistake(
            "INVALID_EMAIL",
            f"email is {given[:100]!r}; expected an address as name@plant.example.",
            path=("input", "email"),
        )
    return email


def _key_name(given: str) -> str:
    name = given.strip()
    if not 0 < len(name) <= MAX_NAME or not is_storable(name):
        raise UserMistake(
            "INVALID_NAME",
            f"name is {given[:120]!r}; expected 1 to {MAX_NAME} characters.",
            path=("input", "name"),
        )
    return name


def _key_role(role: Role) -> Role:
    if role is Role.ADMIN:
        raise UserMistake(
            "KEY_IS_NO_ADMIN",
            "role is ADMIN; members and keys are managed by people.",
            path=("input", "role"),
            hint="Take PLANNER, OPERATOR or VIEWER.",
        )
    return role
