"""Finds what a project still needs for its first verdict, as steps with the lines that do each."""

import shlex
from collections.abc import Iterator
from os.path import relpath
from pathlib import Path

from evaluators.gate.file import Gate, load
from evaluators.suite import Suite
from fairtrial.api.verdicts import FirstStep
from fairtrial.domain.errors import ConfigError
from fairtrial.domain.plan import Plan
from fairtrial.domain.wording import counted
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page
from fairtrial.store.evaluations import runs, verdicts
from fairtrial.store.reviews import votes as reviews
from fairtrial.store.traffic.recorded_cases import is_sent_by_applications
from fairtrial.store.traffic.requests import unanswered
from gateway.control.verdicts.gate_file import digests_of, judge_request
from gateway.control.verdicts.provenance import Asked
from gateway.control.verdicts.release.release_check import targets_of

MODELS = """\
# in fairtrial.yaml
deployments:
  base:      {model: openai/MODEL,   base_url: "http://127.0.0.1:8000/v1"}
  candidate: {model: openai/ADAPTER, base_url: "http://127.0.0.1:8000/v1", parent: base}"""
GATE = """\
# in fairtrial.yaml
releases: {gate: release.gate.yaml}

# in release.gate.yaml, beside it
version: 1
gate: release
suites: [suites/SUITE.yaml]"""
CLIENT = """\
client = OpenAI(
    base_url="%s/v1",
    api_key="KEY",  # any text, unless the gateway requires keys: fairtrial keys create
)
client.chat.completions.create(
    model="%s",
    user="customer-4711",  # a stable id of the end user
    messages=[{"role": "user", "content": "Where is my parcel?"}],
)"""
Targets = tuple[str, str]
"""Candidate and baseline."""


def first_steps(database: Database, asker: Asked, gateway_url: str) -> list[FirstStep]:
    """The steps to a first verdict by the official gate, none if there is a verdict; raises `StoreError`."""
    if database.dicts(verdicts.newest(Page(limit=1))):
        return []
    targets = next((targets for targets in compared_targets(asker.plan) if targets[0] != targets[1]), None)
    file = next(iter(asker.release_gates.files()), None)
    known = " and ".join(reversed(targets)) if targets else "There are fewer than two."
    steps = [FirstStep(title="Two models are declared", known=known, done=bool(targets), lines=MODELS)]
    if targets is None or file is None:
        return [*steps, FirstStep(title="A gate decides", known="There is no official gate.", lines=GATE)]
    path = shlex.quote(relpath(file, asker.root))
    try:
        gate = load(file)
    except ConfigError as error:
        known = str(error).splitlines()[0]
        return [*steps, FirstStep(title="A gate decides", known=known, lines=f"fairtrial check {path}")]
    cases = [f"{counted(len(suite.cases), 'case')} in {suite.name}" for suite in gate.suites]
    steps.append(FirstStep(title="A gate decides", known=", ".join([path, *cases]), done=True))
    steps += [
        *_runs(database, asker, gate, targets),
        *_reviews(database, gate, targets),
        _traffic(database, asker, gate, gateway_url),
    ]
    ready = all(step.done for step in steps if step.needed)
    known = "Every step is done." if ready else "The gate decides after these steps."
    command = f"fairtrial gate {path} {_options(targets)}"
    judge = judge_request(gate, file, *targets) if ready else None
    return [*steps, FirstStep(title="A verdict", known=known, lines=command, judge=judge)]


def compared_targets(plan: Plan) -> Iterator[Targets]:
    """Those of experiments, then fine-tunes with their parents, then each deployment with the one that a route serves.

    Some compare a target with itself.
    """
    for route in plan.routes.values():
        if route.experiment is not None:
            experiment = plan.experiments[route.experiment]
            control = targets_of(plan, experiment, experiment.control)[-1]
            yield from ((targets_of(plan, experiment, arm.name)[-1], control) for arm in experiment.variants)
    yield from ((name, deployment.parent) for name, deployment in plan.deployments.items() if deployment.parent)
    served = next((route.deployment for route in plan.routes.values() if route.deployment), min(plan.deployments))
    yield from ((name, served) for name in plan.deployments)


def _runs(database: Database, asker: Asked, gate: Gate, targets: Targets) -> Iterator[FirstStep]:
    """Both models answer one question, and then all suites; no step for a gate without suites."""
    on = ",".join(reversed(targets))
    commands = {suite.name: Suite.command_of(Path(relpath(suite.path, asker.root)), on) for suite in gate.suites}
    if not commands:
        return
    plan, places = asker.plan, [target.rpartition("/") for target in reversed(targets)]
    named = [plan.experiments[name].variant(last).deployment if name else last for name, _, last in places]
    silent = [
        f"{name} has failed: {error}" if error else f"{name} has not been asked yet."
        for name, error in unanswered(database, named)
    ]
    known, lines = " ".join(silent) or " and ".join(named), f"{next(iter(commands.values()))} --limit 1"
    yield FirstStep(title="Both models answer", known=known, done=not silent, lines=lines)
    missing = [
        suite.name
        for suite in gate.suites
        for target, digest in digests_of(asker.plan, *targets).items()
        if not _is_fresh(database, suite, target, digest)
    ]
    yield FirstStep(
        title="Both models have answered the suites",
        known=f"Missing: {', '.join(dict.fromkeys(missing))}." if missing else ", ".join(commands),
        done=not missing,
        lines="\n".join(commands[name] for name in dict.fromkeys(missing)),
    )


def _is_fresh(database: Database, suite: Suite, target: str, digest: str) -> bool:
    """Whether the newest run asked these cases, and the target as it is defined now."""
    newest = runs.latest(database, suite=suite.name, target=target, suite_digest=suite.digest)
    heads = [runs.head(database, run_id) for run_id in newest]
    return any(head is not None and head.deployment_digest == digest for head in heads)


def _reviews(database: Database, gate: Gate, targets: Targets) -> Iterator[FirstStep]:
    """People compare pairs, where a line reads it. Votes count once everyone who is needed has voted."""
    pairs = max((line.with_count or 1 for _, line in gate.external if line.family == "review"), default=0)
    queues = reviews.read_evidence(database, *targets)
    compared = sum(queue.settled + len(queue.equal) for queue in queues)
    is_open = any(not queue.readable for queue in queues)
    suite = next((suite.name for suite in gate.suites), "SUITE")
    if pairs:
        yield FirstStep(
            title="People have compared answers",
            known=f"{compared} of {counted(pairs, 'pair')}",
            done=compared >= pairs and not is_open,
            lines=f"fairtrial review enqueue {shlex.quote(suite)} {_options(targets)}",
            page="review" if is_open else "",
        )


def _traffic(database: Database, asker: Asked, gate: Gate, gateway_url: str) -> FirstStep:
    """An application sends requests, which only lines on live traffic need."""
    done, needed = is_sent_by_applications(database), any(line.family == "live" for _, line in gate.external)
    return FirstStep(
        title="An application sends requests",
        known="The gateway has recorded some." if done else f"None yet{'' if needed else ', and the gate needs none'}.",
        done=done,
        needed=needed,
        lines=CLIENT % (gateway_url, next(iter(asker.plan.routes), "ROUTE")),
    )


def _options(targets: Targets) -> str:
    return shlex.join(["--candidate", targets[0], "--baseline", targets[1]])
