"""The reads that `test_every_key_acts` relies on are found with the type of their receiver."""

from __future__ import annotations

import ast

from tests.fixtures.source.attribute_reads import Source

DECLARED = """
class Timeouts:
    idle: float
    total: float

class Deployment:
    name: str
    timeouts: Timeouts

Deployments = dict[str, Deployment]
"""


def reads(using: str) -> set[str]:
    """The attributes that a module reads, without the name of the declaring module."""
    texts = {"declared": DECLARED, "using": f"from declared import Deployment, Deployments\n{using}"}
    source = Source.of({module: ast.parse(text) for module, text in texts.items()})
    return {f"{read.owner.removeprefix('declared.')}.{read.attribute}" for read in source.reads()}


def test_a_chain_of_attributes_has_the_annotated_types() -> None:
    found = reads("def wait(one: Deployment | None) -> float:\n    return one.timeouts.idle")
    assert found == {"Deployment.timeouts", "Timeouts.idle"}


def test_members_of_a_container_have_its_type() -> None:
    loop = "def names(each: Deployments):\n    for key, one in each.items():\n        print(one.timeouts)"
    assert "Deployment.timeouts" in reads(loop)
    comprehension = "def idle(each: Deployments):\n    return [one.timeouts.idle for one in sorted(each.values())]"
    assert "Timeouts.idle" in reads(comprehension)


def test_an_attribute_that_a_method_assigns_has_the_type_of_its_value() -> None:
    worker = "class Worker:\n    def __init__(self, one: Deployment):\n        self.one = one\n"
    assert "Deployment.name" in reads(f"{worker}    def run(self):\n        return self.one.name")


def test_an_assignment_is_no_read() -> None:
    assert reads("def rename(one: Deployment):\n    one.name = 'x'") == set()


def test_a_receiver_without_annotation_has_no_type() -> None:
    assert reads("def show(one):\n    return one.name") == {".name"}


def test_keys_of_records_are_reads_without_a_type() -> None:
    assert reads("def show(one):\n    return one['name'], one.get('idle')") == {"[].name", "[].idle", ".get"}
