"""The list on the dashboard's first page leads a project of `init --from` to its first verdict, and goes with it."""

from __future__ import annotations

import shlex
from pathlib import Path

import openai
import pytest
from streamlit.testing.v1 import AppTest

from fairtrial_cli.store_client.client import open_store
from tests.fixtures.dashboard.opened_page import opened, words
from tests.fixtures.services.command import in_process
from tests.fixtures.services.forked_services import ForkedServices
from tests.fixtures.services.project_files import free_ports
from tests.fixtures.store import client_reads
from tests.fixtures.upstream.providers.model_lists import LORA, QWEN
from tests.fixtures.upstream.providers.provider_servers import VllmServer

OPTIONAL = "An application sends requests"


def undone(page: AppTest) -> dict[str, str]:
    """The steps that are not done by their title, each with what is known."""
    labels = [part.label.removeprefix("**").partition("** · ") for part in page.expander]
    return {title: known.replace("\\", "") for title, _, known in labels}


def run_lines(page: AppTest, folder: Path) -> None:
    """Run the lines of the first step as a person pastes them."""
    for line in page.expander[0].code[0].value.splitlines():
        done = in_process(*shlex.split(line)[1:], cwd=folder)
        assert done.returncode == 0, done.stderr


@pytest.mark.release("stories")
def test_the_lines_of_the_list_lead_from_init_to_a_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "mine"
    with VllmServer(QWEN, LORA) as server:
        port = str(free_ports(1)[0])
        assert in_process("init", "mine", "--from", server.url, "--port", port, cwd=tmp_path).returncode == 0
        config = folder / "fairtrial.yaml"
        for old, new in zip(range(int(port), int(port) + 3), free_ports(3), strict=True):
            config.write_text(config.read_text().replace(f'127.0.0.1:{old}"', f'127.0.0.1:{new}"'))
        with ForkedServices(config, workers=1, dashboard=False) as services:
            page = opened(services, monkeypatch, "overview")
            assert [*undone(page)] == [
                "Both models answer", "Both models have answered the suites", "A verdict", OPTIONAL
            ]  # fmt: skip
            assert (
                undone(page)["Both models answer"] == "base has not been asked yet. candidate has not been asked yet."
            )
            assert "A gate decides · release.gate.yaml, 40 cases in sums" in words(page).replace("\\", "")
            assert not page.button and "fairtrial gate release.gate.yaml" in page.expander[2].code[0].value

            run_lines(page, folder)
            assert [*undone(page.run())] == ["Both models have answered the suites", "A verdict", OPTIONAL]
            run_lines(page, folder)
            assert [*undone(page.run())] == ["A verdict", OPTIONAL]

            with openai.OpenAI(base_url=services.urls.api, api_key="any") as client:
                client.chat.completions.create(model="assistant", messages=[{"role": "user", "content": "Hello"}])
            with open_store(services.project.layout) as owner:
                client_reads.ingest(owner)
            assert [*undone(page.run())] == ["A verdict"]
            page.button[0].click().run()
            assert not page.exception and not page.expander
            assert "official gate release" in words(page)
