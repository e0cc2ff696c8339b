"""Kills an experiment through control, or by a kill file if control or the store can't do it."""

import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fairtrial.api import experiments
from fairtrial.config.layout import Layout
from fairtrial.config.owner_lock import local_actor, read_note
from fairtrial.config.plan.live_state import KillFile, standing_kill, write_kill
from fairtrial.config.plan.published import read
from fairtrial.domain.errors import PlanRefused, RequestError, StoreError, UsageError
from fairtrial.domain.limits.constants import CONTROL_SECONDS
from fairtrial.domain.plan import Plan
from fairtrial.experiments.lifecycle import checked_reason, next_state, unrecorded_kill
from fairtrial.experiments.published_state import find_experiment
from fairtrial_cli.store_client.client import open_store

ID_BYTES = 8


def kill_experiment(layout: Layout, config: Path, name: str, why: str, *, emergency: bool = False) -> dict[str, Any]:
    """Kill it, and return its state; ``cause`` and ``notes`` say why it is not recorded yet, and what happens next.

    If control runs, control decides. ``emergency``: neither ask control nor open the store. Raises `UsageError` if
    there is nothing to kill.

    It imports the store only to open it, after the workers have got the kill.
    """
    if emergency:
        return _kill_by_file(layout, name, why) | {"cause": "Control was not asked, because of --emergency."}
    if not layout.plan.exists():
        with open_store(layout, config) as opened:
            return opened.call(experiments.change, _kill(name, why))
    url = _control_url(layout)
    if url is not None:
        return _ask_control(url, layout, name, why)
    written = _kill_by_file(layout, name, why, nothing_waits=True)
    try:
        with open_store(layout, config) as opened:
            state = opened.call(experiments.state, experiments.NameExperiment(name=name))
        return written | {"cause": "The store has not recorded it yet."} if Path(written["file"]).exists() else state
    except Exception as error:  # noqa: BLE001 - the workers have the kill, whatever is wrong with the store
        return written | {"cause": f"The store can't record it now: {_first_line(error)}."}


def unrecorded_kills(layout: Layout) -> Iterator[str]:
    """A line for each experiment that a kill file stops at present."""
    plan = _published(layout)
    for experiment in plan.experiments.values() if plan is not None else ():
        kill = standing_kill(layout.folder, experiment)
        if kill is not None:
            yield f"{experiment.name}: {unrecorded_kill(kill, experiment.control)}"


def _control_url(layout: Layout) -> str | None:
    note = read_note(layout)
    return None if note is None else note.control_url


def _ask_control(url: str, layout: Layout, name: str, why: str) -> dict[str, Any]:
    from fairtrial_cli.store_client.http_client import HttpClient

    try:
        with HttpClient(url, layout, seconds=CONTROL_SECONDS) as store:
            return store.call(experiments.change, _kill(name, why))
    except StoreError as error:
        return _kill_by_file(layout, name, why) | {"cause": f"Control did not complete it: {_first_line(error)}."}


def _kill(name: str, why: str) -> experiments.ChangeExperiment:
    return experiments.ChangeExperiment(name=name, action="kill", why=why)


def _kill_by_file(layout: Layout, name: str, why: str, *, nothing_waits: bool = False) -> dict[str, Any]:
    """Write the kill file, and return the state as far as it is known.

    An experiment that is killed already gets one, too, because a re-arm may wait for control. ``nothing_waits``: no
    control runs, so nothing can do that.
    """
    plan = _published(layout)
    try:
        reason = checked_reason(why)
        experiment = None if plan is None else find_experiment(plan, name)
        if experiment is not None and (nothing_waits or experiment.state == "ended"):
            next_state(name, experiment.state, experiment.segment, "kill", promoted=experiment.serves is not None)
    except RequestError as error:
        raise UsageError(error.message) from error
    kill = KillFile(name, time.time_ns() // 1000, local_actor(), reason)
    path, complete = write_kill(layout, kill, secrets.token_hex(ID_BYTES))
    notes = [f"The gateway's workers obey {path} within a second. Control records the stop later and removes the file."]
    if not complete:
        notes += ["The disk is full, so the file has no reason. Control records its owner and its time."]
    if experiment is None:
        notes += ["The published configuration can't be read, so check the name of the experiment."]
    sentence = unrecorded_kill(kill, "the control" if experiment is None else experiment.control)
    return {"name": name, "state": "killed", "sentence": sentence, "edit": None, "file": str(path), "notes": notes}


def _published(layout: Layout) -> Plan | None:
    try:
        return read(layout.plan).plan
    except PlanRefused:
        return None


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
