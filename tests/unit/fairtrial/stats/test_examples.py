"""The library as its page shows it: what is public, its examples, its sources, and what importing it costs."""

from __future__ import annotations

import doctest
import inspect
import json
import subprocess
import sys

from scripts.reference.statistics.page import CHAPTERS, example_of, modules, public
from tests.fixtures.for_each import for_each

HEAVY = ("pandas", "statsmodels", "sklearn", "matplotlib")
PUBLIC = [(f"{loaded.__name__}.{name}", thing) for loaded in modules().values() for name, thing in public(loaded)]


@for_each("module", modules())
def test_the_examples_of_every_module_print_their_results(module: str) -> None:
    runner, differences = doctest.DocTestRunner(verbose=False), list[str]()
    for example in doctest.DocTestFinder(exclude_empty=True).find(modules()[module]):
        runner.run(example, out=differences.append)
    assert runner.tries > 0, "there is no example"
    assert not differences, "".join(differences)


def test_every_public_name_is_defined_in_its_module_and_has_an_example() -> None:
    defined = [(name, thing) for name, thing in PUBLIC if callable(thing) and hasattr(thing, "__module__")]
    assert defined != []
    elsewhere = [
        f"{name}: defined in {it.__module__}" for name, it in defined if name.rpartition(".")[0] != it.__module__
    ]
    assert elsewhere + [f"{name}: no example" for name, it in defined if not example_of(it)] == []


def test_every_public_function_names_its_source() -> None:
    functions = [(name, thing) for name, thing in PUBLIC if inspect.isfunction(thing)]
    assert functions != []
    assert [name for name, thing in functions if "Source: " not in (inspect.getdoc(thing) or "")] == []


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
