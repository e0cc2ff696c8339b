"""Declares the operation that keeps whether a deployment serves what was trained."""

from fairtrial.api.operation import Answer, Operation, Request
from fairtrial.domain.verdicts.model_parity import ModelParity


class RecordParity(Request, frozen=True, kw_only=True):
    """A result of comparing a served model with a file of its training."""

    result: ModelParity


class KeptParity(Answer, frozen=True, kw_only=True):
    """The result."""

    result: ModelParity


record = Operation(
    name="model_parity.record",
    method="POST",
    path="/model-parity",
    role="release-manager",
    request=RecordParity,
    response=KeptParity,
    description="Keep whether a deployment serves what was trained. The gate rule `parity.served hold` reads it.",
)
