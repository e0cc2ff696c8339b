"""Asks whether deployments answer as their bases, unless that is known, and prints and stores the results."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fairtrial.api.model_equality import EqualityOf, RecordAsk, RecordEquality, judged, known, record, record_ask
from fairtrial.api.operation import Nothing
from fairtrial.domain.errors import Unavailable, UsageError
from fairtrial_cli.options import experiment_of, project_of

if TYPE_CHECKING:
    from evaluators.model_equality.ask import AskingOptions
    from evaluators.suite import Suite
    from fairtrial.config.project import Project
    from fairtrial.domain.plan import Deployment, Plan
    from fairtrial.domain.verdicts.model_ask import ModelAsk
    from fairtrial.domain.verdicts.model_equality import ModelEquality

Pair = tuple[str, str]
"""A deployment and its base."""


def fine_tunes(plan: Plan, names: Iterable[str] | None = None) -> list[Pair]:
    """The deployments of these targets, by default all, that declare a parent with another definition, with it."""
    from gateway.control.present import deployment_of

    chosen = plan.deployments if names is None else dict.fromkeys(deployment_of(plan, name) for name in names)
    return [
        (name, parent)
        for name in chosen
        if (parent := plan.deployments[name].parent) is not None
        and plan.deployments[name].digest != plan.deployments[parent].digest
    ]


def ask_models(
    project: Project,
    pairs: Sequence[Pair],
    suites: Sequence[Suite],
    *,
    base_url: str,
    options: AskingOptions,
    again: bool = False,
    on_ask: Callable[[Pair], None] = lambda _: None,
) -> list[ModelEquality]:
    """The result for each pair, of the probes that both are asked through the gateway at ``base_url``.

    A result that the store has for the present definitions is taken instead, unless ``again``. Raises `UsageError` if
    a model refuses all requests.
    """
    results = []
    for pair in pairs:
        result = None if again else stored_equality(project, pair)
        if result is None:
            on_ask(pair)
            result = _ask(project, pair, suites, base_url, options)
            _store(project, result)
        results.append(result)
    return results


def ask_on_terminal(
    project: Project, pairs: Sequence[Pair], suites: Sequence[Suite], *, again: bool = False
) -> list[ModelEquality]:
    """As `ask_models`, through the project's gateway. Prints progress to stderr if anything must be asked."""
    from rich.console import Console

    from evaluators.model_equality.ask import AskingOptions
    from fairtrial_cli.processes.private_gateway import project_gateway

    if not pairs:
        return []
    stderr = Console(stderr=True)

    def asking(pair: Pair) -> None:
        stderr.print(f"Asking {pair[0]} and {pair[1]} the same short questions.", soft_wrap=True)

    with project_gateway(project, say=lambda text: stderr.print(text)) as base_url:
        return ask_models(
            project, pairs, suites, base_url=base_url, options=AskingOptions(), again=again, on_ask=asking
        )


def ask_project(project: Project) -> list[ModelEquality]:
    """What every fine-tune of the project and its parent answer now."""
    from evaluators.loading.suite_file import search
    from fairtrial_cli.run_suites import load_suites

    pairs = fine_tunes(project.plan)
    suites = load_suites(sorted(set(search(project.root / "suites").suites.values()))) if pairs else []
    return ask_on_terminal(project, pairs, suites, again=True)


def ask_judged(project: Project) -> list[ModelAsk]:
    """What each judged deployment answers now, as it was kept; those without tokens left today are not asked."""
    from evaluators.engine.target import resolve
    from evaluators.model_equality.daily import ask_model, tokens_left
    from fairtrial_cli.processes.private_gateway import project_gateway
    from fairtrial_cli.run_suites import internal_key
    from fairtrial_cli.store_client.client import open_store

    with open_store(project.layout, project.path) as store:
        known_asks, now_us = store.call(judged, Nothing()).series, time.time_ns() // 1000
    left = {name: tokens_left(asks, project.probe_tokens, now_us) for name, asks in known_asks.items()}
    if not any(left.values()):
        return []
    asked = []
    with project_gateway(project, say=lambda text: click.echo(text, err=True)) as base_url:
        for name in (name for name, tokens in left.items() if tokens):
            target = resolve(name, project.plan, base_url=base_url, api_key=internal_key(project.layout))
            first = next(iter(known_asks[name]), None)
            try:
                asked.append(asyncio.run(ask_model(target, first, most_tokens=left[name], now_us=now_us)))
            except (Unavailable, UsageError) as error:
                click.echo(str(error), err=True)
    with open_store(project.layout, project.path) as store:
        return [store.call(record_ask, RecordAsk(ask=ask)).ask for ask in asked]


def ask_variants(config: Path, name: str) -> None:
    """Ask each treatment that is a fine-tune of the control whether it is another model, unless that is known."""
    project = project_of(config)
    experiment = experiment_of(project, name)
    control = experiment.variant(experiment.control).deployment
    targets = [f"{name}/{treatment}" for treatment in experiment.treatments]
    pairs = [pair for pair in fine_tunes(project.plan, targets) if pair[1] == control]
    results = ask_on_terminal(project, pairs, ()) if not experiment.may_equal_base else []
    for line in (line for result in results for line in result.lines):
        click.echo(line, err=True)


def results_json(results: Sequence[ModelEquality | ModelAsk]) -> list[dict[str, Any]]:
    from msgspec import to_builtins

    return [to_builtins(result) for result in results]


def stored_equality(project: Project, pair: Pair) -> ModelEquality | None:
    """What the store knows of the present definitions."""
    from fairtrial_cli.store_client.client import open_store

    digests = [project.plan.deployments[name].digest for name in pair]
    with open_store(project.layout, project.path) as store:
        return store.call(known, EqualityOf(deployment_digest=digests[0], base_digest=digests[1])).result


def _store(project: Project, result: ModelEquality) -> None:
    from fairtrial_cli.store_client.client import open_store

    with open_store(project.layout, project.path) as store:
        store.call(record, RecordEquality(result=result))


def _ask(project: Project, pair: Pair, suites: Sequence[Suite], base_url: str, options: AskingOptions) -> ModelEquality:
    from msgspec.structs import replace as with_fields

    from evaluators.engine.target import resolve
    from evaluators.model_equality.ask import ask_equality
    from evaluators.model_equality.border_probes import prompts
    from fairtrial_cli.run_suites import internal_key

    key = internal_key(project.layout)
    candidate, base = (resolve(name, project.plan, base_url=base_url, api_key=key) for name in pair)
    result = asyncio.run(ask_equality(candidate, base, prompts(suites), options))
    return with_fields(result, listed=" ".join(_listed(project.plan.deployments[pair[0]])))


def _listed(deployment: Deployment) -> Iterator[str]:
    """What the server's own list says about a fine-tune; nothing if it has none or can't be read."""
    from fairtrial.config.file.environment import interpolate
    from fairtrial_cli.first_project.served_models import listing

    if deployment.external:
        return
    try:
        key, _ = interpolate(deployment.api_key, os.environ)
        models = listing(deployment.base_url, key or None).models
    except UsageError:
        return
    own = [model for model in models if model.name == deployment.model]
    adapters = [model.title for model in own if model.params and model.label]
    parents = [model.parent for model in own if model.parent is not None and not model.params]
    if adapters:
        yield f"Its server has loaded {', '.join(adapters)}."
    elif parents:
        yield f"Its server lists {deployment.model} as an adapter of {parents[0]}."
    elif own:
        yield f"Its server lists {deployment.model} without a parent, so no adapter may be loaded."
    else:
        yield f"Its server does not list {deployment.model}."
