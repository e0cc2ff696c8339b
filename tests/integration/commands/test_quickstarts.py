"""Each quickstart's blocks are run as they are printed, against local servers that speak the provider's protocol.

One substitution: the addresses of the pages by free ones of this machine (`printed_commands`). Anthropic's has no
address in its project, so one is added beside its key. Models of OpenAI's get a distant last day: the page states when
OpenAI turns them off, and it is walked after that day too.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from fairtrial.config.layout import Layout
from tests.fixtures.credentials import by_key
from tests.fixtures.docs.pages import blocks
from tests.fixtures.services.printed_commands import ROOT, Terminal
from tests.fixtures.services.project_files import free_ports
from tests.fixtures.upstream.providers.provider_servers import AnthropicServer, OpenaiServer, VllmServer
from tests.fixtures.upstream.server import FakeUpstream

PAGES = ROOT / "docs" / "quickstart"
ANTHROPICS_KEY = 'api_key: "${ANTHROPIC_API_KEY}"'
OPENAIS_MODEL = 'base_url: "https://api.openai.com/v1"'
KEYS = {"OPENAI_API_KEY": "sk-quick-canary", "ANTHROPIC_API_KEY": "sk-quick-canary"}
QUESTIONS = 100


@dataclass
class Quickstart:
    """A page, its terminal, and the server that it asks."""

    page: str
    template: str
    server: FakeUpstream
    terminal: Terminal
    control: str

    def blocks(self) -> list[tuple[str, str]]:
        return [(block.language, block.text) for block in blocks(PAGES / self.page) if block.mark != "not run"]


@contextmanager
def quickstart(page: str, server: FakeUpstream, folder: Path) -> Iterator[Quickstart]:
    template = {"vllm-lora.md": "vllm", "openai.md": "openai", "anthropic.md": "anthropic"}[page]
    gateway, control, dashboard = free_ports(3)
    here = f"127.0.0.1:{server.port}"
    replace = {
        OPENAIS_MODEL: f"{OPENAIS_MODEL}\n    shutdown_date: 2099-12-31",
        "127.0.0.1:8000": here,
        "https://api.openai.com": f"http://{here}",
        "127.0.0.1:8080": f"127.0.0.1:{gateway}",
        "127.0.0.1:8081": f"127.0.0.1:{control}",
        "127.0.0.1:8501": f"127.0.0.1:{dashboard}",
        ANTHROPICS_KEY: f'{ANTHROPICS_KEY}, base_url: "http://{here}"',
    }
    with server, Terminal(folder, replace, KEYS) as terminal:
        yield Quickstart(page, template, server, terminal, f"http://127.0.0.1:{control}")


SERVERS = {
    "vllm-lora.md": lambda: VllmServer("Qwen/Qwen3-8B", "support-lora"),
    "openai.md": lambda: OpenaiServer("gpt-4.1-mini-2025-04-14", "ft:gpt-4.1-mini-2025-04-14:acme::abc123"),
    "anthropic.md": lambda: AnthropicServer("claude-haiku-4-5"),
}


@pytest.fixture(scope="session")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path | None:
    """The official client for Node, installed once; ``None`` where there is no Node, or no registry."""
    folder = tmp_path_factory.mktemp("node")
    if shutil.which("node") is None or shutil.which("npm") is None:
        return None
    install = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "openai@6"]
    done = subprocess.run(install, cwd=folder, capture_output=True, timeout=180, check=False)
    return folder / "node_modules" if done.returncode == 0 else None


@pytest.mark.release("walks")
@pytest.mark.parametrize("page", sorted(SERVERS))
def test_every_block_of_a_quickstart_works_as_it_is_printed(
    page: str, tmp_path: Path, node_modules: Path | None
) -> None:
    with quickstart(page, SERVERS[page](), tmp_path) as trial:
        said = [(kind, _run(trial, kind, text, node_modules)) for kind, text in trial.blocks()]
        answers = [text for kind, text in said if kind in ("python", "js") and text is not None]
        assert all("delivery" in answer for answer in answers)
        assert "delivery" in next(text for kind, text in said if kind == "sh" and text and "chatcmpl-" in text)
        assert said[-1][1] is not None and "SHIP" in said[-1][1]
        _assert_recorded(trial, 1 + len(answers))
    if node_modules is None:
        pytest.skip("the blocks for Node: no node, npm or registry here; all other blocks were run")


def _run(trial: Quickstart, kind: str, text: str, node_modules: Path | None) -> str | None:
    terminal = trial.terminal
    if kind == "sh":
        return terminal.run(text)
    if kind == "yaml":
        written = terminal.folder / "fairtrial.yaml"
        assert written.read_text(encoding="utf-8") == text, "the page shows what init writes"
        terminal.substitute_files()
    elif kind == "python":
        return terminal.run_program("quick.py", text, "python")
    elif kind == "js" and node_modules is not None:
        (terminal.folder / "node_modules").symlink_to(node_modules)
        return terminal.run_program("quick.mjs", text, "node")
    else:
        assert kind == "js"
    return None


def _assert_recorded(trial: Quickstart, requests: int) -> None:
    """Each application's request was enrolled and recorded; the evaluations asked each model its questions."""
    [store] = trial.terminal.folder.rglob("fairtrial.duckdb")
    with httpx.Client(base_url=trial.control, headers=by_key(Layout(store)), trust_env=False) as control:
        rows = control.get("/api/requests", params={"limit": 1000}).json()["rows"]
    assert len([row for row in rows if row["reason"] == "assigned"]) == requests
    asked = [seen for seen in trial.server.seen if seen.method == "POST"]
    assert len([seen for seen in asked if not seen.is_probe]) == requests + 2 * QUESTIONS
    if trial.template != "vllm":
        keys = {seen.header("authorization") or seen.header("x-api-key") for seen in asked}
        assert keys <= {"Bearer sk-quick-canary", "sk-quick-canary"}
    for path in trial.terminal.folder.rglob("*"):
        assert not path.is_file() or b"sk-quick-canary" not in path.read_bytes(), path


@pytest.mark.parametrize("page", ["openai.md", "anthropic.md"])
def test_a_key_that_is_not_set_is_reported_as_the_page_says(page: str, tmp_path: Path) -> None:
    with quickstart(page, SERVERS[page](), tmp_path) as trial:
        trial.terminal.run(trial.blocks()[0][1])
        name = "OPENAI_API_KEY" if page == "openai.md" else "ANTHROPIC_API_KEY"
        words = f"the environment variable {name} is not set"
        assert words in (PAGES / page).read_text(encoding="utf-8")
        unset = {key: value for key, value in trial.terminal.environ.items() if key != name}
        done = subprocess.run(
            ["fairtrial", "check"], cwd=trial.terminal.folder, env=unset, capture_output=True, text=True, check=False
        )
        assert done.returncode == 2 and words in done.stderr
