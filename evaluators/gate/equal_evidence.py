"""Computes the digest that is equal for two verdicts on equal evidence, so that their approvals are shared.

Equal evidence is the same gate, suites, runs, votes, definitions, training data and sums of live traffic, judged by
the same rules. What only shows when, how often, or beside what else it was judged is left out of the digest.
"""

import hashlib
import json
from typing import Any

from evaluators.results.evidence_table import text_of

NOT_COMPARED = ("at_us", "candidates_judged", "candidates")
"""The time of judging, and counts of candidates: how strictly evidence is judged is not a part of it."""
NOT_COMPARED_LIVE = ("looks", "late_us", "held", "decision")
"""What a further look at the same sums changes; the decision follows from the plan, the sums and the memory."""


def digest_of_evidence(document: bytes) -> str:
    """The digest of a document that `encode` has written; raises `UnreadableEvidence`."""
    content: dict[str, Any] = json.loads(text_of(document))
    for name in NOT_COMPARED:
        content.pop(name, None)
    for *_, run in [*content["runs"], *content["before"]]:
        run.pop("answers", None)  # unknown once old texts are dropped; `run_id` names the same answers
    for suite in content["suites"]:
        suite.pop("file")  # a pipeline judges in a new folder each time
    # The order and number of fingerprints change with each answer of weights that alternate.
    content["served"] = {target: sorted(set(names)) for target, names in content["served"].items()}
    live = content["live"]
    live.pop("rates")  # informative: plain rates decide nothing
    for experiment in live["experiments"]:
        experiment["memory"].pop("looked_us")
        for name in NOT_COMPARED_LIVE:
            experiment.pop(name, None)
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
