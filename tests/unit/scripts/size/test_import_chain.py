"""The longest chain of imports, also where modules import each other."""

from __future__ import annotations

from pathlib import Path

from scripts.import_graph import imports_of, read_modules
from scripts.size.import_chain import circles_of, longest_chain

FILES = {
    "top": "from shop import middle\n",
    "middle": "from .base import price\n\n\ndef later():\n    from shop import slow\n",
    "base": "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    import shop.top\n\nprice = 1\n",
    "slow": "import shop.base\n",
}


def imports_in(folder: Path, *, in_functions: bool) -> dict[str, set[str]]:
    (folder / "shop").mkdir(exist_ok=True)
    for name, text in FILES.items():
        (folder / "shop" / f"{name}.py").write_text(text)
    return imports_of(read_modules(folder, ["shop"]), in_functions=in_functions)


def test_a_chain_goes_by_what_is_imported_when_the_first_module_is(tmp_path: Path) -> None:
    assert longest_chain(imports_in(tmp_path, in_functions=False)) == ["shop.top", "shop.middle", "shop.base"]


def test_imports_inside_functions_lengthen_a_chain_on_demand(tmp_path: Path) -> None:
    chain = longest_chain(imports_in(tmp_path, in_functions=True))
    assert chain == ["shop.top", "shop.middle", "shop.slow", "shop.base"]


def test_modules_that_import_each_other_are_one_link_that_counts_each_of_them() -> None:
    circle = {"app": {"a"}, "a": {"b"}, "b": {"c"}, "c": {"a", "base"}, "base": set(), "other": {"base"}}
    assert circles_of(circle) == [["base"], ["a", "b", "c"], ["app"], ["other"]]
    assert longest_chain(circle) == ["app", "a", "b", "c", "base"]
