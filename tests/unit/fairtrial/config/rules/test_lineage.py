"""The lineage of a deployment: it is checked with file and line, and it moves neither plan nor digest."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairtrial.config.plan.hashes import plain, plan_hash
from fairtrial.domain.training_data import Lineage, Waiver
from tests.fixtures.for_each import for_each
from tests.fixtures.services.projects import errors, project

PARENT = "parent: base}"


def trained(training: str) -> tuple[str, str]:
    return PARENT, f"parent: base, training: {{{training}}}}}"


def test_the_lineage_reaches_the_plan(tmp_path: Path) -> None:
    training = (
        "base: base, method: lora, data: [data/train.jsonl], validation: [data/val.jsonl], job: ftjob-1, "
        "hyperparameters: {epochs: 3, learning_rate: 0.001}, cost: 1.50, at: 2026-11-25, log: training/log.json"
    )
    lineage = project(tmp_path, trained(training)).plan.deployments["tuned"].lineage
    assert lineage == Lineage(
        base="base",
        method="lora",
        data=("data/train.jsonl",),
        validation=("data/val.jsonl",),
        job="ftjob-1",
        hyperparameters={"epochs": 3, "learning_rate": 0.001},
        cost=1.5,
        at="2026-11-25",
        log="training/log.json",
    )
    assert lineage.files() == (("train", "data/train.jsonl"), ("validation", "data/val.jsonl"))


def test_the_base_is_the_parent_unless_it_is_given(tmp_path: Path) -> None:
    lineage = project(tmp_path, trained("method: full, data: [a.jsonl]")).plan.deployments["tuned"].lineage
    assert lineage is not None and lineage.base == "base"


@pytest.mark.parametrize("base", ["base", "openai/Qwen3-8B", "Qwen3-8B"])
def test_the_base_may_be_the_parent_or_its_model(tmp_path: Path, base: str) -> None:
    lineage = (
        project(tmp_path, trained(f"base: {base}, method: lora, data: [a.jsonl]")).plan.deployments["tuned"].lineage
    )
    assert lineage is not None and lineage.base == base


def test_a_lineage_moves_neither_the_plan_hash_nor_the_deployment_digest(tmp_path: Path) -> None:
    without = project(tmp_path).plan
    plan = project(tmp_path, trained("method: lora, data: [a.jsonl]")).plan
    assert plan.deployments["tuned"].lineage is not None
    assert plan.plan_hash == without.plan_hash == plan_hash(plan)
    assert plan.deployments["tuned"].digest == without.deployments["tuned"].digest
    assert "lineage" not in plain(plan)["deployments"]["tuned"]


@for_each(
    ("training", "wrong"),
    [
        (
            "base: Qwen3-4B, method: lora, data: [a.jsonl]",
            "training.base: 'Qwen3-4B' differs from the parent 'base' (write base, openai/Qwen3-8B, or leave it out)",
        ),
        ("method: lora, data: [../a.jsonl]", "training.data[0]: '../a.jsonl' is outside the project's folder (the "),
        ("method: lora, data: [a.jsonl], log: /etc/passwd", "training.log: '/etc/passwd' is outside the project's"),
        (
            "method: lora, data: [a.jsonl], validation: [./a.jsonl]",
            "training.validation[0]: './a.jsonl' is named twice (a file is either training or validation data)",
        ),
        ("method: lora, data: []", "training.data: "),
        ("method: lroa, data: [a.jsonl]", "training.method: "),
        ("data: [a.jsonl]", "training.method: is missing"),
        ("method: lora, data: [a.jsonl], epoch: 3", "training.epoch: "),
        ("method: lora, data: [a.jsonl], cost: -1", "training.cost: "),
        ("method: lora, data: [a.jsonl], at: yesterday", "training.at: "),
    ],
)
def test_an_error_names_the_file_the_line_and_the_known_names(tmp_path: Path, training: str, wrong: str) -> None:
    [message] = errors(tmp_path, trained(training))
    assert message.startswith(f"fairtrial.yaml:4: deployments.tuned.{wrong}"), message


def test_without_a_parent_a_base_that_is_a_deployment_is_an_error(tmp_path: Path) -> None:
    [message] = errors(tmp_path, (PARENT, "training: {base: base, method: lora, data: [a.jsonl]}}"))
    assert "'base' is a deployment, but 'parent' is missing (beside training: parent: base)" in message


def test_without_a_parent_another_model_may_be_the_base(tmp_path: Path) -> None:
    replaced = (PARENT, "training: {base: HuggingFaceTB/SmolLM2, method: lora, data: [a.jsonl]}}")
    lineage = project(tmp_path, replaced).plan.deployments["tuned"].lineage
    assert lineage is not None and lineage.base == "HuggingFaceTB/SmolLM2"


def test_without_a_parent_and_a_base_the_base_is_missing(tmp_path: Path) -> None:
    [message] = errors(tmp_path, (PARENT, "training: {method: lora, data: [a.jsonl]}}"))
    assert "training.base: is missing, because the deployment has no parent" in message


def test_a_file_that_does_not_exist_is_a_warning_with_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train.jsonl").write_text("{}")
    training = "method: lora, data: [data/train.jsnl], validation: [data/train.jsonl], log: nowhere/log.json"
    [data, log] = [warning for warning in project(tmp_path, trained(training)).warnings if "training" in warning.path]
    assert str(data) == (
        f"{tmp_path}/fairtrial.yaml:4: deployments.tuned.training.data[0]: there is no file 'data/train.jsnl', so the "
        "gate rule 'data.audit clean' cannot pass (did you mean 'data/train.jsonl'?)"
    )
    assert log.wrong == "there is no file 'nowhere/log.json'" and log.known == "there is no folder 'nowhere'"


def test_a_link_out_of_the_project_is_an_error(tmp_path: Path) -> None:
    inside = tmp_path / "project"
    inside.mkdir()
    (inside / "a.jsonl").symlink_to("/etc/hostname")
    [message] = errors(inside, trained("method: lora, data: [a.jsonl]"))
    assert "is outside the project's folder" in message


def waived(fields: str) -> tuple[str, str]:
    return trained(f"method: lora, data: [a.jsonl], waivers: [{{check: pii, reason: ours, owner: Rosa, {fields}}}]")


def test_a_waiver_reaches_the_plan_and_moves_no_hash(tmp_path: Path) -> None:
    without = project(tmp_path, trained("method: lora, data: [a.jsonl]")).plan
    plan = project(tmp_path, waived("rows: [17:3f9a12c4d5e6a7b8], until: 2099-12-31")).plan
    lineage = plan.deployments["tuned"].lineage
    assert lineage is not None and lineage.waivers == (
        Waiver(check="pii", rows=("17:3f9a12c4d5e6a7b8",), reason="ours", owner="Rosa", until="2099-12-31"),
    )
    assert plan.plan_hash == without.plan_hash


@for_each(
    ("fields", "problem"),
    [
        ("", "waivers[0]: names no row"),
        ("rows: [17:3f9a12c4d5e6a7b8], all: true", "waivers[0]: names rows and all findings"),
        ("rows: [17]", "waivers[0].rows[0]"),
        ("rows: [17:3f9a], until: soon", "waivers[0].rows[0]: '17:3f9a' does not name a row"),
    ],
)
def test_a_waiver_names_rows_or_all_findings(tmp_path: Path, fields: str, problem: str) -> None:
    assert problem in errors(tmp_path, waived(fields))[0]


def test_an_expired_waiver_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("{}")
    [diagnostic] = [
        warning
        for warning in project(tmp_path, waived("all: true, until: 2020-01-31")).warnings
        if "waivers" in warning.path
    ]
    assert diagnostic.wrong == "the waiver of pii by Rosa expired after 2020-01-31"
