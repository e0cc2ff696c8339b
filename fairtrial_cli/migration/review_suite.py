"""Makes a suite of the pairs of a closed review: the preferred answer of each agreed pair is the reference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluators.review.training_rows import LeftOut, preferred
from fairtrial.api import reviews
from fairtrial.domain.errors import UsageError
from fairtrial.privacy.search import mask
from fairtrial_cli.migration.drawn_suite import path_of, write_suite

if TYPE_CHECKING:
    from fairtrial.config.project import Project
    from fairtrial_cli.store_client.client import StoreClient

ID_LETTERS = 8


def review_suite(project: Project, store: StoreClient, queue_id: str) -> tuple[Path, bool]:
    """The file of the suite of this queue, and whether it was made now; a closed queue gives the same suite again.

    A case has the id that it had in the reviewed suite. Raises `UsageError` without an agreed pair, for an open queue,
    and for an unknown one.
    """
    folder, name = project.layout.make().traffic_suites, f"reviews-{queue_id[:ID_LETTERS]}"
    pairs = store.call(reviews.pairs, reviews.NameQueue(queue_id=queue_id))
    path = path_of(folder, name)
    if path.exists():
        return path, False
    rows = [row for pair in pairs if (row := _row(pair)) is not None]
    if not rows:
        command = f"fairtrial review export {queue_id} --format dpo"
        raise UsageError(f"--from-reviews: no pair of {queue_id} has an agreed preference (the reasons: {command})")
    description = f"Reviewed prompts of the queue {queue_id}. The references are the preferred answers."
    write_suite(path, description, rows)
    return path, True


def _row(pair: Mapping[str, Any]) -> dict[str, Any] | None:
    """One case, or ``None`` without an agreed preference. An erasure knows the row by its case and its request."""
    try:
        arm = preferred(pair)
    except LeftOut:
        return None
    kinds: Counter[str] = Counter()
    return {
        "id": pair["case_id"],
        "case_id": pair["case_id"],
        "request_id": pair[f"{arm}_request"],
        "queue_id": pair["queue_id"],
        "votes": len(pair["votes"]),
        "preferred": pair[arm],
        **mask({"messages": pair["asked"], "expected": pair[f"{arm}_output"]}, kinds),
    }
