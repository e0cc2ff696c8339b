"""The library as its page shows it: what is public, its examples, its sources, and what importing it costs."""

from __future__ import annotations

import doctest
import inspect
import json
import subprocess
import sys

import pytest

from scripts.reference.statistics.page import CHAPTERS, example_of, modules, public

HEAVY = ("pandas", "statsmodels", "sklearn", "matplotlib")
FUNCTIONS = [
    pytest.param(thing, id=f"{module}.{name}")
    for module, loaded in modules().items()
    for name, thing in public(loaded)
    if inspect.isfunction(thing)
]


@pytest.mark.parametrize("module", modules())
def test_the_examples_of_a_module_print_what_they_say(module: str) -> None:
    done = doctest.testmod(modules()[module])
    assert done.attempted > 0
    assert done.failed == 0


@pytest.mark.parametrize("module", modules())
def test_what_a_module_offers_is_its_own_and_has_an_example(module: str) -> None:
    loaded = modules()[module]
    for name, thing in public(loaded):
        if callable(thing) and hasattr(thing, "__module__"):
            assert thing.__module__ == loaded.__name__, name
            assert example_of(thing), f"{module}.{name} has no example"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_public_function_says_its_source(function: object) -> None:
    assert "Source: " in (inspect.getdoc(function) or "")


def test_every_module_has_its_chapter_once() -> None:
    named = [name for names in CHAPTERS.values() for name in names]
    assert sorted(named) == sorted(modules())


def test_importing_the_library_brings_no_table_library_and_no_model_library() -> None:
    program = (
        "import sys, json, pkgutil, importlib\n"
        "from fairtrial import stats\n"
        "for found in pkgutil.walk_packages(stats.__path__, 'fairtrial.stats.'):\n"
        "    importlib.import_module(found.name)\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not set(HEAVY) & set(json.loads(done.stdout))
