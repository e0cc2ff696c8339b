"""Which two models of a server are proposed, and when a person has to choose."""

from collections.abc import Sequence

import pytest

from fairtrial.domain.errors import UsageError
from fairtrial_cli.first_project.proposal import propose
from fairtrial_cli.first_project.served_models import ServedModel

ADAPTERS = (ServedModel("qwen"), ServedModel("v1", "qwen"), ServedModel("v2", "qwen"), ServedModel("other"))


def models(*names: str) -> list[ServedModel]:
    return [ServedModel(name) for name in names]


def pair(served: Sequence[ServedModel], base: str | None = None, candidate: str | None = None) -> tuple[str, str]:
    proposed = propose(served, base, candidate, ask=None, command="fairtrial init")
    return proposed.base.title, proposed.candidate.title


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("qwen3-8b", "qwen3-8b-support"), ("qwen3-8b", "qwen3-8b-support")),
        (("shop-v2-lora", "Qwen/Qwen3-8B"), ("Qwen/Qwen3-8B", "shop-v2-lora")),
        (("llama3.2-mine:latest", "llama3.2:latest", "nomic-embed"), ("llama3.2:latest", "llama3.2-mine:latest")),
    ],
)
def test_names_show_which_model_comes_from_which(names: tuple[str, ...], expected: tuple[str, str]) -> None:
    assert pair(models(*names)) == expected


def test_one_name_can_be_enough() -> None:
    assert pair(ADAPTERS, candidate="v2") == ("qwen", "v2")
    assert pair(models("a", "b"), base="b") == ("b", "a")
    assert pair(ADAPTERS, base="v1", candidate="v2") == ("v1", "v2")


@pytest.mark.parametrize("names", [("a", "b"), ("gpt-4.1", "gpt-4.1-mini", "gpt-4.1-nano")])
def test_names_that_show_nothing_are_left_to_a_person(names: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="--base and --candidate"):
        pair(models(*names))


def test_many_models_are_not_compared_with_each_other() -> None:
    names = [f"model-{number}" for number in range(1_500)]
    with pytest.raises(UsageError, match="and 1,488 more"):
        pair(models(*names))
    assert pair(models(*names), base="model-1", candidate="model-7") == ("model-1", "model-7")


def test_a_person_is_asked_only_for_what_is_open() -> None:
    questions = []

    def ask(question: str, names: Sequence[str]) -> str:
        questions.append((question, list(names)))
        return names[-1]

    proposed = propose(ADAPTERS, None, None, ask=ask, command="")
    assert (proposed.base.title, proposed.candidate.title) == ("qwen", "v2")
    assert questions == [("Candidate", ["v1", "v2"])]
    questions.clear()
    proposed = propose(models("a", "b", "c"), None, None, ask=ask, command="")
    assert (proposed.base.title, proposed.candidate.title) == ("c", "b")
    assert questions == [("Base", ["a", "b", "c"]), ("Candidate", ["a", "b"])]
