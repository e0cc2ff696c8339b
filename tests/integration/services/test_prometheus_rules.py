"""Every expression of the example rules reads metrics and labels that a running gateway or control shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from prometheus_client.samples import Sample

from fairtrial.config.file.yaml_file import load_one
from tests.fixtures.gateway.samples import families
from tests.fixtures.paths import ROOT
from tests.fixtures.services.forked_services import ForkedServices
from tests.fixtures.services.project_files import write_project
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import PATIENCE

FOLDER = ROOT / "examples" / "prometheus"
SELECTOR = re.compile(r"\b(fairtrial_\w+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
GROUPED = re.compile(r"\bby \(([^)]*)\)")
IN_RULES = [
    rule
    for group in load_one(FOLDER / "fairtrial-rules.yml").value["groups"]
    for rule in group["rules"]
]  # fmt: skip


@pytest.fixture(name="shown", scope="module")
def shown_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Sample]]:
    """The samples of both services after a stream, and a request whose model fails."""
    with FakeUpstream() as upstream:
        project = write_project(tmp_path_factory.mktemp("rules"), upstream=upstream.url.removesuffix("/v1"), workers=1)
        with ForkedServices(project, workers=1, dashboard=False) as services:
            assert ask(services, stream=True).status_code == 200
            upstream.script = {"kind": "json", "status": 500, "whole": {"error": {"message": "no", "type": "t"}}}
            assert ask(services).status_code == 500
            addresses = services.urls.gateway, services.urls.control
            texts = [httpx.get(f"{address}/metrics", verify=False, timeout=PATIENCE).text for address in addresses]
            yield [sample for text in texts for family in families(text) for sample in family.samples]


def ask(services: ForkedServices, **fields: Any) -> httpx.Response:
    body = {"model": "support-bot", "user": "ann", "messages": [{"role": "user", "content": "hello"}], **fields}
    return httpx.post(f"{services.urls.api}/chat/completions", json=body, timeout=PATIENCE, verify=False)


def matched(shown: list[Sample], name: str, matchers: str) -> list[Sample]:
    """The samples that a selector finds; an inequality needs the label alone."""
    found = [sample for sample in shown if sample.name == name]
    for label, operator, value in MATCHER.findall(matchers):
        pattern = {"=": re.escape(value), "=~": value}.get(operator, ".*")
        found = [sample for sample in found if re.fullmatch(pattern, sample.labels.get(label, "\n"))]
    return found


@pytest.mark.parametrize("rule", IN_RULES, ids=lambda rule: str(rule["alert"]))
def test_each_selector_finds_samples_with_the_labels_that_the_rule_reads(
    shown: list[Sample], rule: dict[str, Any]
) -> None:
    expression = str(rule["expr"])
    selectors = SELECTOR.findall(expression)
    assert selectors or expression.startswith("up{")
    grouped = {label.strip() for labels in GROUPED.findall(expression) for label in labels.split(",")}
    for name, matchers in selectors:
        found = matched(shown, name, matchers)
        assert found, (name, matchers)
        read = grouped if grouped else set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
        assert read <= set(found[0].labels), name


def test_the_rules_are_those_that_the_configuration_names() -> None:
    configured = load_one(FOLDER / "prometheus.yml").value
    assert configured["rule_files"] == [path.name for path in FOLDER.glob("*rules*")]
    (up,) = [rule["expr"] for rule in IN_RULES if rule["expr"].startswith("up{")]
    (pattern,) = re.findall(r'job=~"([^"]*)"', up)
    assert all(re.fullmatch(pattern, job["job_name"]) for job in configured["scrape_configs"])


def test_a_rule_for_a_metric_that_is_not_shown_would_be_seen(shown: list[Sample]) -> None:
    assert matched(shown, "fairtrial_alarms", 'severity="urgent"')
    assert not matched(shown, "fairtrial_alarms", 'severity="important"')
    assert not matched(shown, "fairtrial_alarms_total", "")
    assert not matched(shown, "fairtrial_in_flight", 'route="bot"')
