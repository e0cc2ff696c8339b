"""Makes tables of a run with replaced answers, and of some of its cases, so that lines can be judged on them again."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any

import numpy as np

from evaluators.results.run_table import (
    NO_DONOR,
    Controls,
    Details,
    Ints,
    Marks,
    RunTable,
    Tag,
    no_controls,
)

CONTROLS = "controls"


def controls_of(run: RunTable) -> Controls | None:
    """The negative controls of a run, read once; ``None`` if an earlier version made it, or no case has a donor."""
    return run.memoize(CONTROLS, run.controls)


def controls_read(run: RunTable) -> Controls | None:
    """The negative controls if a rule has read them."""
    return controls_of(run) if run.has_memo(CONTROLS) else None


def with_donor(run: RunTable, controls: Controls, scorer: str | None) -> Marks:
    """For each case, whether all of its answers have replacements that this scorer has scored; ``None``: any scorer."""
    replaced = controls.outcomes[0] != NO_DONOR
    if scorer is not None:
        applied = run.state(scorer) != 0
        scored = [~np.isnan(of).all(axis=0) for name, of in controls.values.items() if name.partition(".")[0] == scorer]
        replaced = replaced & (~applied | np.logical_or.reduce(scored or [np.zeros(run.n, dtype=bool)]))
    return ~run.any_of_case(~replaced)


def replaced(run: RunTable, controls: Controls, number: int) -> RunTable:
    """The run with one replacement of each answer. Latencies, tokens, costs and failed answers stay."""
    outcomes = controls.outcomes[number]
    return _changed(
        run,
        outcomes=np.where(outcomes == NO_DONOR, run.outcomes, outcomes),
        values=dict(run.values) | {metric: of[number] for metric, of in controls.values.items()},
        details=partial(_details, controls, number),
    )


def _details(controls: Controls, number: int, scorer: str) -> Iterator[Details | None]:
    for details in controls.details(scorer):
        yield None if details is None else details[number]


def only(run: RunTable, cases: Marks) -> RunTable:
    """The run with only these cases."""
    kept = np.flatnonzero(cases)
    rows = np.flatnonzero(cases[run.case_of])
    place = np.full(len(run.case_ids), -1, dtype=np.intp)
    place[kept] = np.arange(len(kept))
    clusters = None if run.clusters is None else np.unique(run.clusters[kept], return_inverse=True)[1].astype(np.intp)
    return _changed(
        run,
        case_ids=tuple(run.case_ids[at] for at in kept),
        case_of=place[run.case_of[rows]],
        outcomes=run.outcomes[rows],
        failed=run.failed[rows],
        cached=run.cached[rows],
        latency_ms=run.latency_ms[rows],
        tokens_out=run.tokens_out[rows],
        cost_usd=run.cost_usd[rows],
        answers=run.answers[rows],
        values={metric: of[rows] for metric, of in run.values.items()},
        states={scorer: of[rows] for scorer, of in run.states.items()},
        tags={name: Tag(tag.codes[kept], tag.texts) for name, tag in run.tags.items()},
        clusters=clusters,
        details=partial(_details_of_rows, run, rows),
    )


def _changed(run: RunTable, **changes: Any) -> RunTable:
    """The run with these columns, and with groupings of its own."""
    return replace(run, controls=no_controls, _memo={}, **changes)


def _details_of_rows(run: RunTable, rows: Ints, scorer: str) -> Iterator[Details | None]:
    kept = set(rows.tolist())
    for at, details in enumerate(islice(run.details(scorer), run.n)):
        if at in kept:
            yield details
