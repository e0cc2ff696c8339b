"""Templates of pages read no fields, so that mypy notices each rename of a field in the code that passes its value."""

from __future__ import annotations

import pytest
from jinja2 import Environment, nodes

from fairtrial.html_pages import TEMPLATES

DRAWN = ("answer.html", "dashboard_parts.html", "overview.html", "overview_row.html", "rows.html", "verdict.html")


@pytest.mark.parametrize("name", DRAWN)
def test_a_template_reads_values_and_no_fields(name: str) -> None:
    tree = Environment(autoescape=True).parse((TEMPLATES / name).read_text(encoding="utf-8"))
    reads = [(node.node, node.attr) for node in tree.find_all(nodes.Getattr)]
    assert [attr for node, attr in reads if not (isinstance(node, nodes.Name) and node.name == "loop")] == []
