"""A project compiles to its plan, or all its errors are reported at once."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from fairtrial.config.plan.hashes import plan_hash
from fairtrial.config.plan.live_state import Live
from fairtrial.config.project import load_project
from fairtrial.domain.names.addresses import Address
from fairtrial.experiments.analysis.frozen_guard import reassignment
from tests.fixtures.for_each import for_each
from tests.fixtures.services.projects import ENVIRON, SOUND, errors, project, write


def test_a_sound_project_becomes_a_plan(tmp_path: Path) -> None:
    loaded = project(tmp_path)
    experiment = loaded.plan.experiments["tuned-vs-base"]
    assert [variant.name for variant in experiment.variants] == ["base", "tuned"]
    assert experiment.variant("tuned").system_prompt == "You answer tickets.\n"
    assert experiment.variant("tuned").params == {"temperature": 0.2, "stop": ["x"]}
    assert (experiment.stage, experiment.salt, experiment.state) == (2, "tuned-vs-base", "running")
    assert [guardrail.stop_margin for guardrail in experiment.guardrails] == ["0", "20%"]
    assert loaded.plan.deployments["base"].base_url == "http://gpu-1:8000/v1"
    assert loaded.plan.plan_hash == plan_hash(loaded.plan) and len(loaded.plan.plan_hash) == 32
    assert loaded.layout.store == tmp_path / "fairtrial.duckdb"
    assert loaded.files == (tmp_path / "fairtrial.yaml", tmp_path / "support.md")
    assert (loaded.gateway.address, loaded.gateway.access) == (Address("127.0.0.1", 8080), "open")


def test_prices_are_declared_public_or_unknown(tmp_path: Path) -> None:
    deployments = project(tmp_path).plan.deployments
    assert deployments["base"].price.gpu_hour == Decimal("2.1")
    assert (deployments["tuned"].price.input, deployments["tuned"].price.gpu_hour) == (None, Decimal("2.1"))
    assert (deployments["cloud"].price.input, deployments["cloud"].price.output) == (Decimal("0.75"), Decimal("4.5"))


def test_a_key_from_the_environment_never_enters_the_plan(tmp_path: Path) -> None:
    loaded = project(tmp_path)
    assert loaded.plan.deployments["cloud"].api_key == "${CLOUD_KEY}"
    assert ENVIRON["CLOUD_KEY"] not in repr(loaded)


def test_live_state_is_laid_over_the_file(tmp_path: Path) -> None:
    live = {"tuned-vs-base": Live(40, "killed"), "gone": Live(2)}
    declared, loaded = project(tmp_path), load_project(write(tmp_path), ENVIRON, live)
    now, then = (each.plan.experiments["tuned-vs-base"] for each in (loaded, declared))
    assert (now.stage, now.state) == (40, "killed")
    assert now.analysis_hash == then.analysis_hash and loaded.plan.plan_hash != declared.plan.plan_hash


def test_the_order_of_the_file_does_not_move_its_hash(tmp_path: Path) -> None:
    swapped = ("split: {base: 50, tuned: 50}", "split: {tuned: 50, base: 50}")
    assert project(tmp_path, swapped).plan == project(tmp_path).plan


@for_each(
    ("old", "new", "frozen"),
    [
        ("mde: 3pp", "mde: 4pp", False),
        ("kind: boolean", "kind: boolean, better: lower", False),
        ("kind: boolean", "kind: boolean, window: 1d", False),
        ("margin: 1pp", "margin: 2pp", False),
        ("temperature: 0.2", "temperature: 0.3", False),
        ("support-lora-v7", "support-lora-v8", False),
        ("retain_days: 30", "retain_days: 31", True),
        ("question: Does", "question: Will", True),
        ("stages: [2, 10", "stages: [3, 10", True),
    ],
)
def test_the_analysis_hash_changes_exactly_with_what_decides(tmp_path: Path, old: str, new: str, frozen: bool) -> None:
    before, after = (project(tmp_path, *change).plan for change in ((), ((old, new),)))
    first, second = (plan.experiments["tuned-vs-base"].analysis_hash for plan in (before, after))
    assert (first == second) is frozen
    assert before.plan_hash != after.plan_hash


def test_a_change_that_moves_units_needs_a_new_salt(tmp_path: Path) -> None:
    [old] = project(tmp_path).plan.experiments.values()
    split = ("split: {base: 50, tuned: 50}", "split: {base: 60, tuned: 40}")
    [moved] = project(tmp_path, split).plan.experiments.values()
    assert "new salt, such as salt: tuned-vs-base-2" in (reassignment(old, moved) or "")
    [salted] = project(tmp_path, split, ("max_weeks: 6", "salt: second")).plan.experiments.values()
    assert reassignment(old, salted) is None
    [by_request] = project(tmp_path, ("unit: user", "unit: request")).plan.experiments.values()
    assert reassignment(old, by_request) is not None
    assert reassignment(old, replace(old, stage=100)) is None


@for_each(
    ("old", "new", "expected"),
    [
        (
            "parent: base",
            "parent: base, training: {method: lora, data: [a.jsonl], waivers: [{check: pii, untill: 2027-01-31}]}",
            "4: deployments.tuned.training.waivers[0].untill: unknown field (did you mean 'until'?)",
        ),
        (
            "parent: base",
            "parent: base, shutdown_date: soon",
            "4: deployments.tuned.shutdown_date: 'soon' is not a date (such as 2027-01-31)",
        ),
        ("parent: base", "parnet: base", "4: deployments.tuned.parnet: unknown field (did you mean 'parent'?)"),
        ("parent: base", "parent: bas", "the deployment 'bas' does not exist (did you mean 'base'?)"),
        ("parent: base", "parent: tuned", "deployments.tuned.parent: forms a cycle: tuned → tuned"),
        ("fallback: base", "fallback: cloud", "routes.support-bot.fallback: its data is internal, but it can reach"),
        ("fallback: base", "fallback: [base, tuned, base]", "routes.support-bot.fallback: names 'base' twice"),
        ("mde: 3pp", "mde: 3pp, baseline: some%", "primary.baseline: must be a number, not 'some%'"),
        ("stages: [2, 10, 40, 100]", "stages: [x]", "enroll.stages[0]: must be a number, not 'x'"),
        ("kind: boolean", "kind: number, range: [1]", "metrics.resolved.range[1]: is missing"),
        ("{deployment: tuned", "{deployment: tuned, fallback: [base, base]", "tuned.fallback: names 'base' twice"),
        (
            "tuned: {deployment: tuned",
            "tuned: {deployment: cloud",
            "deployment 'cloud' through the variant 'tuned'",
        ),
        (
            "base-direct: {deploy",
            "b: {experiment: tuned-vs-base, deploy",
            "routes.b: must lead to a deployment or",
        ),
        (
            "base-direct: {deployment: base}",
            "b: {}",
            "to a deployment or to an experiment, and neither is given",
        ),
        ("metric: requests.error_rate", "metric: requests.kept_away_rate", "is shown and never decides"),
        ("control: base", "control: bse", "the variant 'bse' does not exist (did you mean 'base'?)"),
        ("tuned: 50}", "tuned: 40}", "split: the shares must add up to 100, not 90 (50 + 40)"),
        ("tuned: 50}", "tunde: 50}", "split: the variant 'tuned' has no share"),
        ("[2, 10, 40", "[2, 10, 10", "stages: each stage must be more than the one before (2, 10, 10, 100)"),
        ("approve: [100]", "approve: [99]", "approve[0]: 99 is not one of the stages (stages: 2, 10, 40, 100)"),
        ("support.md", "sport.md", "system_prompt: 'sport.md' can't be read: No such file"),
        ("http://gpu-1:8000/v1/", "gpu-1:8000", "base_url: 'gpu-1:8000' is not an http address (http://host:port/v1)"),
        (
            "http://gpu-1:8000/v1/",
            "http://u:pw@gpu",
            "contains a user or a password (put the key in api_key)",
        ),
        (
            "openai/Qwen3-8B",
            "anthropc/claude",
            "the provider 'anthropc' is not known (did you mean 'anthropic'?; openai/",
        ),
        (
            'openai/gpt-5.4-mini, base_url: "https://api.openai.com/v1", api_key: "${CLOUD_KEY}", external: true',
            "anthropic/claude-x",
            "cloud.external: anthropic is outside your organisation, and external is not true (external: true)",
        ),
        (
            'openai/gpt-5.4-mini, base_url: "https://api.openai.com/v1", api_key: "${CLOUD_KEY}", external: true',
            "anthropic/claude-x, external: true",
            'deployments.cloud.api_key: is missing (api_key: "${ANTHROPIC_API_KEY}")',
        ),
        (
            'openai/gpt-5.4-mini, base_url: "https://api.openai.com/v1", api_key: "${CLOUD_KEY}", external: true',
            "ollama/llama3",
            "deployments.cloud.base_url: is missing (where your ollama listens)",
        ),
        ("openai/Qwen3-8B", "opnai/Qwen3-8B", "the provider 'opnai' is not known (did you mean 'openai'?; openai/"),
        ("temperature: 0.2", "model: x", "variants.tuned.params.model: is not a parameter (the deployment names"),
        ("temperature: 0.2", "stream: true", "variants.tuned.params.stream: is not a parameter"),
        ("external: true", "external: false", "api.openai.com is outside your organisation, and external is not true"),
        ("mde: 3pp", "mde: 3", "mde: '3' is not a margin (1pp is one percentage point"),
        ("margin: 20%", "margin: 20pp", "percentage points fit a share, and requests.latency_p95 is an amount"),
        ("margin: 1pp", "margin: 0pp", "guardrails[0].margin: '0pp' must be more than 0"),
        ("requests.error_rate", "requests.eror_rate", "did you mean 'requests.error_rate'?"),
        ("feedback.resolved,", "feedback.solved,", "the feedback 'solved' is not declared under metrics"),
        (
            "metrics:\n",
            "metrics:\n  other: {from: feedback, key: resolved, kind: number}\n",
            "the feedback 'resolved' can't be boolean too (another metric declares it as number)",
        ),
        (
            "missing: at_random",
            "missing: as_no",
            "10: metrics.resolved.missing: must be 'at_random' or 'worst_case', not 'as_no'",
        ),
        ("unit: user", "unit: usr", "unit: must be 'user', 'conversation' or 'request', not 'usr'"),
        ("retain_days: 30", "retain_days: ten", "retain_days: must be a whole number, not 'ten'"),
        ("store: {", "gateway: {bind: '0.0.0.0:80', auth: open}\nstore: {", "gateway.auth: open lets everyone who can"),
        ("store: {", "control: {bind: '127.0.0.1:8080'}\nstore: {", "control.bind: 127.0.0.1:8080 is also where the"),
        ("./fairtrial.duckdb", "./", "store.path: './' is a folder (the name of a file, fairtrial.duckdb)"),
        ("./fairtrial.duckdb", "/dev/zero", "store.path: '/dev/zero' is not a regular file (the name of a file,"),
        ("version: 1", "version: 2", "1: version: must be 1, not 2"),
    ],
)
def test_each_mistake_is_reported_at_its_place(tmp_path: Path, old: str, new: str, expected: str) -> None:
    messages = errors(tmp_path, (old, new))
    assert any(expected in error for error in messages), messages
    assert all(error.startswith("fairtrial.yaml:") for error in messages)


def test_mistakes_of_shape_and_of_meaning_are_stated_in_one_go(tmp_path: Path) -> None:
    messages = errors(
        tmp_path,
        ("unit: user", "unit: usr"),
        ("control: base", "control: bse"),
        ("tuned: 50}", "tuned: 40}"),
        ("parent: base", "parnet: bas"),
        environ={},
    )
    assert [error.split(": ")[1].rsplit(".", 1)[-1] for error in messages] == [
        "parnet",
        "api_key",
        "unit",
        "control",
        "split",
    ]
    assert [int(error.split(":")[1]) for error in messages] == [4, 5, 14, 15, 19]


def test_a_variable_that_is_not_set_is_named(tmp_path: Path) -> None:
    assert errors(tmp_path, environ={}) == [
        "fairtrial.yaml:5: deployments.cloud.api_key: the environment variable CLOUD_KEY is not set"
    ]


def test_a_value_of_the_environment_is_never_quoted(tmp_path: Path) -> None:
    messages = errors(tmp_path, ("bodies: redacted", 'bodies: "${CLOUD_KEY}"'))
    assert len(messages) == 1 and ENVIRON["CLOUD_KEY"] not in messages[0]


def test_a_key_of_the_wrong_type_is_not_quoted_either(tmp_path: Path) -> None:
    messages = errors(tmp_path, ('api_key: "${CLOUD_KEY}"', "api_key: 4711"))
    assert messages == ["fairtrial.yaml:5: deployments.cloud.api_key: must be text, not a number"]


def test_outside_of_loopback_keys_are_the_default(tmp_path: Path) -> None:
    assert project(tmp_path, ("store: {", "gateway: {bind: '0.0.0.0:80'}\nstore: {")).gateway.access == "keys"


def test_the_sample_has_no_mistakes(tmp_path: Path) -> None:
    assert errors(tmp_path) == []
    assert SOUND.startswith("version: 1")
