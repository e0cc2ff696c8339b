"""The published plan is replaced whole, kept private, and believed only when it is sound."""

from __future__ import annotations

import stat
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from fairtrial.config.plan.hashes import digest, plain, plan_hash
from fairtrial.config.plan.published import as_written, publish, read
from fairtrial.domain.errors import PlanRefused
from fairtrial.domain.plan import Key, Plan, Published
from fairtrial.domain.settings import ADDED_LATER
from tests.fixtures.for_each import for_each
from tests.fixtures.releases.plan_of_a_newer_program import rewrite_plan
from tests.fixtures.services.projects import project


@pytest.fixture
def published(tmp_path: Path) -> Published:
    key = Key("k1", "app", "ab" * 32, ("complete", "feedback"), expires_us=1)
    return as_written(Published(project(tmp_path).plan, "keys", (key,), "pepper"))


def rehashed(plan: Plan) -> Plan:
    return replace(plan, plan_hash=plan_hash(plan))


def test_what_is_read_is_what_was_published_and_only_its_owner_may(tmp_path: Path, published: Published) -> None:
    path = tmp_path / "plan.json"
    publish(path, published)
    assert read(path) == published
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not list(tmp_path.glob(".plan.json.*"))


def test_what_only_control_reads_is_neither_in_the_file_nor_in_the_hash(tmp_path: Path) -> None:
    """A worker of the previous release refuses a plan with a field that it does not know."""
    bare, whole = (project(tmp_path, *edit).plan for edit in ((), ((", mde: 3pp", ", mde: 3pp, min_days: 9"),)))
    assert bare.experiments != whole.experiments and bare.plan_hash == whole.plan_hash
    publish(tmp_path / "plan.json", Published(whole, "open", (), "pepper"))
    text = (tmp_path / "plan.json").read_text()
    for name in ("enrolment", "feedback_", "max_weeks", "min_days", "baseline", "signal", "by_default", "looks"):
        assert f'"{name}"' not in text


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


@for_each(
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


def add_new_fields(content: dict[str, Any]) -> None:
    content["regions"] = ["eu"]
    content["plan"]["breakers"] = {"after": 5}
    content["plan"]["experiments"]["tuned-vs-base"]["cohort"] = 2
    content["plan"]["deployments"]["base"]["forwarded"] = ["x-team", 1e22, None]


def test_a_plan_with_fields_of_a_newer_program_is_read_without_them(tmp_path: Path, published: Published) -> None:
    path = tmp_path / "plan.json"
    publish(path, published)
    rewrite_plan(path, add_new_fields)
    published_plan = read(path)
    assert published_plan.plan.plan_hash != published.plan.plan_hash
    assert replace(published_plan.plan, plan_hash="") == replace(published.plan, plan_hash="")
    assert (published_plan.keys, published_plan.auth, published_plan.pepper) == (
        published.keys,
        published.auth,
        published.pepper,
    )


def test_the_hash_covers_the_fields_that_are_not_known(tmp_path: Path, published: Published) -> None:
    path = tmp_path / "plan.json"
    publish(path, published)
    rewrite_plan(path, add_new_fields, hashed=False)
    with pytest.raises(PlanRefused, match="does not match the plan"):
        read(path)


def test_a_field_that_was_added_later_is_written_and_hashed_only_where_it_is_used() -> None:
    @dataclass(frozen=True)
    class First:
        name: str
        shares: tuple[float, ...] = ()

    @dataclass(frozen=True)
    class Second(First):
        region: str | None = field(default=None, metadata=ADDED_LATER)

    assert plain(Second("a")) == {"name": "a", "shares": []}
    assert digest([Second("a")]) == digest([First("a")])
    assert digest(Second("a", region="eu")) != digest(First("a"))
