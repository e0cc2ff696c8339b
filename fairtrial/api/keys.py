"""Declares the operations on API keys."""

from typing import Annotated

from msgspec import Meta

from fairtrial.api.operation import Answer, Operation, Request, Time, Window
from fairtrial.domain.accounts import DEFAULT_RIGHTS, NewKey, Right

LATEST_US = 253_402_300_799_000_000
"""The end of the year 9999, the latest time that is supported."""


# The `NewKey` in the answer has an id and a secret, too.
class CreateKey(Request, frozen=True, kw_only=True):
    """The key to create; no ``routes`` means all routes."""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    rights: tuple[Right, ...] = DEFAULT_RIGHTS
    routes: tuple[str, ...] = ()
    expires_us: Annotated[int, Meta(gt=0, le=LATEST_US)] | None = None


class RevokeKey(Request, frozen=True, kw_only=True):
    """The key to revoke."""

    key_id: str


class KeyRow(Answer, frozen=True, kw_only=True):
    """A key without its secret; no ``routes`` means all routes."""

    key_id: str
    name: str
    rights: tuple[Right, ...]
    routes: tuple[str, ...]
    created_time: Time
    expires_time: Time | None
    revoked_time: Time | None


class RevokedKey(Answer, frozen=True, kw_only=True):
    """The id of a key that was revoked."""

    revoked: str


listing = Operation(
    name="keys.listing",
    method="GET",
    path="/keys",
    role="admin",
    request=Window,
    response=list[KeyRow],
    kind="table",
    description="All keys without their secrets, newest first, including revoked ones.",
)
create = Operation(
    name="keys.create",
    method="POST",
    path="/keys",
    role="admin",
    request=CreateKey,
    response=NewKey,
    status=201,
    description="Create a key. Only this response contains its secret.",
)
revoke = Operation(
    name="keys.revoke",
    method="DELETE",
    path="/keys/{key_id}",
    role="admin",
    request=RevokeKey,
    response=RevokedKey,
    description="Revoke a key permanently.",
)
