"""Declares the operations on results of asking whether deployments answer as their bases."""

from fairtrial.api.operation import Answer, Operation, Request
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
