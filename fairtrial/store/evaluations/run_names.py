"""Finds a run by its id, by a unique beginning of its id, or as the newest run of a suite on a target."""

from __future__ import annotations

from difflib import get_close_matches

from fairtrial.domain.errors import BadRequest, NotFound
from fairtrial.store.core.database import Database

SHOWN = 3
"""How many runs an error names."""

BEGINNING = """
SELECT run_id
FROM runs
WHERE starts_with(run_id, $1)
ORDER BY run_id <> $1, at_time DESC, run_id
LIMIT $2
"""

NEWEST = """
SELECT run_id, status
FROM runs
WHERE suite = $1 AND target = $2
ORDER BY status <> 'finished', ended_time DESC, at_time DESC, run_id DESC
LIMIT 1
"""

IDS = """
SELECT run_id
FROM runs
ORDER BY at_time DESC, run_id DESC
LIMIT 1000
"""

PAIRS = """
SELECT suite || '@' || target
FROM runs
WHERE status = 'finished'
GROUP BY suite, target
ORDER BY max(at_time) DESC
LIMIT 1000
"""


def find_run(database: Database, name: str) -> str:
    """The id of the run; raises `NotFound` with similar names, or `BadRequest` if several ids begin so."""
    suite, at, target = name.partition("@")
    return _newest(database, name, suite, target) if at else _beginning(database, name)


def unknown_run(database: Database, name: str) -> NotFound:
    """The error for a run that does not exist, with the ids that are most similar."""
    ids = [str(run_id) for (run_id,) in database.rows(IDS)]
    begun = {run_id[: len(name)]: run_id for run_id in reversed(ids)}
    near = [begun[one] for one in get_close_matches(name, begun, n=SHOWN, cutoff=0.5)] if name else []
    known = f"nearest: {', '.join(near)}" if near else "the list: fairtrial runs list"
    return NotFound(f"run: there is no run with the id {name!r} ({known})", code="run_not_found")


def _beginning(database: Database, name: str) -> str:
    found = [str(run_id) for (run_id,) in database.rows(BEGINNING, (name, SHOWN + 1))] if name else []
    if not found:
        raise unknown_run(database, name)
    if len(found) > 1 and found[0] != name:
        more = ", …" if len(found) > SHOWN else ""
        raise BadRequest(f"run: more than one id begins with {name!r} ({', '.join(found[:SHOWN])}{more})")
    return found[0]


def _newest(database: Database, name: str, suite: str, target: str) -> str:
    found = database.rows(NEWEST, (suite, target))
    if found and found[0][1] == "finished":
        return str(found[0][0])
    if found:
        known = f"the run {found[0][0]} was interrupted; to resume it: fairtrial eval SUITE.yaml --on {target}"
    else:
        near = get_close_matches(name, [str(one) for (one,) in database.rows(PAIRS)], n=SHOWN, cutoff=0.5)
        known = f"nearest: {', '.join(near)}" if near else f"run it: fairtrial eval SUITE.yaml --on {target}"
    raise NotFound(
        f"{name}: there is no finished run of the suite {suite!r} on {target!r} ({known})", code="run_not_found"
    )
