"""Declares the operations on the accounts of people."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from fairtrial.api.operation import Answer, Nothing, Operation, Request, Time, Window
from fairtrial.domain.accounts import LONGEST_NAME, Account, Invitation, OneTimeLink, Role


class Invite(Request, frozen=True, kw_only=True):
    """The person to invite; without ``name`` they choose it themselves."""

    name: Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME)] | None = None
    role: Role


class NameAccount(Request, frozen=True, kw_only=True):
    """An account, by its name or id."""

    who: str


class SetRole(Request, frozen=True, kw_only=True):
    """The new role of an account."""

    who: str
    role: Role


class Me(Answer, frozen=True, kw_only=True):
    """The caller: an account, a key or the local user."""

    account_id: str
    name: str
    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRow(Account):
    """An account with its times; without a ``name`` until the person chooses one. ``seen_time``: its last request."""

    created_time: Time
    disabled_time: Time | None
    seen_time: Time | None


me = Operation(
    name="accounts.me",
    method="GET",
    path="/me",
    role="reviewer",
    request=Nothing,
    response=Me,
    description="The caller's account and role; 401 without a session or a key.",
)
listing = Operation(
    name="accounts.listing",
    method="GET",
    path="/accounts",
    role="admin",
    request=Window,
    response=list[AccountRow],
    kind="table",
    description="All accounts, oldest first, including disabled ones.",
)
invite = Operation(
    name="accounts.invite",
    method="POST",
    path="/accounts",
    role="admin",
    request=Invite,
    response=Invitation,
    status=201,
    description="Create an account. Only this response contains its token, which opens ``/invitation/TOKEN`` once.",
)
reset = Operation(
    name="accounts.reset",
    method="POST",
    path="/accounts/{who:path}/reset",
    role="admin",
    request=NameAccount,
    response=Invitation,
    status=201,
    description="Create a new link for an account (name or id), for example after a lost password. Earlier links, "
    "the old password and every session end at once. Enables a disabled account.",
)
disable = Operation(
    name="accounts.disable",
    method="POST",
    path="/accounts/{who:path}/disable",
    role="admin",
    request=NameAccount,
    response=Account,
    description="Disable an account immediately. What the person did is kept.",
)
set_role = Operation(
    name="accounts.set_role",
    method="PUT",
    path="/accounts/{who:path}/role",
    role="admin",
    request=SetRole,
    response=Account,
    description="Change an account's role, effective with its next request.",
)
create_one_time_link = Operation(
    name="accounts.create_one_time_link",
    method="POST",
    path="/one-time-links",
    role="admin",
    request=Nothing,
    response=OneTimeLink,
    status=201,
    description="Create a link ``/one-time/TOKEN`` that signs one browser in as `local`; 409 once there is an account.",
)
