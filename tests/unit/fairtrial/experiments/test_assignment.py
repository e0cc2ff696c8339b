"""Assignment is pure, sticky, independent of stages and order, and equal to the published vectors."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, strategies as st
from scipy.stats import chisquare

from fairtrial.config.plan.live_state import with_kept_control
from fairtrial.domain.plan import Experiment, Variant
from fairtrial.domain.settings import Guardrail
from fairtrial.experiments.assignment import BUCKETS, Assignment, assign, bucket, threshold, upper_bounds
from fairtrial.experiments.promotion import KeptTerms, kept_control
from tests.fixtures.for_each import for_each
from tests.fixtures.paths import ROOT

GOLDEN = ROOT / "tests" / "golden" / "assignment.json"
CHECK = """
import json, sys
from fairtrial.domain.plan import Experiment, Variant
from fairtrial.experiments.assignment import assign, bucket
heavy = {"numpy", "msgspec", "pydantic", "ruamel"} & set(sys.modules)
assert not heavy, heavy
vectors = json.load(open(sys.argv[1], encoding="utf-8"))["vectors"]
for v in vectors:
    arms = tuple(Variant(name, "any", weight) for name, weight in sorted(v["split"].items()))
    got = assign(Experiment("any", "any", "user", v["control"], arms, v["salt"], v["stage"]), v["unit"])
    assert (got.served, got.enrolled, got.reason) == (v["served"], v["enrolled"], v["reason"]), v
    for purpose in ("enrol", "arm"):
        assert str(bucket(v["salt"], purpose, v["unit"])) == v[purpose], v
print(len(vectors))
"""
PYTHONS = ("python3.11", "python3.12", "python3.13", "python3.14")


def trial(stage: float = 100, salt: str = "salt", **split: float) -> Experiment:
    shares = split or {"base": 50.0, "tuned": 50.0}
    variants = tuple(Variant(name, name, share) for name, share in sorted(shares.items()))
    watched = (Guardrail("requests.error_rate", "1pp"),)
    return Experiment("trial", "which?", "user", min(shares), variants, salt, stage, guardrails=watched)


def units(count: int) -> list[str]:
    return [f"user-{number}" for number in range(count)]


def runs(python: str) -> bool:
    path = shutil.which(python)
    if path is None:
        return False
    return subprocess.run([path, "-c", "pass"], capture_output=True, check=False).returncode == 0


@for_each("python", [sys.executable, *PYTHONS])
def test_every_python_gives_the_published_vectors_with_the_standard_library_alone(python: str) -> None:
    if not runs(python):
        pytest.skip(f"{python} is not on this machine")
    done = subprocess.run(
        [python, "-S", "-c", CHECK, str(GOLDEN)], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 30


def test_the_vectors_cover_enrolled_and_not_and_every_arm() -> None:
    vectors = json.loads(GOLDEN.read_text())["vectors"]
    assert {vector["reason"] for vector in vectors} == {"assigned", "not_enrolled"}
    assert {vector["served"] for vector in vectors} == {"base", "tuned", "a", "b", "c"}


def test_a_hash_by_hand_is_the_first_bucket() -> None:
    # echo -ne 'enrol\0user-1' | openssl dgst -sha256 -hmac tuned-vs-base
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not on this machine")
    command = ["openssl", "dgst", "-sha256", "-hmac", "tuned-vs-base"]
    done = subprocess.run(command, input=b"enrol\0user-1", capture_output=True, check=True)
    digest = done.stdout.decode().split("= ")[1].strip()
    assert bucket("tuned-vs-base", "enrol", "user-1") == int(digest[:16], 16)


@given(unit=st.text(), low=st.floats(0.1, 100), high=st.floats(0.1, 100))
def test_raising_a_stage_never_changes_an_arm(unit: str, low: float, high: float) -> None:
    before, after = assign(trial(min(low, high)), unit), assign(trial(max(low, high)), unit)
    if before.enrolled:
        assert after == before
    assert after.enrolled or not before.enrolled


@given(unit=st.text(), salt=st.text())
def test_the_order_of_variants_does_not_matter(unit: str, salt: str) -> None:
    sorted_arms = trial(salt=salt, a=20.0, b=30.0, c=50.0)
    shuffled = replace(sorted_arms, variants=sorted_arms.variants[::-1])
    assert assign(shuffled, unit) == assign(sorted_arms, unit)


@given(unit=st.text(), stage=st.floats(0, 100))
def test_an_assignment_is_whole(unit: str, stage: float) -> None:
    got = assign(trial(stage), unit)
    assert got.enrol_bucket is not None and 0 <= got.enrol_bucket < 1
    assert (got.arm_bucket is not None) == (got.propensity is not None) == got.enrolled
    assert got.reason == ("assigned" if got.enrolled else "not_enrolled")
    assert got.served == got.assigned and (got.enrolled or got.served == "base")


def test_shares_and_stages_are_met_over_a_hundred_thousand_units() -> None:
    trio = trial(stage=40, a=20.0, b=30.0, c=50.0)
    counts = Counter(assign(trio, unit).assigned if assign(trio, unit).enrolled else "out" for unit in units(100_000))
    expected = {"a": 8_000, "b": 12_000, "c": 20_000, "out": 60_000}
    assert chisquare([counts[name] for name in expected], list(expected.values())).pvalue > 0.001


def test_enrolment_and_arm_are_independent() -> None:
    table = Counter(
        (bucket("s", "enrol", unit) * 4 // BUCKETS, bucket("s", "arm", unit) * 4 // BUCKETS) for unit in units(40_000)
    )
    assert len(table) == 16
    assert chisquare(list(table.values())).pvalue > 0.001


def test_two_salts_are_independent() -> None:
    table = Counter(
        (assign(trial(salt="one"), unit).served, assign(trial(salt="two"), unit).served) for unit in units(20_000)
    )
    assert chisquare(list(table.values())).pvalue > 0.001


def test_a_killed_experiment_serves_the_control_and_counts_for_the_assigned_arm() -> None:
    unit = next(unit for unit in units(99) if assign(trial(), unit).served == "tuned")
    got = assign(replace(trial(), state="killed"), unit)
    assert (got.assigned, got.served, got.reason, got.enrolled) == ("tuned", "base", "kill", True)


@pytest.mark.parametrize("state", ["paused", "ended"])
def test_a_paused_or_ended_experiment_serves_the_control_and_counts_nobody(state: str) -> None:
    got = assign(replace(trial(), state=state), "user-1")  # type: ignore[arg-type]
    assert got == Assignment("base", "base", "excluded", enrolled=False)


@pytest.mark.parametrize("unit", ["user-1", "user-2", None])
def test_a_promoted_variant_serves_everyone_and_counts_nobody(unit: str | None) -> None:
    promoted = replace(trial(), state="ended", serves="tuned", stage=1.0)
    assert assign(promoted, unit) == Assignment("tuned", "tuned", "promoted", enrolled=False)


@given(unit=st.text(), shares=st.tuples(st.integers(1, 60), st.integers(1, 39)), kept_share=st.floats(1, 50))
def test_a_kept_control_moves_nobody_back_to_it(unit: str, shares: tuple[int, int], kept_share: float) -> None:
    first, second = map(float, shares)
    before = replace(trial(a=first, b=second, c=100 - first - second), control="b")
    terms = KeptTerms(min(round(kept_share, 2), second), 14)
    stays = kept_control(before, "c", terms, now_us=0)
    after = with_kept_control(before, stays)
    got = assign(after, unit)
    assert got.served in ("b", "c") and got.enrolled and got.reason == "assigned"
    assert got.served == "c" or assign(before, unit).served == "b"
    lowest = assign(with_kept_control(before, replace(stays, share=1.0)), unit)
    assert terms.share < 1 or lowest.served == "c" or got.served == "b"


def test_a_kept_control_has_its_share_and_a_worker_that_does_not_know_it_splits_alike() -> None:
    after = with_kept_control(trial(), kept_control(trial(), "tuned", KeptTerms(5, 14), now_us=0))
    served = {unit: assign(after, unit).served for unit in units(20_000)}
    counts = Counter(served.values())
    assert chisquare([counts["base"], counts["tuned"]], [1_000, 19_000]).pvalue > 0.001
    assert served == {unit: assign(replace(after, kept_control=None), unit).served for unit in served}
    assert assign(after, None) == Assignment("tuned", "tuned", "promoted", enrolled=False)
    assert assign(replace(after, state="killed"), None).served == "base"


def test_without_a_unit_the_control_serves() -> None:
    assert assign(trial(), None) == Assignment("base", "base", "no_unit", enrolled=False)


def test_thresholds_are_exact_for_the_decimals_as_written() -> None:
    assert threshold(100) == BUCKETS
    assert threshold(0) == 0
    assert threshold(33.3) == 333 * BUCKETS // 1000
    assert upper_bounds((33.3, 33.3, 33.4)) == (333 * BUCKETS // 1000, 666 * BUCKETS // 1000, BUCKETS)
