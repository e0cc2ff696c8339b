"""Implements the operations on results of asking whether deployments answer as their bases."""

from fairtrial.api.model_equality import EqualityOf, KnownEquality, RecordEquality
from fairtrial.store.evaluations import model_equality
from gateway.control.context import Context


def record(context: Context, request: RecordEquality) -> KnownEquality:
    model_equality.save(context.database, request.result, actor=context.actor, now_us=context.now_us)
    return KnownEquality(result=request.result)


def known(context: Context, request: EqualityOf) -> KnownEquality:
    return KnownEquality(result=model_equality.newest(context.database, request.deployment_digest, request.base_digest))
