"""Record types are twins if most fields of the smaller one are also the other's."""

from __future__ import annotations

from pathlib import Path

from scripts.import_graph import read_modules
from scripts.size.record_twins import record_twins

RECORDS = """
from dataclasses import dataclass
from typing import ClassVar
import msgspec


@dataclass(frozen=True)
class Order:
    number: int
    customer: str
    price: float
    currency: str
    open: bool


class OrderRow(msgspec.Struct, frozen=True):
    number: int
    customer: str
    price: float
    currency: str
    stored_at: float
    table: ClassVar[str]


class Special(OrderRow):
    discount: float
    number: int
    customer: str
    price: float


class NoRecord:
    number: int
    customer: str
    price: float
    currency: str
    open: bool


@dataclass
class Price:
    price: float
    currency: str
    open: bool
"""


def test_types_of_different_kinds_are_twins_by_their_own_fields(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "records.py").write_text(RECORDS)
    twins = [(pair.first, pair.second, pair.shared) for pair in record_twins(read_modules(tmp_path, ["shop"]))]
    shared = ("currency", "customer", "number", "price")
    assert twins == [("shop.records.Order", "shop.records.OrderRow", shared)]


def test_pairs_with_a_request_are_counted_apart(tmp_path: Path) -> None:
    for folder, name in (("domain", "Order"), ("api", "AskOrder"), ("store", "OrderRow")):
        (tmp_path / "fairtrial" / folder).mkdir(parents=True)
        record = f"class {name}(Struct):\n    number: int\n    customer: str\n    price: float\n    open: bool\n"
        (tmp_path / "fairtrial" / folder / "orders.py").write_text(record)
    twins = record_twins(read_modules(tmp_path, ["fairtrial"]))
    assert [(pair.first.rpartition(".")[2], pair.second.rpartition(".")[2], pair.in_api) for pair in twins] == [
        ("AskOrder", "Order", True),
        ("AskOrder", "OrderRow", True),
        ("Order", "OrderRow", False),
    ]
