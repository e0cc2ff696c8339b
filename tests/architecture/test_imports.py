"""The layers hold, the hot path stays light, and the command line starts fast because it imports little."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from scripts.import_graph import PACKAGES, Module, imports_in, imports_of, read_modules, targets_of
from scripts.size.import_chain import longest_chain
from tests.fixtures.loaded_modules import HELP, RUN_COMMANDS, loaded_by
from tests.fixtures.paths import ROOT
from tests.fixtures.source.trees import tree_of

HEAVY = (
    "numpy",
    "scipy",
    "duckdb",
    "litellm",
    "pandas",
    "sklearn",
    "sacrebleu",
    "streamlit",
    "pyarrow",
    "ruamel",
    "py3langid",
)


def test_the_layers_hold() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    out = subprocess.run([linter], capture_output=True, text=True, check=False, cwd=ROOT)
    assert out.returncode == 0, out.stdout


@pytest.mark.parametrize(
    "module",
    [
        "gateway.proxy.worker",
        "fairtrial.journal.writer",
        "fairtrial.config.plan.published",
        "fairtrial.experiments.assignment",
        "fairtrial.domain.events",
    ],
)
def test_the_hot_path_imports_nothing_heavy(module: str) -> None:
    assert not loaded_by(f"import {module}") & set(HEAVY)


EVERY_OPERATION = """
import gateway.control.serve
from fairtrial.api.operation import operations
from gateway.control.context import implementation
for operation in operations():
    implementation(operation)
"""


def test_control_loads_the_gate_and_the_slow_parts_of_scipy_only_when_they_are_needed() -> None:
    """They would double its time to start, and take 50 MB while nobody asks for a verdict."""
    loaded = loaded_by(EVERY_OPERATION)
    assert "gateway.control.operations.verdicts" in loaded
    gate = {"evaluators.gate.file", "evaluators.gate.judge", "evaluators.review.statistics"}
    assert not loaded & ({"scipy.special", "scipy.stats", "scipy.optimize"} | gate)


def test_the_command_line_imports_no_command_to_list_them() -> None:
    assert not loaded_by("import fairtrial_cli.main") & {*HEAVY, "fastapi", "httpx", "aiohttp", "rich"}


def test_the_help_of_every_command_imports_nothing_heavy() -> None:
    assert not loaded_by(HELP) & {*HEAVY, "pydantic", "fastapi", "starlette", "httpx", "aiohttp", "rich"}


def test_the_list_of_commands_imports_neither_answers_nor_the_dashboard() -> None:
    loaded = loaded_by(f"{RUN_COMMANDS}\nrun('--help')")
    assert not loaded & {"annotated_types", "asyncio", "decimal", "ssl"}
    assert not [name for name in loaded if name.startswith(("msgspec", "fairtrial.api", "dashboard"))]


SLOW_OR_OPTIONAL = frozenset({
    "aiohttp", "argon2", "asyncio", "attrs", "ctypes", "duckdb", "evaluators.gate", "fairtrial.stats", "fastapi",
    "hashlib", "httpx", "jinja2", "jsonschema", "litellm", "markupsafe", "msgspec", "numpy", "openai",
    "presidio_analyzer", "py3langid", "pyarrow", "pydantic", "referencing", "rich", "rouge_score", "ruamel",
    "sacrebleu", "scipy", "sklearn", "spacy", "sqlite3", "starlette", "streamlit", "tiktoken", "tokenizers",
    "traceback", "uvicorn", "wordllama", "xllamacpp",
})  # fmt: skip
"""What a function may import when it runs: packages that are slow to load or optional, and modules that load one."""
LONGEST_CHAIN = 14
COMMANDS = ("fairtrial_cli.commands.", "fairtrial_cli.data_commands.", "fairtrial_cli.experiment_states")
FUTURE = "from __future__ import annotations"
Import = ast.Import | ast.ImportFrom


@pytest.fixture(scope="module")
def modules() -> Mapping[str, Module]:
    return read_modules(ROOT, PACKAGES, tree_of=tree_of)


def test_no_chain_of_imports_has_more_than_14_modules(modules: Mapping[str, Module]) -> None:
    """Imports inside functions count, so that none hides a chain."""
    chain = longest_chain(imports_of(modules, in_functions=True))
    assert len(chain) <= LONGEST_CHAIN, " -> ".join(chain)


def test_a_function_imports_only_what_is_slow_or_optional(modules: Mapping[str, Module]) -> None:
    """Functions of commands import what they run, so that no help loads it."""
    imports = {name: list(imports_in(module.tree)) for name, module in modules.items()}
    loads = loaded_at_import(modules, imports)
    trees = {name: module.tree for name, module in modules.items()}
    found = [
        f"{name}:{statement.lineno} {ast.unparse(statement)}"
        for name, module in modules.items()
        if not name.startswith(COMMANDS)
        for statement, deferred in imports[name]
        if deferred
        and not outside(statement) & SLOW_OR_OPTIONAL
        and not any(loads[target] - loads[name] for target in targets_of(statement, module, trees))
    ]
    assert not found, "move these to the top of the module:\n" + "\n".join(found)


def test_annotations_are_texts_only_beside_imports_for_types(modules: Mapping[str, Module]) -> None:
    needless = [
        name for name, module in modules.items() if FUTURE in module.text and "TYPE_CHECKING" not in module.text
    ]
    assert not needless, f"{FUTURE!r} says nothing in {needless}"


def test_each_function_of_a_command_has_one_place_for_its_imports(modules: Mapping[str, Module]) -> None:
    found = [
        f"{name}:{statement.lineno}"
        for name, module in modules.items()
        if name.startswith(COMMANDS)
        for statement in scattered(module.tree)
    ]
    assert not found, "a function imports in one place, and these stand elsewhere: " + ", ".join(found)


def loaded_at_import(
    modules: Mapping[str, Module], imports: dict[str, list[tuple[Import, bool]]]
) -> dict[str, set[str]]:
    """What of `SLOW_OR_OPTIONAL` each module loads while it is imported."""
    found = {}
    for name in modules:
        found[name] = {slow for slow in SLOW_OR_OPTIONAL if f"{name}.".startswith(f"{slow}.")}
        found[name] |= {one for statement, deferred in imports[name] if not deferred for one in outside(statement)}
        found[name] &= SLOW_OR_OPTIONAL
    grows = True
    while grows:
        before = sum(map(len, found.values()))
        for name, module in modules.items():
            found[name].update(*(found[target] for target in module.at_import))
        grows = sum(map(len, found.values())) > before
    return found


def outside(statement: Import) -> set[str]:
    """The packages that a statement imports."""
    names = [one.name for one in statement.names] if isinstance(statement, ast.Import) else [statement.module or ""]
    return {name.partition(".")[0] for name in names}


def scattered(tree: ast.Module) -> Iterator[ast.stmt]:
    """Imports of a function that do not stand together in its body."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            at = [place for place, one in enumerate(function.body) if isinstance(one, Import)]
            block = function.body[at[0] : at[-1] + 1] if at else []
            other = ast.Module([one for one in function.body if one not in block], [])
            yield from (one for one in block if not isinstance(one, Import))  # between two imports
            yield from (one for one, deferred in imports_in(other) if not deferred)
