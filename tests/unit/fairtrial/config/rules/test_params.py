"""A deployment's parameters are checked as a suite's, change its definition, and without any nothing changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairtrial.config.plan.hashes import definition_of, digest, plan_hash
from fairtrial.domain.plan import Plan
from tests.fixtures.services.projects import errors, project

BASE = 'base:   {model: openai/Qwen3-8B, base_url: "http://gpu-1:8000/v1/", '
CLOUD = 'api_key: "${CLOUD_KEY}"'


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ('{max_tokens: "300"}', "max_tokens: '300' is not a whole number"),
        ("{temperature: -1}", "temperature: -1 is not a number of 0 or more"),
        ("{max_token: 3}", "max_token: there is no parameter 'max_token' (did you mean 'max_tokens'?)"),
        ("{max_token: null}", "max_token: there is no parameter 'max_token' (did you mean 'max_tokens'?)"),
        ("{model: other}", "model: is not a parameter (the deployment names the model, the caller sends the rest)"),
    ],
)
def test_a_wrong_name_or_value_is_reported_as_in_a_suite(tmp_path: Path, params: str, message: str) -> None:
    assert errors(tmp_path, (BASE, f"{BASE}params: {params}, ")) == [
        f"fairtrial.yaml:3: deployments.base.params.{message}"
    ]


def plan_of(folder: Path, params: str = "") -> Plan:
    folder.mkdir()
    return project(folder, (BASE, BASE + params)).plan


def test_a_changed_parameter_changes_the_definition_and_no_parameter_changes_no_digest(tmp_path: Path) -> None:
    plain, empty = plan_of(tmp_path / "a"), plan_of(tmp_path / "b", "params: {}, ")
    null, number = (plan_of(tmp_path / f"{n}", f"params: {{temperature: {n}}}, ") for n in ("null", "1"))
    base = plain.deployments["base"]
    assert base.digest == digest([base.provider, base.model, base.base_url, base.parent])
    assert (plan_hash(plain), empty.deployments["base"].digest) == (plan_hash(empty), base.digest)
    assert null.deployments["base"].params == {"temperature": None}
    assert len({plan.deployments["base"].digest for plan in (plain, null, number)}) == 3
    [(name, experiment)] = plain.experiments.items()
    control = experiment.variant(experiment.control)
    assert control.deployment == "base"
    assert definition_of(plain, control) != definition_of(null, control)
    hashes = {plan.experiments[name].analysis_hash for plan in (plain, null, number)}
    assert len(hashes) == 3 and empty.experiments[name].analysis_hash in hashes
