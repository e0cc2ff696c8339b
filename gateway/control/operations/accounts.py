"""Implements the operations on the accounts of people."""

from fairtrial.api.accounts import Invite, Me, NameAccount, SetRole
from fairtrial.api.operation import Nothing, Window
from fairtrial.domain.accounts import Account, Invitation, OneTimeLink
from fairtrial.domain.errors import BadRequest
from fairtrial.store.access import accounts, credentials
from fairtrial.store.core.query import Query
from gateway.control.context import Context


def me(context: Context, _: Nothing) -> Me:
    caller = context.caller
    return Me(account_id=caller.account_id, name=caller.name, role=caller.role)


def listing(_: Context, request: Window) -> Query:
    return accounts.listing(request.limit, request.offset)


def invite(context: Context, request: Invite) -> Invitation:
    actor = context.caller.author
    return accounts.invite(context.database, request.name, request.role, actor=actor, now_us=context.now_us)


def reset(context: Context, request: NameAccount) -> Invitation:
    return accounts.reset(context.database, request.who, actor=context.caller.author, now_us=context.now_us)


def disable(context: Context, request: NameAccount) -> Account:
    _refuse_oneself(context, request.who)
    return accounts.disable(context.database, request.who, actor=context.caller.author, now_us=context.now_us)


def set_role(context: Context, request: SetRole) -> Account:
    _refuse_oneself(context, request.who)
    actor = context.caller.author
    return accounts.set_role(context.database, request.who, request.role, actor=actor, now_us=context.now_us)


def create_one_time_link(context: Context, _: Nothing) -> OneTimeLink:
    return credentials.create_link(context.database, actor=context.caller.author, now_us=context.now_us)


def _refuse_oneself(context: Context, who: str) -> None:
    if accounts.find(context.database, who).account_id == context.caller.account_id:
        raise BadRequest("accounts: you can't change your own rights; ask another admin, or use the command line")
