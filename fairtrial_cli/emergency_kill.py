"""Kills an experiment through control, or by a kill file if control or the store can't do it."""

from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace

from fairtrial.api import experiments
from fairtrial.api.experiment_answers import ExperimentStatus
from fairtrial.config.layout import Layout
from fairtrial.config.owner_lock import local_actor, read_note
from fairtrial.config.plan.live_state import standing_kill, unusable_kills
from fairtrial.domain.errors import RequestError, StoreError, UnreadableAnswer, UsageError
from fairtrial.domain.limits.constants import CONTROL_SECONDS
from fairtrial.experiments.kill_by_file import first_line, kill_by_file, published_plan
from fairtrial.experiments.lifecycle import unrecorded_kill
from fairtrial_cli.store_client.client import open_store


def kill_experiment(layout: Layout, config: Path, name: str, why: str, *, emergency: bool = False) -> ExperimentStatus:
    """Kill it, and return its state; ``cause`` and ``notes`` say why it is not recorded yet, and what happens next.

    If control runs, control decides. ``emergency``: neither ask control nor open the store. Raises `UsageError` if
    there is nothing to kill.

    It imports the store only to open it, after the workers have got the kill.
    """
    if emergency:
        return _kill_by_file(layout, name, why, cause="Control was not asked, because of --emergency.")
    if not layout.plan.exists():
        with open_store(layout, config) as opened:
            return opened.call(experiments.change, _kill(name, why))
    url = _control_url(layout)
    if url is not None:
        return _ask_control(url, layout, name, why)
    written = _kill_by_file(layout, name, why, cause="The store has not recorded it yet.", nothing_waits=True)
    try:
        with open_store(layout, config) as opened:
            state = opened.call(experiments.state, experiments.NameExperiment(name=name))
        return written if Path(str(written.file)).exists() else state
    except Exception as error:  # noqa: BLE001 - the workers have the kill, whatever is wrong with the store
        return replace(written, cause=f"The store can't record it now: {first_line(str(error))}.")


def unrecorded_kills(layout: Layout) -> Iterator[str]:
    """A line for each experiment that a kill file stops at present, and for each kill file that stops none."""
    plan = published_plan(layout)
    experiments = {} if plan is None else plan.experiments
    for experiment in experiments.values():
        kill = standing_kill(layout.folder, experiment)
        if kill is not None:
            yield f"{experiment.name}: {unrecorded_kill(kill, experiment.control)}"
    if plan is not None:
        yield from unusable_kills(layout.folder, experiments)


def _control_url(layout: Layout) -> str | None:
    note = read_note(layout)
    return None if note is None else note.control_url


def _ask_control(url: str, layout: Layout, name: str, why: str) -> ExperimentStatus:
    from fairtrial_cli.store_client.http_client import HttpClient

    try:
        with HttpClient(url, layout, seconds=CONTROL_SECONDS) as store:
            return store.call(experiments.change, _kill(name, why))
    except UnreadableAnswer as error:
        return _kill_by_file(layout, name, why, cause=f"Control answered, but {first_line(str(error))}.")
    except StoreError as error:
        return _kill_by_file(layout, name, why, cause=f"Control did not complete it: {first_line(str(error))}.")


def _kill(name: str, why: str) -> experiments.ChangeExperiment:
    return experiments.ChangeExperiment(name=name, action="kill", why=why)


def _kill_by_file(layout: Layout, name: str, why: str, *, cause: str, nothing_waits: bool = False) -> ExperimentStatus:
    try:
        return kill_by_file(layout, name, why, actor=local_actor(), cause=cause, nothing_waits=nothing_waits)
    except RequestError as error:
        raise UsageError(error.message) from error
