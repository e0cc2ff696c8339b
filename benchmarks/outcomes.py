"""Does `requests.asked_again_rate` find rewordings, and does it call equal arms different?

    python benchmarks/outcomes.py                 # about two minutes; the first time it downloads one package
    python benchmarks/outcomes.py --only pairs    # or: trials
    python benchmarks/outcomes.py --half develop  # the pairs with which the threshold was chosen

Pairs: the package fow-cache ships questions with rewordings, and conversations with support. A rewording of a question
is a positive, and the next message of the same conversation a negative. Each pair is a user with two requests, which go
through journal, ingest and store. Half of the questions and conversations chose the threshold; the others are reported.

Trials: two equal arms, whose users differ in how many questions they send and how often they ask again. The product's
own decision reads the sums at each look. The exit code is 1 if a limit is missed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path[0] = str(Path(__file__).parents[1])  # a file beside this one has the name of a package of ours

import numpy as np  # noqa: E402

from benchmarks.audit_trials.packages import archive, members  # noqa: E402
from benchmarks.decision_trials.populations import (  # noqa: E402
    Floats,
    Group,
    Population,
    arm_sums,
    drawn,
    looks_until,
)
from benchmarks.decision_trials.trial import frozen  # noqa: E402
from benchmarks.experiment_trials.promise import Row, share  # noqa: E402
from fairtrial.config.layout import Layout  # noqa: E402
from fairtrial.domain.events import Exposure, RequestEvent  # noqa: E402
from fairtrial.domain.limits.constants import HOUR_US, MINUTE_US  # noqa: E402
from fairtrial.experiments.analysis.findings import find  # noqa: E402
from fairtrial.experiments.analysis_plan import AnalysisPlan  # noqa: E402
from fairtrial.experiments.sums import ArmSums, Sums  # noqa: E402
from fairtrial.journal.writer import JournalWriter  # noqa: E402
from fairtrial.stats.sequential.request_errors import RequestErrors  # noqa: E402
from fairtrial.store.core.database import Database  # noqa: E402
from fairtrial.store.ingest.ingest import Ingester  # noqa: E402

METRIC = "requests.asked_again_rate"
PACKAGE = ("fow-cache", "0.1.0")
PAIRS, TRIALS, UNITS = 500, 2_000, 6_000
START_US = 1_800_000_000_000_000
REWORDED = "SELECT exposed_unit FROM requests WHERE next_request IN ('reworded', 'repeated') ORDER BY ALL"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two messages of one user. ``reworded``: the second asks the first again; ``None`` where only a name changed."""

    first: str
    second: str
    reworded: bool | None
    develops: bool


def shipped() -> list[Pair]:
    """The pairs of the package, each once."""
    texts = dict(members(archive(*PACKAGE, source=False), ".jsonl"))
    found: dict[tuple[str, str], Pair] = {}
    for name, content in texts.items():
        for line in content.decode().splitlines():
            row = json.loads(line)
            for pair in _of_questions(row) if name.endswith("pairs.jsonl") else _of_conversations(row):
                found.setdefault((pair.first, pair.second), pair)
    return list(found.values())


def _of_questions(row: dict[str, Any]) -> Iterator[Pair]:
    yield Pair(row["a"], row["b"], True if row["same_answer"] else None, _develops(row["a"]))


def _of_conversations(row: dict[str, Any]) -> Iterator[Pair]:
    develops = _develops(row["id"])
    one, other = ([turn["content"] for turn in row[name] if turn["role"] == "user"] for name in "ab")
    if row["subtype"] == "same_context_reworded":
        yield Pair(one[-1], other[-1], True, develops)
    for turns in (one, other):
        yield from (Pair(*pair, False, develops) for pair in pairwise(turns))


def _develops(key: str) -> bool:
    return int(hashlib.sha256(key.encode()).hexdigest(), 16) % 2 == 0


def asked_again(pairs: Sequence[Pair]) -> set[int]:
    """The numbers of the pairs whose second message asks the first again, by the store."""
    with tempfile.TemporaryDirectory() as folder:
        layout = Layout(Path(folder) / "fairtrial.duckdb").make()
        writer = JournalWriter(layout.journal, writer="w")
        for number, pair in enumerate(pairs):
            writer.append(*(_request(number, at, text) for at, text in enumerate((pair.first, pair.second))))
        writer.close()
        with closing(Database.open(layout)) as database:
            Ingester(database, lambda: START_US + HOUR_US).catch_up()
            return {int(unit) for (unit,) in database.rows(REWORDED)}


def _request(number: int, at: int, text: str) -> RequestEvent:
    """The first or second message of a pair, two minutes apart."""
    body = json.dumps({"model": "support", "messages": [{"role": "user", "content": text}]})
    exposure = Exposure(
        unit=str(number), unit_kind="user", enrolled=True, state="running", stage=100.0, propensity=0.5,
        enrol_bucket=0.5, arm_bucket=0.5, analysis_hash="a1",
    )  # fmt: skip
    return RequestEvent(
        request_id=f"r-{number:05}-{at}", at_us=START_US + 2 * at * MINUTE_US, endpoint="chat.completions",
        route="support", status=200, outcome="ok", reason="assigned", plan_hash="p", worker="w0", experiment="e",
        variant_assigned="base", variant_served="base", unit=str(number), arm_outcome="answered",
        user_outcome="answered", exposure=exposure, prompt_digest=hashlib.sha256(body.encode()).hexdigest(),
        request_body=body,
    )  # fmt: skip


def pair_rows(*, develops: bool) -> Iterator[Row]:
    """Precision and recall on pairs of one half: all rewordings, and as many follow-ups as make 500."""
    half = [pair for pair in shipped() if pair.develops == develops]
    rewordings = [pair for pair in half if pair.reworded]
    others = [pair for pair in half if pair.reworded is False]
    chosen = np.random.default_rng(20261207).permutation(len(others))[: PAIRS - len(rewordings)]
    pairs = rewordings + [others[at] for at in chosen]
    found = asked_again(pairs)
    right = [pairs[at].reworded is True for at in sorted(found)]
    what = f"{len(pairs)} pairs, {len(rewordings)} of them rewordings"
    yield share(f"{what}: precision", right, least=0.8)
    yield share(f"{what}: recall", [at in found for at in range(len(rewordings))], least=0.8)
    follows = asked_again(others)
    yield share(f"all {len(others):,} follow-ups: counted as asked again", [at in follows for at in range(len(others))])
    swapped = [pair for pair in half if pair.reworded is None]
    again = asked_again(swapped)
    name = f"{len(swapped)} questions that differ in a name, a number or a negation: counted as asked again"
    yield share(name, [at in again for at in range(len(swapped))])


def trial_rows() -> Iterator[Row]:
    """How often two arms are called different, as the primary metric and as a guardrail."""
    primary = {"metric": METRIC, "require": "superior", "mde": "3pp"}
    plans = {
        "called better or worse": frozen(primary=primary, guardrails=(), looks="monitor"),
        "called harm or a decline": frozen(primary=None, guardrails=[{"metric": METRIC, "margin": "3pp"}]),
    }
    for what, arm, limits in (
        ("equal arms", _users(0.0), {"most": 0.05}),
        ("users who ask again 6 points more often", _users(0.06), {}),
    ):
        for called, plan in plans.items():
            found = _different(plan, (_users(0.0), arm), np.random.default_rng(20261207))
            yield share(f"{what}, {UNITS:,} users, {TRIALS:,} trials: {called}", found, **limits)


def _users(more: float) -> Population:
    """Most send one or three questions; some send 20 and ask again often."""
    groups = (Group(0.5, 1, 0.08 + more), Group(0.4, 3, 0.12 + more), Group(0.1, 20, 0.3 + more))
    return Population.of(*groups)


def _different(plan: AnalysisPlan, arms: tuple[Population, Population], rng: np.random.Generator) -> list[bool]:
    """Of each trial, whether any look called the arms different."""
    found = np.zeros(TRIALS, np.bool_)
    for _, control, treatment in drawn(rng, arms, looks_until(UNITS, first=100, growth=0.4), TRIALS):
        for trial in np.flatnonzero(~found).tolist():
            (finding,) = find(
                plan, Sums(plan.started_us, {"base": _read(control[trial]), "tuned": _read(treatment[trial])})
            )
            found[trial] = finding.answer in ("better", "worse", "harm") or finding.declined
    return found.tolist()


def _read(columns: Floats) -> ArmSums:
    """One arm as a look reads it; first requests alone are not read, because their outcome comes later."""
    sums = arm_sums(columns, [METRIC])
    errors = sums.metrics[METRIC]
    assert isinstance(errors, RequestErrors)
    assert errors.shares is not None
    return replace(sums, metrics={METRIC: replace(errors, shares=replace(errors.shares, first=None))})


def main() -> int:
    """Print the rows; the exit code says whether all limits are met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("pairs", "trials"))
    parser.add_argument("--half", choices=("develop", "report"), default="report", help="the half of the pairs")
    options = parser.parse_args()
    rows = [] if options.only == "trials" else list(pair_rows(develops=options.half == "develop"))
    rows += [] if options.only == "pairs" else list(trial_rows())
    print("\n".join(row.line for row in rows))
    return 1 if any(row.broken for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
