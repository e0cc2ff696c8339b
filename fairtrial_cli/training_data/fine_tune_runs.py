"""Runs a generated suite on a fine-tune and on its base, and returns both runs in columns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluators.engine.target import resolve
from fairtrial.domain.errors import UsageError
from fairtrial_cli.options import project_of
from fairtrial_cli.training_data.data_files import deployment_of

if TYPE_CHECKING:
    from evaluators.results.run_table import RunTable
    from evaluators.suite import Suite
    from fairtrial.config.project import Project
    from fairtrial.domain.run import Run


class UnsoundRun(UsageError):
    """Too many cases of a run could not be scored, so that nothing is judged by it."""

    exit_code = 4


@dataclass(frozen=True, slots=True)
class FineTune:
    """A candidate and the base that it is compared with, in their project."""

    project: Project
    candidate: str
    base: str

    @classmethod
    def of(cls, config: Path, candidate: str, base: str | None) -> FineTune:
        """Both targets, checked; without ``base`` the deployment's parent. Raises `UsageError`."""

        project = project_of(config)
        found = base or _parent(project, candidate)
        for name in (candidate, found):
            resolve(name, project.plan, base_url="")
        if candidate == found:
            raise UsageError(f"--on {candidate}: a model cannot be compared with itself (name another with --against)")
        return cls(project, candidate, found)

    def run(self, suites: Sequence[Suite], *, concurrency: int, fresh: bool) -> list[tuple[RunTable, RunTable]]:
        """Run the suites on both through the gateway, with progress; each result has the candidate's run first.

        Raises `UnsoundRun` if more cases failed than a run may lose.
        """
        from rich.console import Console

        from evaluators.results.run_table import table_of
        from fairtrial_cli.output.terminal import run_progress
        from fairtrial_cli.run_suites import RunOptions, project_gateway, run_suites

        stderr = Console(stderr=True)
        with (
            project_gateway(self.project, say=lambda text: stderr.print(text)) as base_url,
            run_progress(stderr) as on_progress,
        ):
            options = RunOptions(concurrency=concurrency, fresh=fresh, on_progress=on_progress)
            names = (self.candidate, self.base)
            runs = run_suites(self.project, suites, names, base_url=base_url, options=options)
        for run in runs:
            _require_sound(run)
        return [(table_of(candidate), table_of(base)) for candidate, base in zip(runs[::2], runs[1::2], strict=True)]


def _parent(project: Project, candidate: str) -> str:
    """The base of a deployment, or of a variant's deployment."""
    deployment = deployment_of(project, candidate)
    if deployment is not None and deployment.parent is not None:
        return deployment.parent
    if deployment is not None and deployment.lineage is not None:
        return deployment.lineage.base
    raise UsageError(f"--on {candidate}: its base is unknown (name it with --against, or set 'parent')")


def _require_sound(run: Run) -> None:
    from evaluators.engine.summary import MOST_UNSCORED, first_error, unscored_share

    share = unscored_share(run)
    if share > MOST_UNSCORED:
        why = first_error(run) or "unknown"
        raise UnsoundRun(
            f"{run.suite} on {run.target}: {100 * share:.0f} % of the cases could not be scored, so nothing is judged "
            f"(first error: {why})"
        )


def parameters(given: Sequence[str]) -> dict[str, Any]:
    """The parameters of ``--param NAME=VALUE``; a value is JSON, or else a text. Raises `UsageError`."""
    found: dict[str, Any] = {}
    for one in given:
        name, equals, text = one.partition("=")
        if not equals or not name or name in ("model", "messages", "stream", "n"):
            raise UsageError(f"--param {one!r}: write NAME=VALUE, such as continue_final_message=true")
        try:
            found[name] = json.loads(text)
        except ValueError:
            found[name] = text
    return found
