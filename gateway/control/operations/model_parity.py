"""Implements the operation that keeps whether a deployment serves what was trained."""

from fairtrial.api.model_parity import KeptParity, RecordParity
from fairtrial.store.evaluations import model_parity
from gateway.control.context import Context


def record(context: Context, request: RecordParity) -> KeptParity:
    model_parity.save(context.database, request.result, actor=context.actor, now_us=context.now_us)
    return KeptParity(result=request.result)
