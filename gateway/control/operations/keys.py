"""Implements the operations on API keys."""

from fairtrial.api.keys import CreateKey, RevokedKey, RevokeKey
from fairtrial.api.operation import Window
from fairtrial.domain.accounts import NewKey
from fairtrial.store.access import audit, credentials
from fairtrial.store.core.query import Query
from gateway.control.context import Context


def listing(_: Context, request: Window) -> Query:
    return credentials.list_keys(request.limit, request.offset)


def create(context: Context, request: CreateKey) -> NewKey:
    made = credentials.create_key(context.database, request, now_us=context.now_us)
    _publish(context, "key.create", made.key_id)
    return made


def revoke(context: Context, request: RevokeKey) -> RevokedKey:
    credentials.revoke_key(context.database, request.key_id, now_us=context.now_us)
    _publish(context, "key.revoke", request.key_id)
    return RevokedKey(revoked=request.key_id)


def _publish(context: Context, action: str, key_id: str) -> None:
    """Record the change and have the gateway know it at once."""
    audit.record(context.database, now_us=context.now_us, actor=context.caller.author, action=action, subject=key_id)
    context.owner.publish_keys()
