"""Declares the operation on deployments that end, and on the migrations from them."""

from typing import Any

from fairtrial.api.operation import Answer, Nothing, Operation


class EndingDeployment(Answer, frozen=True, kw_only=True):
    """A deployment that ends, and the newest report of `fairtrial migrate` on it; ``None`` is unknown or not made."""

    deployment: str
    model: str | None
    countdown: str | None
    last_day: str | None
    days_left: int | None
    serves: tuple[str, ...]
    report: dict[str, Any] | None


listing = Operation(
    name="migrations.listing",
    method="GET",
    path="/migrations",
    role="release-manager",
    request=Nothing,
    response=list[EndingDeployment],
    kind="table",
    description="Each deployment with a last day or a migration, the earliest day first: the countdown as of today, "
    "and the newest report of `fairtrial migrate`, as its `--json` prints it.",
)
