"""`fairtrial init --from URL`: a server's models and a person's questions become a project that `check` accepts."""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from evaluators.criteria.content_lines import REVIEW_LINE
from evaluators.gate.file import load
from evaluators.migration.successor_lines import content_lines
from fairtrial.config.project import load_project
from tests.fixtures.agents_page import assert_page_is_true
from tests.fixtures.docs.pages import ROOT, blocks
from tests.fixtures.services.command import PROGRAM, in_process
from tests.fixtures.services.printed_commands import Terminal
from tests.fixtures.services.project_files import free_ports
from tests.fixtures.upstream.providers import model_lists as lists
from tests.fixtures.upstream.providers.model_lists import LLAMA_FILE, LORA, QWEN, list_server
from tests.fixtures.upstream.providers.provider_servers import VllmServer
from tests.fixtures.waiting import PATIENCE

MOST_LINES = 20
ENVIRON = os.environ | {"PYTHONPATH": str(ROOT)}
KEY = {"SERVER_KEY": "sk-canary"}
FORMS: Mapping[str, tuple[Mapping[str, Any], str, str, bool]] = {
    "vllm": (lists.VLLM, QWEN, LORA, True),
    "sglang": (lists.SGLANG, QWEN, LORA, True),
    "ollama": (lists.OLLAMA, "llama3.2:latest", "llama3.2-support:latest", False),
    "ollama-tags": (lists.OLLAMA_TAGS, "llama3.2:3b", "mario:latest", True),
    "litellm": (lists.LITELLM, "qwen3-8b", "qwen3-8b-support", False),
    "openai": (lists.OPENAI, "gpt-4.1-mini-2025-04-14", lists.FINE_TUNE, True),
    "together": (lists.TOGETHER, "meta-llama/Llama-3.2-3B", "acme/Llama-3.2-3B-support-ft", False),
}
"""By the kind of server: its lists, the base and the candidate that are proposed, and whether it states the parent."""
HTML = b"<!doctype html><title>A shop</title>"


def init(url: str, *arguments: str | Path, cwd: Path, env: Mapping[str, str] | None = None) -> Any:
    return in_process("init", "mine", "--from", url, *arguments, cwd=cwd, env=env)


def models_of(folder: Path, env: Mapping[str, str] = KEY) -> tuple[str, str, str | None]:
    """The base, the candidate and its parent, as the project names them."""
    deployments = load_project(folder / "fairtrial.yaml", env).plan.deployments
    return deployments["base"].model, deployments["candidate"].model, deployments["candidate"].parent


def assert_accepted(folder: Path) -> None:
    """`check` accepts each file, the gate can measure content, and the project is short."""
    suites = sorted((folder / "suites").glob("*.yaml"))
    done = in_process("check", "fairtrial.yaml", *suites, "release.gate.yaml", cwd=folder, env=KEY)
    assert done.returncode == 0, done.stderr
    assert list(content_lines(load(folder / "release.gate.yaml")))
    assert_page_is_true(folder / "AGENTS.md", {"assistant"}, {"base", "candidate"})
    assert len((folder / "fairtrial.yaml").read_text(encoding="utf-8").splitlines()) <= MOST_LINES


def assert_refused(done: subprocess.CompletedProcess[str], folder: Path, *words: str) -> None:
    """One sentence, exit code 2, and nothing written."""
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert [word for word in words if word not in done.stderr] == [], done.stderr
    assert not (folder / "mine").exists()


def test_the_experiment_of_the_agents_page_is_accepted(tmp_path: Path) -> None:
    with list_server(lists.VLLM) as server:
        init(server.url, cwd=tmp_path)
    folder = tmp_path / "mine"
    (block,) = re.findall(r"```yaml\n(.*?)```", (folder / "AGENTS.md").read_text(encoding="utf-8"), re.DOTALL)
    lines = (folder / "fairtrial.yaml").read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not line.startswith("routes:")]
    (folder / "fairtrial.yaml").write_text("\n".join([*kept, block]), encoding="utf-8")
    done = in_process("check", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "candidate-vs-base" in done.stdout


@pytest.mark.parametrize("form", FORMS)
def test_the_models_of_every_kind_of_server_become_a_project(form: str, tmp_path: Path) -> None:
    answers, base, candidate, states_parent = FORMS[form]
    with list_server(answers) as server:
        done = init(server.url, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert models_of(tmp_path / "mine") == (base, candidate, "base" if states_parent else None)
    assert f"base: {base}; candidate: {candidate}" in done.stdout
    deployments = load_project(tmp_path / "mine" / "fairtrial.yaml", KEY).plan.deployments
    assert {one.base_url for one in deployments.values()} == {f"{server.url}/v1"}
    assert_accepted(tmp_path / "mine")


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v1/models"])
def test_an_address_may_end_where_the_list_is(path: str, tmp_path: Path) -> None:
    with list_server(lists.VLLM) as server:
        assert init(server.url + path, cwd=tmp_path).returncode == 0
    deployments = load_project(tmp_path / "mine" / "fairtrial.yaml", {}).plan.deployments
    assert {one.base_url for one in deployments.values()} == {f"{server.url}/v1"}


def test_adapters_of_llama_cpp_are_selected_by_a_field_of_the_request(tmp_path: Path) -> None:
    with list_server(lists.LLAMA_CPP) as server:
        done = init(server.url, "--candidate", "support-v2", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert_refused(in_process("init", "two", "--from", server.url, cwd=tmp_path), tmp_path / "x", "support-v1")
    deployments = load_project(tmp_path / "mine" / "fairtrial.yaml", KEY).plan.deployments
    assert {one.model for one in deployments.values()} == {LLAMA_FILE}
    assert deployments["base"].params == {"lora": [{"id": 0, "scale": 0}, {"id": 1, "scale": 0}]}
    assert deployments["candidate"].params == {"lora": [{"id": 0, "scale": 0}, {"id": 1, "scale": 1}]}
    assert deployments["candidate"].parent == "base"
    assert_accepted(tmp_path / "mine")


def test_names_of_the_person_decide(tmp_path: Path) -> None:
    with list_server(lists.OPENAI) as server:
        options = ("--base", lists.FINE_TUNE, "--candidate", "gpt-4.1-mini-2025-04-14")
        done = init(server.url, *options, cwd=tmp_path)
        assert done.returncode == 0 and "as you named them" in done.stdout
        assert models_of(tmp_path / "mine") == (lists.FINE_TUNE, "gpt-4.1-mini-2025-04-14", None)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--candidate", "whisper"), ("--candidate whisper", "no such model")),
        (("--base", QWEN, "--candidate", QWEN), ("the same model",)),
        ((), ("--base", "--candidate", "a-model", "b-model", QWEN)),
        (("--base", QWEN), ("a-model, b-model",)),
    ],
)
def test_a_choice_that_is_not_clear_lists_the_models(options: tuple[str, ...], words: Any, tmp_path: Path) -> None:
    names = (QWEN, "a-model", "b-model")
    with list_server({"/v1/models": lists.cards(*(lists.card(name, "acme") for name in names))}) as server:
        assert_refused(init(server.url, *options, cwd=tmp_path), tmp_path, *words)


def test_the_command_for_one_of_several_pairs_is_printed_ready_to_run(tmp_path: Path) -> None:
    (tmp_path / "my own.txt").write_text("Where is my parcel?\n", encoding="utf-8")
    names = ("a model", "b-model")
    with list_server({"/v1/models": lists.cards(*(lists.card(name, "acme") for name in names))}) as server:
        done = init(server.url, "--questions", "my own.txt", "--port", "9280", cwd=tmp_path)
        assert_refused(done, tmp_path, "(models: a model, b-model)")
        arguments = shlex.split(done.stderr.partition("such as: fairtrial ")[2])
        assert in_process(*arguments, cwd=tmp_path).returncode == 0, done.stderr
    assert models_of(tmp_path / "mine") == ("a model", "b-model", None)
    assert load_project(tmp_path / "mine" / "fairtrial.yaml", {}).gateway.address.port == 9280


@pytest.mark.parametrize(
    ("answers", "status", "words"),
    [
        (lists.VLLM, 401, ("401", "--key-env NAME")),
        (lists.VLLM, 500, ("500",)),
        (lists.VLLM, 302, ("302",)),
        ({}, 200, ("404",)),
        ({"/v1/models": lists.cards()}, 200, ("lists no models",)),
        ({"/v1/models": HTML, "/models": HTML, "/api/tags": HTML}, 200, ("not JSON",)),
        ({"/v1/models": b"[" * 100_000}, 200, ("not JSON",)),
        ({"/v1/models": {"status": "ok"}}, 200, ("no list of models",)),
    ],
    ids=["key", "broken", "moved", "no-list", "empty", "html", "deep", "other-json"],
)
def test_a_server_that_can_not_be_used_is_one_sentence(
    answers: Mapping[str, Any], status: int, words: tuple[str, ...], tmp_path: Path
) -> None:
    with list_server(answers, status=status) as server:
        assert_refused(init(server.url, cwd=tmp_path), tmp_path, server.url, *words)


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:8000",
        "ftp://host/v1",
        "http://",
        "http://host:99999",
        "http://host/v1?key=1",
        "http://[::1",
        "http://a b",
    ],
)
def test_an_address_that_can_not_be_a_servers_is_refused(url: str, tmp_path: Path) -> None:
    assert_refused(init(url, cwd=tmp_path), tmp_path, "--from", "http://127.0.0.1:8000/v1")


def test_a_password_in_the_address_is_not_printed(tmp_path: Path) -> None:
    done = init("http://me:secret@host/v1", cwd=tmp_path)
    assert_refused(done, tmp_path, "--key-env NAME")
    assert "secret" not in done.stderr


def test_a_server_with_one_model_is_refused(tmp_path: Path) -> None:
    with list_server({"/v1/models": lists.cards(lists.card(QWEN, "vllm"))}) as server:
        assert_refused(init(server.url, cwd=tmp_path), tmp_path, f"only the model {QWEN}")


def test_a_refused_connection_is_one_sentence(tmp_path: Path) -> None:
    [port] = free_ports(1)
    for host in (f"127.0.0.1:{port}", "host..name", "1.2.3.4.5.6", "\u2024\u2024"):
        assert_refused(init(f"http://{host}", cwd=tmp_path), tmp_path, host, "can't be reached")


def test_a_key_is_sent_and_only_its_variable_is_written(tmp_path: Path) -> None:
    with list_server(lists.VLLM) as server:
        unset = init(server.url, "--key-env", "SERVER_KEY", cwd=tmp_path)
        assert_refused(unset, tmp_path, "the environment variable SERVER_KEY is not set")
        assert_refused(init(server.url, "--key-env", "sk-a b", cwd=tmp_path), tmp_path, "not the key")
        assert not server.seen
        done = init(server.url, "--key-env", "SERVER_KEY", cwd=tmp_path, env=KEY)
        assert done.returncode == 0 and {key for _, key in server.seen} == {"Bearer sk-canary"}
    files = [path for path in (tmp_path / "mine").rglob("*") if path.is_file()]
    assert not [path for path in files if b"sk-canary" in path.read_bytes()]
    assert 'api_key: "${SERVER_KEY}"' in (tmp_path / "mine" / "fairtrial.yaml").read_text(encoding="utf-8")
    assert_accepted(tmp_path / "mine")


def test_a_models_name_can_not_read_the_environment(tmp_path: Path) -> None:
    names = ("${HOME}", "two\nlines", "a: b} #", '"quoted"')
    with list_server({"/v1/models": lists.cards(*(lists.card(name, "acme") for name in names))}) as server:
        options = ("--base", "a: b} #", "--candidate", '"quoted"')
        assert init(server.url, *options, cwd=tmp_path).returncode == 0
        assert models_of(tmp_path / "mine") == ("a: b} #", '"quoted"', None)
        refused = in_process("init", "two", "--from", server.url, "--base", "${HOME}", cwd=tmp_path)
        assert refused.returncode == 2 and not (tmp_path / "two").exists()


PROMPTFOO = """\
prompts: ["Which kind of ticket is this? {{ticket}}"]
tests:
  - {vars: {ticket: Where is my parcel?}, assert: [{type: equals, value: delivery}]}
  - {vars: {ticket: I want my money back.}, assert: [{type: equals, value: refund}]}
"""
ROWS = [
    {"question": "Where is my parcel?", "answer": "delivery"},
    {"question": "My money, please.", "answer": "refund"},
]
QUESTIONS = {
    "own.csv": ("question,answer\nWhere is my parcel?,delivery\nMy money please.,refund\n", True),
    "own.jsonl": ("".join(json.dumps(row) + "\n" for row in ROWS), True),
    "own.json": (json.dumps(ROWS), True),
    "promptfooconfig.yaml": (PROMPTFOO, True),
    "open.jsonl": ('{"input": "Where is my parcel?"}\n{"input": "My money, please."}\n', False),
    "own.txt": ("Where is my parcel?\n\n  My money, please.\n", False),
}
"""By file: its text, and whether it has references."""


@pytest.mark.parametrize("name", QUESTIONS)
def test_questions_of_every_form_become_a_suite_and_its_gate(name: str, tmp_path: Path) -> None:
    text, has_references = QUESTIONS[name]
    (tmp_path / name).write_text(text, encoding="utf-8")
    with list_server(lists.VLLM) as server:
        done = init(server.url, "--questions", name, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert_accepted(tmp_path / "mine")
    gate = load(tmp_path / "mine" / "release.gate.yaml")
    assert sum(len(suite.cases) for suite in gate.suites) == 2
    assert (REVIEW_LINE in [line for line, _ in gate.external]) is not has_references
    steps = done.stdout.partition("Next steps:\n\n")[2].splitlines()
    second = "fairtrial up" if has_references else "fairtrial review enqueue"
    assert steps[0] == "cd mine" and len(steps) == 3 and steps[2].startswith(second)


def test_the_scorer_and_what_was_left_out_are_printed(tmp_path: Path) -> None:
    (tmp_path / "geo.csv").write_text("question,answer\nAustria?,Vienna\nWhy?,\nPortugal?,Lisbon\n", encoding="utf-8")
    with list_server(lists.VLLM) as server:
        lines = init(server.url, "--questions", "geo.csv", cwd=tmp_path).stdout.splitlines()
    assert any(line.startswith("scored by: contains; max_tokens: 64") for line in lines), lines
    left_out = "1 of 3 rows left out, because no scorer has a reference there: rows 2 (suites/import.md)"
    assert left_out in lines
    assert "rows 2" in (tmp_path / "mine" / "suites" / "import.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "text"), [("own.txt", "\n"), ("own.csv", "a,b\n1,2\n"), ("own.yaml", "suite: x\n")])
def test_a_file_without_questions_is_refused_before_the_server_is_asked(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with list_server(lists.VLLM) as server:
        assert_refused(init(server.url, "--questions", name, cwd=tmp_path), tmp_path, name)
        assert not server.seen


def test_nothing_that_is_there_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "AGENTS.md").write_text("mine", encoding="utf-8")
    with list_server(lists.VLLM) as server:
        done = init(server.url, cwd=tmp_path)
    assert done.returncode == 2 and "AGENTS.md: exists already and would be overwritten" in done.stderr
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["AGENTS.md"]


def test_the_services_leave_the_port_of_the_models_alone(tmp_path: Path) -> None:
    with list_server(lists.VLLM) as server:
        done = init(server.url, "--port", "9280", cwd=tmp_path)
    assert done.returncode == 0
    project = load_project(tmp_path / "mine" / "fairtrial.yaml", {})
    assert [one.port for one in (project.gateway.address, project.control, project.dashboard)] == [9280, 9281, 9282]
    assert 'base_url="http://127.0.0.1:9280/v1"' in (tmp_path / "mine" / "AGENTS.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("options", [("--template", "vllm", "--from", "http://h"), ("--questions", "q.txt")])
def test_options_that_do_not_fit_are_refused(options: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "q.txt").write_text("one?\n", encoding="utf-8")
    assert_refused(in_process("init", "mine", *options, cwd=tmp_path), tmp_path, "--from")


def test_pasted_lines_are_questions(tmp_path: Path) -> None:
    command = [*PROGRAM, "init", "mine", "--questions", "-", "--from"]
    with list_server(lists.VLLM) as server:
        text = b"Where is my parcel?\nMy money, please.\n"
        done = subprocess.run([*command, server.url], cwd=tmp_path, env=ENVIRON, input=text, capture_output=True)
        assert done.returncode == 0 and b"questions: 2" in done.stdout, done.stderr
        done = subprocess.run([*command, server.url], cwd=tmp_path, env=ENVIRON, input=b"\xff", capture_output=True)
        assert done.returncode == 2
    assert_accepted(tmp_path / "mine")


@pytest.mark.parametrize("typed", [b"b-model\n", b"2\n", b"3\n0\n2\n"])
def test_a_terminal_is_asked_for_the_models_by_name_or_number(typed: bytes, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    names = ("a-model", "b-model")
    with list_server({"/v1/models": lists.cards(*(lists.card(name, "acme") for name in names))}) as server:
        os.write(ours, typed)
        command = [*PROGRAM, "init", "mine", "--from", server.url]
        done = subprocess.run(command, cwd=tmp_path, env=ENVIRON, stdin=theirs, capture_output=True, timeout=PATIENCE)
    os.close(ours)
    os.close(theirs)
    assert done.returncode == 0 and b"as you chose them" in done.stdout, done.stderr
    assert models_of(tmp_path / "mine") == ("b-model", "a-model", None)


@pytest.mark.release("walks")
def test_the_blocks_of_the_page_work_as_they_are_printed(tmp_path: Path) -> None:
    page = ROOT / "docs" / "quickstart" / "from-a-server.md"
    with (
        VllmServer(QWEN, LORA) as server,
        Terminal(tmp_path, {"127.0.0.1:8000": f"127.0.0.1:{server.port}"}) as terminal,
    ):
        printed = [terminal.run(block.text) for block in blocks(page)]
    assert f"candidate: {LORA}" in printed[0] and "SHIP" in printed[1]
    assert models_of(tmp_path / "own") == (QWEN, LORA, "base")
