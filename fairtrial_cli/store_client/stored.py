"""Reads and stores what takes more than one operation: runs, texts of suites, verdicts and frozen plans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fairtrial.api import experiments, runs, store, verdicts
from fairtrial.api.operation import Nothing
from fairtrial.domain.storage import verdict_json
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial_cli.store_client.journal_events import write_new_texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evaluators.results.run_table import RunTable
    from evaluators.suite import Suite
    from fairtrial.domain.verdict import Verdict
    from fairtrial.experiments.analysis_plan import AnalysisPlan
    from fairtrial_cli.store_client.client import StoreClient


def load_table(client: StoreClient, run_id: str) -> RunTable:
    """One run in columns, without texts; usable while the store is open. Raises `UsageError`."""
    from evaluators.results.stored_table import table_from

    def details(scorer: str) -> Any:
        return _arrow(client.call(runs.details, runs.DetailsOf(run_id=run_id, scorer=scorer)))

    return table_from(_arrow(client.call(runs.columns, runs.NameRun(run_id=run_id))), details)


def load_noise_floor(client: StoreClient, run_id: str) -> RunTable | None:
    """The run in which the same weights answered this run's suite again, or ``None``; see `load_table`."""
    again = client.call(runs.noise_floor, runs.NameRun(run_id=run_id)).run_id
    return None if again is None else load_table(client, again)


def record_suites(client: StoreClient, suites: Sequence[Suite]) -> None:
    """Store the texts of these suites, unless they are already stored."""

    def is_known(suite_digest: str, text_digest: str) -> bool:
        request = runs.ListSuites(suite_digest=suite_digest, text_digest=text_digest)
        return bool(client.call(runs.suites, request))

    if write_new_texts(client.layout, suites, is_known):
        client.call(store.ingest, Nothing())


def judge(client: StoreClient, request: verdicts.Judge) -> Verdict:
    """Judge, and store the verdict; raises `UsageError`."""
    return verdict_json.decode(bytes(client.call(verdicts.judge, request)))


def frozen_plans(client: StoreClient) -> dict[str, AnalysisPlan]:
    """The newest frozen analysis plan of each experiment that has started, by name."""
    rows = client.call(experiments.analysis_plans, Nothing())
    return {row["experiment"]: AnalysisPlan.restored(row) for row in rows}


def _arrow(content: bytes) -> Any:
    import pyarrow

    with pyarrow.ipc.open_stream(content) as stream:
        return stream.read_all()
