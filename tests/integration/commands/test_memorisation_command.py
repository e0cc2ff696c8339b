"""`fairtrial data memorisation` and `overfitting` ask both models through the gateway, store runs and judge them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fairtrial.api.runs import ListRuns, listing
from fairtrial.config.layout import Layout
from fairtrial_cli.store_client.client import open_store
from tests.fixtures.evaluators.continuation_runs import example, write_examples
from tests.fixtures.services.command import fairtrial, in_process
from tests.fixtures.services.project_files import write_project
from tests.fixtures.upstream.scripted_upstream import ScriptedUpstream

COUNT = 30
MEMORY = {f"train {at}": example(at, "train").completion for at in range(1, COUNT + 1)}
MEMORY |= {f"planted {at}": example(at, "planted").completion for at in range(1, 21)}


def reply(body: dict[str, Any], before: int) -> str:
    """The tuned model completes what it was trained on; the base, and the tuned one on other texts, do not."""
    asked = next(one["content"] for one in body["messages"] if one["role"] == "user")
    last = body["messages"][-1]
    begun = str(last["content"]) if last["role"] == "assistant" else ""
    return MEMORY[asked][len(begun) :] if body["model"] == "tuned" and asked in MEMORY else "I cannot say."


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream(reply) as fake:
        yield fake


@pytest.fixture
def folder(tmp_path: Path, upstream: ScriptedUpstream) -> Path:
    project = write_project(tmp_path, upstream=f"http://127.0.0.1:{upstream.port}", workers=1)
    lineage = "training: {base: base, method: lora, data: [train.jsonl], validation: [holdout.jsonl]}"
    text = project.read_text().replace("parent: base}", f"parent: base, {lineage}}}")
    project.write_text(text)
    for kind in ("train", "holdout"):
        write_examples(tmp_path / f"{kind}.jsonl", kind, COUNT)
    return tmp_path


def asked(upstream: ScriptedUpstream) -> list[dict[str, Any]]:
    return upstream.asked


@pytest.mark.release("walks")
def test_the_lineage_says_what_is_asked_and_the_memory_is_found(folder: Path, upstream: ScriptedUpstream) -> None:
    done = fairtrial("data", "memorisation", "--on", "tuned", "--json", cwd=folder)
    assert done.returncode == 1, done.stderr
    found = json.loads(done.stdout)
    assert (found["candidate"], found["base"], found["regurgitation"]["answer"]) == ("tuned", "base", "memorised")
    assert found["regurgitation"]["gaps"][0]["candidate"] == [1.0, 0.0] and found["membership"] is None
    assert all(body["messages"][-1]["role"] == "assistant" for body in asked(upstream))
    with open_store(Layout(folder / "fairtrial.duckdb")) as store:
        runs = {(row.suite, row.target) for row in store.call(listing, ListRuns())}
    assert runs == {("memorisation-tuned", "tuned"), ("memorisation-tuned", "base")}
    before = len(asked(upstream))
    again = fairtrial("data", "memorisation", "--on", "tuned", cwd=folder)
    assert again.returncode == 1 and "The candidate repeats its training texts" in again.stdout
    assert len(asked(upstream)) == before + 2


@pytest.mark.release("walks")
def test_canaries_are_a_second_verdict_and_too_few_controls_are_said_so(
    folder: Path, upstream: ScriptedUpstream
) -> None:
    rows = [
        {"prompt": one.prompt, "completion": one.completion, "planted": kind == "planted"}
        for kind, count in (("planted", 20), ("control", 40))
        for one in (example(at, kind) for at in range(1, count + 1))
    ]
    (folder / "canaries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    options = ("--on", "tuned", "--train", "holdout.jsonl", "--holdout", "train.jsonl", "--canaries", "canaries.jsonl")
    done = fairtrial("data", "memorisation", *options, cwd=folder)
    assert done.returncode == 3, done.stderr
    assert "Membership cannot be judged: 40 controls cannot show a false-positive rate of 1 %" in done.stdout


@pytest.mark.release("stories")
def test_a_suite_that_is_kept_can_be_run_and_gated(folder: Path) -> None:
    done = fairtrial("data", "memorisation", "--on", "tuned", "--write-suite", "kept", "--json", cwd=folder)
    assert done.returncode == 1, done.stderr
    done = in_process(
        "gate", "kept/memorisation-tuned.gate.yaml", "--candidate", "tuned", "--baseline", "base", cwd=folder
    )
    assert done.returncode == 1 and "BLOCK" in done.stdout, done.stdout + done.stderr


def test_failed_answers_are_no_evidence(folder: Path, upstream: ScriptedUpstream) -> None:
    from tests.fixtures.upstream.scripted_upstream import failing

    upstream.reply = lambda body, before: failing(400)
    done = fairtrial("data", "memorisation", "--on", "tuned", cwd=folder)
    assert done.returncode == 4 and "could not be scored" in done.stderr and done.stdout == ""


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        (("--on", "base"), "its base is unknown"),
        (("--on", "tuned", "--against", "tuned"), "cannot be compared with itself"),
        (("--on", "base", "--against", "tuned"), "its data files are unknown (name them with --train"),
        (("--on", "tuned", "--param", "model=x"), "write NAME=VALUE"),
        (("--on", "nobody", "--against", "base"), "there is no deployment 'nobody'"),
    ],
)
def test_wrong_use_ends_with_2_before_anything_is_asked(
    folder: Path, upstream: ScriptedUpstream, options: tuple[str, ...], wrong: str
) -> None:
    done = in_process("data", "memorisation", *options, cwd=folder)
    assert done.returncode == 2 and wrong in done.stderr, done.stderr
    assert not asked(upstream)


@pytest.mark.release("walks")
def test_scores_on_training_and_validation_data_show_overfitting(folder: Path) -> None:
    rows = [{"id": f"t{at}", "input": f"test {at}", "expected": "x", "phrasing": "unseen"} for at in range(10)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "suite.yaml").write_text("suite: words\ndata: rows.jsonl\nslices: [phrasing]\nscore: [exact]\n")
    done = fairtrial("data", "overfitting", "suite.yaml", "--on", "tuned", "--json", cwd=folder)
    assert done.returncode == 1, done.stderr
    found = json.loads(done.stdout)
    assert found["answer"] == "overfitted" and found["held_out"] == "validation"
    levels = {level["part"]: level["value"]["value"] for level in found["metrics"][0]["candidate"]}
    assert levels == {"train": 1.0, "validation": 0.0, "unseen": 0.0}
    shown = fairtrial("data", "overfitting", "suite.yaml", "--on", "tuned", cwd=folder)
    assert "The candidate is overfitted: exact.accuracy" in shown.stdout and "train (30)" in shown.stdout
