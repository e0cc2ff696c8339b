"""Tests are selected by the imports that lead from them to a module."""

from __future__ import annotations

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
}


@pytest.fixture
def selection(tmp_path: Path) -> TestSelection:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return TestSelection(tmp_path, ("shop", "tests"))


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
