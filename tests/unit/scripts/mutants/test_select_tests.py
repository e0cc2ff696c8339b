"""Tests are selected by the imports that lead from them to a module."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from scripts.mutants.select_tests import TestSelection

FILES = {
    "shop/__init__.py": "",
    "shop/prices.py": "",
    "shop/orders.py": "from shop.prices import total\n",
    "shop/reports/__init__.py": "",
    "shop/reports/monthly/__init__.py": "",
    "shop/reports/monthly/sums.py": "",
    "shop/registry.py": 'REPORTS = Registry("shop.reports")\n',
    "shop/alone.py": "",
    "tests/conftest.py": "import shop.registry\n",
    "tests/fixtures/made.py": "from shop import prices\n",
    "tests/unit/shop/test_prices.py": "from shop import prices\n",
    "tests/unit/shop/test_orders.py": "from shop.orders import Order\n",
    "tests/unit/other/test_made.py": "from tests.fixtures.made import order\n",
    "tests/integration/test_direct.py": "def test_late():\n    import shop.prices\n",
    "tests/integration/test_sums_command.py": "",
    "tests/architecture/test_layers.py": 'LOWEST = {"shop.prices"}\n',
}
COMMANDS = {
    "shop/__init__.py": "",
    "shop/main.py": 'COMMANDS = Registry("shop.commands")\n',
    "shop/commands/__init__.py": "",
    "shop/commands/health.py": "",
    "tests/unit/shop/commands/test_orders.py": 'import shop.main\n\nrun("orders")\n',
    "tests/integration/test_programs.py": 'import shop.main\n\nrun("health")\n',
}
PAGES = {
    "page/__init__.py": "",
    "page/serve.py": "import page.runs.detail\n",
    "page/runs/__init__.py": "",
    "page/runs/detail.py": "",
    "tests/fixtures/services.py": "import page.serve\n",
    "tests/integration/test_brakes.py": "import tests.fixtures.services\n\nruns = 3\n",
    "tests/integration/test_pages.py": "import tests.fixtures.services\n\nopen_page('runs')\n",
}


@pytest.fixture
def selection(tmp_path: Path) -> TestSelection:
    return written(tmp_path, FILES)


def written(folder: Path, files: Mapping[str, str]) -> TestSelection:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return TestSelection(folder, {name.partition("/")[0] for name in files})


def test_direct_importers_come_first_then_the_folder_of_the_module(selection: TestSelection) -> None:
    ordered = [
        "tests/unit/shop/test_prices.py",
        "tests/integration/test_direct.py",
        "tests/unit/shop/test_orders.py",
        "tests/unit/other/test_made.py",
    ]
    assert selection.nearest("shop.prices", most=9) == ordered
    assert selection.nearest("shop.prices", most=2) == ordered[:2]


def test_a_member_of_a_registry_is_reached_through_the_folder_that_the_registry_names(selection: TestSelection) -> None:
    nearest = selection.nearest("shop.reports.monthly.sums", most=9)
    assert nearest[0] == "tests/integration/test_sums_command.py"
    assert len(nearest) == len([name for name in FILES if "/test_" in name])


def test_a_module_that_no_test_imports_has_no_tests(selection: TestSelection) -> None:
    assert selection.nearest("shop.alone", most=9) == []


def test_a_command_is_tested_where_its_name_is_quoted_before_the_tests_of_its_folder(tmp_path: Path) -> None:
    nearest = written(tmp_path, COMMANDS).nearest("shop.commands.health", most=9)
    assert nearest == ["tests/integration/test_programs.py", "tests/unit/shop/commands/test_orders.py"]


def test_among_tests_at_the_same_distance_those_with_the_rarer_words_come_first(tmp_path: Path) -> None:
    nearest = written(tmp_path, PAGES).nearest("page.runs.detail", most=9)
    assert nearest == ["tests/integration/test_pages.py", "tests/integration/test_brakes.py"]
