"""The page on shadows, followed with real services: from a route that serves to the first sentence of a shadow."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.docs.pages import blocks
from tests.fixtures.paths import ROOT
from tests.fixtures.services.printed_commands import Terminal
from tests.fixtures.services.project_files import free_ports
from tests.fixtures.upstream.scripted_upstream import ScriptedUpstream
from tests.fixtures.waiting import until

pytestmark = pytest.mark.release("walks")

PAGE = ROOT / "docs" / "how-to" / "shadow-a-model.md"
GOOD, OTHER = "Your parcel is on its way.", "Please wait for a moment!!"


def of_number(body: dict[str, Any], _: int) -> str:
    """Every second question is answered off topic."""
    numbers = re.findall(r"number (\d+)", str(body.get("messages")))  # `up` also asks for the models
    return GOOD if numbers and int(numbers[0]) % 2 else OTHER


def test_the_page_leads_from_a_route_to_the_first_sentence(tmp_path: Path) -> None:
    gateway, control, dashboard = free_ports(3)
    with ScriptedUpstream(of_number) as base, ScriptedUpstream(lambda *_: GOOD) as tuned:
        replace = {
            "http://gpu-1:8000/v1": f"{base.url}/v1" if not base.url.endswith("/v1") else base.url,
            "http://gpu-2:8000/v1": f"{tuned.url}/v1" if not tuned.url.endswith("/v1") else tuned.url,
            "localhost:8080": f"127.0.0.1:{gateway}",
        }
        with Terminal(tmp_path, replace) as terminal:
            said = {}
            for block in blocks(PAGE):
                if block.mark == "file":
                    binds = f'gateway: {{bind: "127.0.0.1:{gateway}"}}\ncontrol: {{bind: "127.0.0.1:{control}"}}\n'
                    binds += f'dashboard: {{bind: "127.0.0.1:{dashboard}"}}\n'
                    (tmp_path / block.value).write_text(terminal.substituted(block.text) + binds)
                elif block.language == "python":
                    terminal.run_program("users.py", block.text, "python")
                elif block.language == "sh":
                    if "status" in block.text:
                        until(lambda text=block.text: "after 40 pairs" in terminal.run(text), "the first sentence")  # type: ignore[misc]
                    said[block.text.strip()] = terminal.run(block.text)
                elif block.language == "text":
                    shown = [line for line in block.text.splitlines() if "today" not in line]
        lines = said["fairtrial shadow status"].splitlines()
        # a latency that chance decides would follow in the sentence
        assert all(any(line.startswith(words.rstrip(".")) for line in lines) for words in shown), lines
        assert "(ended)" in said["fairtrial shadow stop support-bot"]
        assert [sum("messages" in body for body in fake.asked) for fake in (base, tuned)] == [40, 40]
