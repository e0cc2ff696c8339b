"""Implements the operations on whether deployments answer as their bases, and as when they were judged."""

from fairtrial.api.model_equality import EqualityOf, JudgedModels, KnownEquality, RecordAsk, RecordedAsk, RecordEquality
from fairtrial.api.operation import Nothing
from fairtrial.store.evaluations import model_asks, model_equality
from gateway.control.context import Context
from gateway.control.verdicts.judged_models import judged_models, record_judged_ask


def record(context: Context, request: RecordEquality) -> KnownEquality:
    model_equality.save(context.database, request.result, actor=context.actor, now_us=context.now_us)
    return KnownEquality(result=request.result)


def known(context: Context, request: EqualityOf) -> KnownEquality:
    return KnownEquality(result=model_equality.newest(context.database, request.deployment_digest, request.base_digest))


def judged(context: Context, _: Nothing) -> JudgedModels:
    plan = context.present().plan
    names = judged_models(context.database, plan)
    return JudgedModels(
        series={name: tuple(model_asks.series(context.database, plan.deployments[name].digest)) for name in names}
    )


def record_ask(context: Context, request: RecordAsk) -> RecordedAsk:
    names = judged_models(context.database, context.present().plan)
    ask = record_judged_ask(context.database, request.ask, len(names), actor=context.actor, now_us=context.now_us)
    return RecordedAsk(ask=ask)
