"""The published plan is replaced whole, kept private, and believed only when it is sound."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import pytest
from projects import project

from fairtrial.config.hashes import plan_hash
from fairtrial.config.published import publish, read
from fairtrial.domain.errors import PlanRefused
from fairtrial.domain.plan import Key, Plan, Published


@pytest.fixture
def published(tmp_path: Path) -> Published:
    key = Key("k1", "app", "ab" * 32, ("complete", "feedback"), expires_us=1)
    return Published(project(tmp_path).plan, "keys", (key,), "pepper")


def rehashed(plan: Plan) -> Plan:
    return replace(plan, plan_hash=plan_hash(plan))


def test_what_is_read_is_what_was_published_and_only_its_owner_may(tmp_path: Path, published: Published) -> None:
    path = tmp_path / "plan.json"
    publish(path, published)
    assert read(path) == published
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not list(tmp_path.glob(".plan.json.*"))


def test_an_unsound_plan_is_refused_and_the_last_good_one_stays(tmp_path: Path, published: Published) -> None:
    path = tmp_path / "plan.json"
    publish(path, published)
    plan = published.plan
    broken = rehashed(replace(plan, deployments={"cloud": plan.deployments["cloud"]}))
    with pytest.raises(PlanRefused, match="names the deployment 'base', which does not exist"):
        publish(path, replace(published, plan=broken))
    with pytest.raises(PlanRefused, match="does not match the plan"):
        publish(path, replace(published, plan=replace(plan, retain_days=7)))
    assert read(path) == published


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[:-40],
        lambda text: text.replace(b"gpu-1", b"gpu-2"),
        lambda text: b"",
        lambda text: b"\xff\xfe",
        lambda text: b"[]",
        lambda text: text.replace(b'"version":1,"sha256"', b'"version":9,"sha256"'),
        lambda text: text.replace(b'"sha256":"', b'"sha256":"0'),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, published: Published, spoil: object) -> None:
    path = tmp_path / "plan.json"
    publish(path, published)
    path.write_bytes(spoil(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(PlanRefused, match=r"plan\.json"):
        read(path)


def test_no_file_is_no_plan(tmp_path: Path) -> None:
    with pytest.raises(PlanRefused, match="can't be read"):
        read(tmp_path / "plan.json")


def test_internal_data_can_not_be_published_to_the_outside(tmp_path: Path, published: Published) -> None:
    plan = published.plan
    routes = {**plan.routes, "support-bot": replace(plan.routes["support-bot"], fallback="cloud")}
    with pytest.raises(PlanRefused, match="can reach the external deployment 'cloud'"):
        publish(tmp_path / "plan.json", replace(published, plan=rehashed(replace(plan, routes=routes))))
