"""Every key that people write is read by code that acts on it, or `check` warns them that nothing does."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import pytest
from pydantic import BaseModel

from evaluators.criteria.notices import INERT_IN_SUITES
from evaluators.gate.file import GateModel
from evaluators.loading.suite_schema import SuiteModel
from fairtrial.config.file.schema import ProjectFile
from fairtrial.config.rules.warnings import INERT
from gateway.proxy.routes.feedback import Feedback

PROJECT = {
    "version": "fairtrial.config.file.schema:ProjectFile",
    "deployments.*.model": "gateway.proxy.upstream.call:_translated",
    "deployments.*.base_url": "gateway.proxy.plan.routing_table:__post_init__",
    "deployments.*.api_key": "gateway.proxy.plan.routing_table:_endpoint",
    "deployments.*.external": "gateway.proxy.routing.resolve:_keep_internal",
    "deployments.*.parent": "fairtrial.config.plan.hashes:deployment_digest",
    "deployments.*.training.base": "fairtrial.domain.training.wording:lineage_terms",
    "deployments.*.training.method": "fairtrial.domain.training.wording:lineage_terms",
    "deployments.*.training.data": "fairtrial.domain.training.lineage:files",
    "deployments.*.training.validation": "fairtrial.domain.training.lineage:files",
    "deployments.*.training.job": "fairtrial.domain.training.wording:lineage_terms",
    "deployments.*.training.hyperparameters": "fairtrial.domain.training.wording:lineage_terms",
    "deployments.*.training.cost": "fairtrial.domain.training.wording:lineage_terms",
    "deployments.*.training.at": "fairtrial.domain.training.wording:lineage_terms",
    "deployments.*.training.log": "fairtrial.domain.training.wording:lineage_terms",
    "deployments.*.forward_headers": "gateway.proxy.upstream.request_rewrite:upstream_headers",
    "deployments.*.price.input": "gateway.proxy.recording.outcomes:cost_usd",
    "deployments.*.price.output": "gateway.proxy.recording.outcomes:cost_usd",
    "deployments.*.timeouts.connect": "gateway.proxy.upstream.call:_request",
    "deployments.*.timeouts.first_byte": "gateway.proxy.upstream.call:_first_byte",
    "deployments.*.timeouts.idle": "gateway.proxy.upstream.call:next_piece",
    "deployments.*.timeouts.total": "gateway.proxy.upstream.call:next_piece",
    "deployments.*.breaker.failures": "gateway.proxy.plan.breaker:failed",
    "deployments.*.breaker.open_seconds": "gateway.proxy.plan.breaker:_open",
    "deployments.*.on_disconnect": "gateway.proxy.pipeline:on_client_disconnect",
    "deployments.*.drain_seconds": "gateway.proxy.pipeline:on_client_disconnect",
    "deployments.*.shutdown_date": "gateway.proxy.routes.fastapi_app:_model",
    "routes.*.deployment": "gateway.proxy.plan.routing_table:prepare",
    "routes.*.experiment": "gateway.proxy.plan.routing_table:_reachable",
    "routes.*.fallback": "gateway.proxy.plan.routing_table:_reachable",
    "routes.*.data": "gateway.proxy.routing.resolve:_keep_internal",
    "metrics.*.from": "fairtrial.config.plan.compile:_frozen:source",
    "metrics.*.key": "fairtrial.config.rules.metric_catalogue:unknown_metric",
    "metrics.*.kind": "gateway.proxy.routes.feedback:read_texts:feedback",
    "experiments.*.question": "dashboard.views.experiment:_question",
    "experiments.*.unit": "gateway.proxy.routing.resolve:_place",
    "experiments.*.control": "fairtrial.experiments.assignment:assign",
    "experiments.*.variants.*.deployment": "gateway.proxy.plan.routing_table:prepare",
    "experiments.*.variants.*.system_prompt": "gateway.proxy.upstream.request_rewrite:upstream_body",
    "experiments.*.variants.*.params": "gateway.proxy.upstream.request_rewrite:upstream_body",
    "experiments.*.split": "fairtrial.experiments.assignment:_chosen:weight",
    "experiments.*.enroll.stages": "fairtrial.experiments.assignment:assign:stage",
    "experiments.*.primary.metric": "gateway.control.operations.planning.experiment_questions:questions_of",
    "experiments.*.primary.require": "gateway.control.operations.planning.experiment_questions:questions_of",
    "experiments.*.primary.mde": "gateway.control.operations.planning.experiment_questions:questions_of",
    "experiments.*.guardrails.*.metric": "gateway.control.operations.planning.experiment_questions:questions_of",
    "experiments.*.guardrails.*.margin": "gateway.control.operations.planning.experiment_questions:questions_of",
    "metrics.*.window": "fairtrial.experiments.analysis.freeze:_feedback:window_seconds",
    "metrics.*.better": "fairtrial.experiments.analysis.findings:_feedback",
    "metrics.*.range": "fairtrial.experiments.analysis.findings:_feedback:within",
    "experiments.*.enroll.min_units": "fairtrial.experiments.monitor:_waits",
    "experiments.*.enroll.min_hours": "fairtrial.experiments.monitor:_waits",
    "experiments.*.enroll.approve": "fairtrial.experiments.monitor:_stage",
    "experiments.*.enroll.start": "fairtrial.config.plan.compile:_experiment",
    "experiments.*.primary.baseline": "fairtrial.experiments.analysis.freeze:_metric",
    "experiments.*.primary.cap": "fairtrial.experiments.analysis.freeze:_metric",
    "experiments.*.primary.min_days": "fairtrial.experiments.monitor:passes_us",
    "experiments.*.guardrails.*.stop_margin": "fairtrial.experiments.analysis.freeze:_metric",
    "experiments.*.guardrails.*.baseline": "fairtrial.experiments.analysis.freeze:_metric",
    "experiments.*.guardrails.*.cap": "fairtrial.experiments.analysis.freeze:_metric",
    "experiments.*.guardrails.*.signal": "fairtrial.experiments.monitor:_stop",
    "experiments.*.max_weeks": "fairtrial.experiments.monitor:step",
    "experiments.*.looks": "gateway.control.operations.frozen_plans:planned_units",
    "experiments.*.salt": "fairtrial.experiments.assignment:assign",
    "store.path": "fairtrial.config.project:load_project",
    "releases.gate": "gateway.control.operations.verdicts.provenance:provenance:release_gate",
    "store.memory_mb": "fairtrial.store.core.database:_connect",
    "capture.bodies": "gateway.proxy.recording.record:_bodies:capture",
    "capture.retain_days": "gateway.control.operations.maintain_store:_planned_days",
    "gateway.bind": "fairtrial.config.project:load_project",
    "gateway.auth": "fairtrial.config.project:load_project",
    "gateway.workers": "fairtrial_cli.processes.services:__init__",
    "gateway.max_body_mb": "fairtrial_cli.processes.services:_gateway",
    "gateway.cors.origins": "gateway.proxy.worker_state:__post_init__:cors_origins",
    "gateway.max_in_flight": "gateway.proxy.admission.admission:of",
    "gateway.max_bodies_mb": "gateway.proxy.admission.admission:of",
    "gateway.max_share_per_key": "gateway.proxy.admission.admission:of",
    "gateway.body_grace": "fairtrial.domain.limits.worker_settings:body_rate",
    "gateway.min_body_rate": "fairtrial.domain.limits.worker_settings:body_rate",
    "gateway.trusted_proxies": "gateway.proxy.worker_state:__post_init__",
    "gateway.keepalive": "gateway.proxy.pipeline:__init__",
    "gateway.grace": "gateway.proxy.http_server.server:stop",
    "gateway.drain": "gateway.proxy.http_server.server:_drain",
    "gateway.transport": "gateway.proxy.worker:_transport",
    "gateway.others": "gateway.proxy.routes.passthrough:pass_on",
    "control.bind": "fairtrial.config.project:load_project",
    "control.trusted_proxies": "gateway.control.serve:_server",
    "control.body_grace": "fairtrial.config.project:load_project",
    "control.min_body_rate": "fairtrial.config.project:load_project",
    "dashboard.bind": "fairtrial.config.project:load_project",
}
"""Key → ``module:function`` that acts on it, and ``:attribute`` where the plan calls it otherwise."""
SUITE = {
    "version": "evaluators.loading.suite_schema:SuiteModel",
    "suite": "evaluators.loading.suite_reader:_compose",
    "data": "evaluators.loading.suite_reader:_rows",
    "score": "evaluators.loading.suite_reader:_scorers",
    "probes": "evaluators.loading.probe_entries:read_probes",
    "kind": "evaluators.suite:in_words",
    "description": "evaluators.suite:in_words",
    "prompt": "evaluators.loading.suite_reader:_recipe",
    "messages.*.role": "evaluators.loading.cases:_messages",
    "messages.*.content": "evaluators.loading.cases:_messages",
    "system": "evaluators.loading.cases:_messages",
    "vars": "evaluators.loading.suite_reader:_scorer",
    "params": "evaluators.engine.engine:_ask",
    "tags": "evaluators.loading.suite_reader:_cases",
    "groups": "evaluators.loading.suite_reader:_groups",
    "slices": "evaluators.engine.summary:slices_of",
    "cluster": "evaluators.loading.cases:_case",
    "repeat": "evaluators.engine.engine:_places",
    "sample.n": "evaluators.loading.suite_reader:_compose",
    "sample.seed": "evaluators.loading.suite_reader:_compose",
    "seed": "evaluators.comparison.levels:level_of",
    "gate": "evaluators.loading.suite_reader:_check_gate",
}
GATE = {
    "version": "evaluators.gate.file:GateModel",
    "gate": "evaluators.gate.file:_composed",
    "suites": "evaluators.gate.file:_names",
    "require": "evaluators.gate.file:_required",
    "approvers": "gateway.control.operations.verdicts.vote_on_verdict:required_roles",
    "experiment": "evaluators.gate.judge:_external",
    "max_age": "evaluators.gate.evidence.document:trial:max_age_seconds",
}
FEEDBACK = {name: f"gateway.proxy.routes.feedback:_event:{name}" for name in Feedback.model_fields}

FORMS: dict[str, tuple[type[BaseModel], dict[str, str], tuple[str, ...]]] = {
    "fairtrial.yaml": (ProjectFile, PROJECT, tuple(INERT)),
    "a suite": (SuiteModel, SUITE, tuple(INERT_IN_SUITES)),
    "a gate": (GateModel, GATE, ()),
    "a feedback's body": (Feedback, FEEDBACK, ()),
}
TO_DO = """{what}: the key {key!r} is new to this test. Say what it does:
  - if code acts on it, add to the table of {what} in {file}:
        {key!r}: "module:function",   # a function whose body reads the attribute, or the text, {last!r}
    (or "module:function:attribute" if it has another name there);
  - if nothing acts on it yet, add it to the keys that `check` and `up` warn of: INERT in
    fairtrial/config/rules/warnings.py, or INERT_IN_SUITES in evaluators/criteria/notices.py."""


def keys_of(model: type[BaseModel], path: str = "") -> Iterator[str]:
    """Every key that has no keys inside: ``deployments.*.timeouts.connect``."""
    for name, field in model.model_fields.items():
        key = f"{path}{field.alias or name}"
        inner = list(_models(field.annotation, key))
        if not inner:
            yield key
        for inside, place in inner:
            yield from keys_of(inside, f"{place}.")


def _models(annotation: Any, path: str) -> Iterator[tuple[type[BaseModel], str]]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, path
    elif origin in (Union, UnionType, Annotated):
        for one in arguments:
            yield from _models(one, path)
    elif origin in (dict, list):
        yield from _models(arguments[-1], f"{path}.*")


def warned(key: str, inert: tuple[str, ...]) -> bool:
    return any(key == one or key.startswith(f"{one}.") for one in inert)


ALL = [(what, key) for what, (model, _, _) in FORMS.items() for key in keys_of(model)]


@pytest.mark.parametrize(("what", "key"), ALL, ids=[f"{what}: {key}" for what, key in ALL])
def test_a_key_acts_or_is_warned_of(what: str, key: str) -> None:
    _, table, inert = FORMS[what]
    last = key.rpartition(".")[2]
    if warned(key, inert):
        assert key not in table, f"{what}: {key!r} is both in the table and among the keys that are warned of"
        return
    assert key in table, TO_DO.format(what=what, key=key, last=last, file=Path(__file__).name)
    module, function, *renamed = table[key].split(":")
    name = renamed[0] if renamed else last
    found = _function(module, function)
    wrong = f"{what}: {key!r}: {module}:{function} does not read {name!r}; name the code that acts on the key"
    assert found is not None, f"{what}: {key!r}: there is no {function} in {module}; name the code that acts on the key"
    assert name in _read(found), wrong


@pytest.mark.parametrize("what", FORMS)
def test_the_tables_name_no_key_that_is_gone(what: str) -> None:
    model, table, inert = FORMS[what]
    known = set(keys_of(model))
    assert not set(table) - known
    assert not [one for one in inert if not any(warned(key, (one,)) for key in known)]


@lru_cache
def _tree(module: str) -> ast.Module:
    found = importlib.util.find_spec(module)
    assert found is not None and found.origin is not None, f"there is no module {module}"
    return ast.parse(Path(found.origin).read_text(encoding="utf-8"))


def _function(module: str, name: str) -> ast.AST | None:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return next((one for one in ast.walk(_tree(module)) if isinstance(one, kinds) and one.name == name), None)


def _read(function: ast.AST) -> set[str]:
    """The attributes and the texts that a function reads; of a model, the fields that hold one value alone."""
    found: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            found.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and _fixed(node.annotation):
            found.add(node.target.id)
    return found


def _fixed(annotation: ast.AST) -> bool:
    """Whether it is ``Literal[1]``: another value is refused, which is all that a version does."""
    return isinstance(annotation, ast.Subscript) and getattr(annotation.value, "id", "") == "Literal"
