"""Declares the operations on results of asking whether deployments answer as their bases."""

from fairtrial.api.operation import Answer, Nothing, Operation, Request
from fairtrial.domain.verdicts.model_ask import ModelAsk
from fairtrial.domain.verdicts.model_equality import ModelEquality


class RecordEquality(Request, frozen=True, kw_only=True):
    """A result of asking."""

    result: ModelEquality


class EqualityOf(Request, frozen=True, kw_only=True):
    """Two definitions, by their digests."""

    deployment_digest: str
    base_digest: str


class KnownEquality(Answer, frozen=True, kw_only=True):
    """The newest result; null if the two were not asked."""

    result: ModelEquality | None


class RecordAsk(Request, frozen=True, kw_only=True):
    """One ask of a judged deployment."""

    ask: ModelAsk


class RecordedAsk(Answer, frozen=True, kw_only=True):
    """The ask as it was kept, with the time of a change that it establishes."""

    ask: ModelAsk


class JudgedModels(Answer, frozen=True, kw_only=True):
    """The deployments that serve users and were judged, each with its present series of asks, oldest first."""

    series: dict[str, tuple[ModelAsk, ...]]


record = Operation(
    name="model_equality.record",
    method="POST",
    path="/model-equality",
    role="release-manager",
    request=RecordEquality,
    response=KnownEquality,
    description="Keep whether a deployment answers as its base. *Same* opens an alarm; another answer closes it.",
)
known = Operation(
    name="model_equality.known",
    method="GET",
    path="/model-equality",
    role="release-manager",
    request=EqualityOf,
    response=KnownEquality,
    description="The newest result for two definitions; null if they were not asked.",
)
judged = Operation(
    name="model_equality.judged",
    method="GET",
    path="/model-equality/judged",
    role="release-manager",
    request=Nothing,
    response=JudgedModels,
    description="The deployments that are asked every day whether they are still the models that were judged.",
)
record_ask = Operation(
    name="model_equality.record_ask",
    method="POST",
    path="/model-equality/asks",
    role="release-manager",
    request=RecordAsk,
    response=RecordedAsk,
    description="Keep an ask of a judged deployment. A change opens an alarm, and its verdicts become stale.",
)
