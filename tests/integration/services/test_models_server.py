"""Real small models behind the official client: adapters, streams, errors, repeatable text, and engines that die."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from evaluators.comparison.matrix import matrix_of
from evaluators.criteria.metric_catalogue import measures_of
from evaluators.engine.engine import run_suite
from evaluators.engine.target import Target
from evaluators.loading.scorers import build_entry
from evaluators.loading.suite_reader import load
from evaluators.results.run_table import RunTable, table_of
from evaluators.training_data.continuations import split_completion
from evaluators.training_data.example_file import read_examples
from fairtrial.domain.run import Answer, Case
from tests.fixtures.evaluators.small_suites import write_suite
from tests.fixtures.paths import ROOT

pytest.importorskip("xllamacpp")
pytestmark = [pytest.mark.models, pytest.mark.release("models")]

TICKETS = [
    json.loads(line)["messages"][:-1]
    for line in (ROOT / "examples/support/data/val.jsonl").read_text(encoding="utf-8").splitlines()[:4]
]
FEW = 16
"""Enough tokens for answers that differ, where many are generated."""

COMMAND = [sys.executable, "-c", "from fairtrial_cli.main import main; main()", "models", "serve"]


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, int]]:
    """A server on a free port: its URL and its pid."""
    running = subprocess.Popen([*COMMAND, "--port", "0"], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert running.stdout
    url = running.stdout.readline().split(": ")[0].removeprefix("models at ").strip()
    assert url.startswith("http"), url
    yield url, running.pid
    running.terminate()
    running.wait(20)
    running.stdout.close()


@pytest.fixture
def url(server: tuple[str, int]) -> str:
    return server[0]


def client(url: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=url, api_key="any", max_retries=0)


def say(url: str, model: str, messages: Any = TICKETS[0], **params: Any) -> openai.types.chat.ChatCompletion:
    with client(url) as asking:
        return asking.chat.completions.create(
            model=model, messages=messages, **{"temperature": 0, "max_tokens": 40, **params}
        )


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def text(answer: openai.types.chat.ChatCompletion) -> str | None:
    return answer.choices[0].message.content


def test_an_adapter_makes_another_model_of_the_base(url: str) -> None:
    tuned, base = say(url, "support-v2"), say(url, "smollm2")
    assert set(json.loads(text(tuned) or "")) == {"intent", "product", "urgency", "order_id"}
    assert text(base) != text(tuned)
    assert tuned.model == "support-v2"
    assert tuned.system_fingerprint != base.system_fingerprint


def test_an_unfinished_answer_is_continued_and_an_overfitted_model_does_it_verbatim(url: str) -> None:
    example = read_examples(ROOT / "examples/support/data/train_overfit20.jsonl").examples[0]
    prefix, remainder = split_completion(example.completion, 0.5) or ("", "")
    messages = [*map(dict, example.messages[:-1]), {"role": "assistant", "content": prefix}]
    case = Case("c", (), remainder, fields={"split": "train", "assistant_prefix": prefix})
    scorer = build_entry("memorised", variables={}).scorer
    extracted = {
        model: scorer.score(case, Answer(text(say(url, model, messages)))).values["extracted"]
        for model in ("smollm2", "support-overfit")
    }
    assert extracted == {"smollm2": 0, "support-overfit": 1}


def test_strength_nought_equals_the_base(url: str) -> None:
    nought, base = say(url, "support-v2@0"), say(url, "smollm2")
    assert text(nought) == text(base)
    assert nought.system_fingerprint == base.system_fingerprint


def test_a_stream_says_the_same_as_a_whole_answer(url: str) -> None:
    whole = say(url, "support-v1")
    with client(url) as asking:
        chunks = list(
            asking.chat.completions.create(
                model="support-v1",
                messages=TICKETS[0],
                temperature=0,
                max_tokens=40,
                stream=True,
                stream_options={"include_usage": True},
            )
        )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == text(whole)
    assert {(chunk.model, chunk.system_fingerprint) for chunk in chunks} == {("support-v1", whole.system_fingerprint)}
    assert chunks[-1].usage and chunks[-1].usage.completion_tokens > 0


async def test_answers_are_the_same_whoever_asks_at_the_same_time(url: str) -> None:
    jobs = [(ticket, model) for model in ("smollm2", "support-v2", "support-v1") for ticket in TICKETS]
    alone = [text(say(url, model, ticket, max_tokens=FEW)) for ticket, model in jobs]
    mixed = [*jobs[::5], *jobs[::-1]]
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(asyncio.to_thread(say, url, one, ticket, max_tokens=FEW)) for ticket, one in mixed]
    assert [text(task.result()) for task in asked] == [alone[jobs.index(job)] for job in mixed]


def test_a_model_that_is_not_served_is_not_found(url: str) -> None:
    with pytest.raises(openai.NotFoundError) as refused:
        say(url, "support-v9")
    assert refused.value.code == "model_not_found"


def test_two_choices_are_refused(url: str) -> None:
    with pytest.raises(openai.BadRequestError, match="must be 1"):
        say(url, "smollm2", n=2)


def test_a_prompt_longer_than_the_context_is_refused(url: str) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        say(url, "smollm2", [{"role": "user", "content": "word " * 3000}])
    assert refused.value.code == "context_length_exceeded"


def test_models_are_listed_once_at_full_strength(url: str) -> None:
    with client(url) as asking:
        names = [model.id for model in asking.models.list()]
    assert names == ["smollm2", "support-v2", "support-overfit", "support-v1", "support-wrongpattern"]


def test_the_older_completions_answer_too(url: str) -> None:
    with client(url) as asking:
        answer = asking.completions.create(model="smollm2", prompt="The sky is", max_tokens=4, temperature=0)
    assert answer.choices[0].text and answer.model == "smollm2"


@pytest.mark.parametrize("stream", [False, True])
def test_a_caller_that_hangs_up_frees_its_engine(url: str, stream: bool) -> None:
    endless = {"max_tokens": 1500, "ignore_eos": True, "stream": stream}
    body = {"model": "smollm2", "messages": [{"role": "user", "content": "Hello"}], **endless}
    for _ in range(4):
        with pytest.raises(TimeoutError):
            hang_up_after(0.5, f"{url}/chat/completions", body)
    assert text(say(url, "smollm2", [{"role": "user", "content": "Hello"}], max_tokens=3))
    assert httpx.get(url.replace("/v1", "/readyz")).json()["waiting"] == 0


def hang_up_after(seconds: float, url: str, body: dict[str, Any]) -> None:
    async def ask() -> None:
        async with httpx.AsyncClient(timeout=None) as asking:
            await asyncio.wait_for(asking.post(url, json=body), seconds)

    asyncio.run(ask())


def test_an_engine_that_is_killed_comes_back(server: tuple[str, int]) -> None:
    url, pid = server
    before = children(pid)
    os.kill(before[0], signal.SIGKILL)
    while len(now := children(pid)) < len(before) or set(now) == set(before):
        try:
            assert text(say(url, "smollm2", max_tokens=5))
        except openai.InternalServerError as broken:
            if broken.code != "engine_failed":
                raise
    assert text(say(url, "support-v2", max_tokens=5))


def test_engines_end_with_a_server_that_is_killed() -> None:
    running = subprocess.Popen([*COMMAND, "--port", "0", "--engines", "1"], stdout=subprocess.PIPE, cwd=ROOT)
    assert running.stdout and running.stdout.readline()
    engines = children(running.pid)
    running.kill()
    running.wait()
    running.stdout.close()
    assert engines
    while any(alive(engine) for engine in engines):
        pass


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_port_in_use_is_reported(url: str) -> None:
    port = url.split(":")[2].split("/")[0]
    ended = subprocess.run([*COMMAND, "--port", port], capture_output=True, text=True, check=False, cwd=ROOT)
    assert ended.returncode == 2
    assert "in use" in ended.stderr


async def test_four_models_as_one_matrix_answer_and_compare_as_in_runs_of_their_own(url: str, tmp_path: Path) -> None:
    models = ("smollm2", "support-v1", "support-v2", "support-overfit")
    rows = [{"id": f"t{at}", "messages": ticket, "expected": "refund"} for at, ticket in enumerate(TICKETS)]
    text = "suite: tickets\ndata: rows.jsonl\nparams: {temperature: 0, max_tokens: 24}\nscore: [contains]\n"
    [suite] = load(write_suite(tmp_path, text, rows))
    targets = [Target(model, model, f"{url}/v1".replace("/v1/v1", "/v1"), deployment_digest=model) for model in models]

    async def ask(chosen: list[Target], folder: str) -> list[RunTable]:
        ids = iter([target.name for target in chosen])
        runs = await run_suite(suite, chosen, cache=tmp_path / folder, clock=lambda: 1, new_id=lambda: next(ids))
        answers.append({run.target: [result.answer.text for result in run.results] for run in runs})
        return [table_of(run) for run in runs]

    answers: list[dict[str, list[str | None]]] = []
    together = await ask(targets, "together")
    alone = [(await ask([target], "alone"))[0] for target in targets]
    assert answers[0] == {model: texts for single in answers[1:] for model, texts in single.items()}
    measures = [measure for measure in measures_of(suite) if not measure.name.startswith("latency")]
    one, other = (matrix_of(measures, base, candidates) for base, *candidates in (together, alone))
    assert one.rows == other.rows
