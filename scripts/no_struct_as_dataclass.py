"""A plugin of mypy that refuses functions of `dataclasses` on msgspec structs, which fail only when they run.

`asdict` and `astuple` also leave structs inside a dataclass as they are, and `json.dumps` then fails.
"""

from collections.abc import Callable, Iterator

from mypy.nodes import Var
from mypy.plugin import FunctionContext, Plugin
from mypy.types import Instance, TupleType, Type, UnionType, get_proper_type

DEEP = {"dataclasses.replace": False, "dataclasses.asdict": True, "dataclasses.astuple": True}
"""The functions that are checked, and whether they go into the fields of a dataclass."""


def plugin(_: str) -> type[Plugin]:
    """The plugin, as mypy asks for it with its version."""
    return StructPlugin


class StructPlugin(Plugin):
    """Checks the first argument of each call."""

    def get_function_hook(self, fullname: str) -> Callable[[FunctionContext], Type] | None:
        if fullname not in DEEP:
            return None

        def check(context: FunctionContext) -> Type:
            seen: set[str] = set()
            found = [name for each in context.arg_types[0] for name in _structs(each, seen, deep=DEEP[fullname])]
            if found:
                names = ", ".join(dict.fromkeys(found))
                context.api.fail(f"{fullname} does not work on structs of msgspec: {names}", context.context)
            return context.default_return_type

        return check


def _structs(type_: Type, seen: set[str], *, deep: bool) -> Iterator[str]:
    """The names of the structs in a type. ``seen``: the dataclasses whose fields were already looked at."""
    proper = get_proper_type(type_)
    if isinstance(proper, UnionType | TupleType):
        parts: Iterator[Type] = iter(proper.items)
    elif isinstance(proper, Instance):
        info = proper.type
        if info.has_base("msgspec.Struct"):
            yield info.name
            return
        parts = iter(proper.args)
        if deep and "dataclass" in info.metadata and info.fullname not in seen:
            seen.add(info.fullname)
            nodes = (symbol.node for base in info.mro for symbol in base.names.values())
            fields = (node for node in nodes if isinstance(node, Var) and not node.is_classvar)
            parts = iter([*proper.args, *(field.type for field in fields if field.type)])
    else:
        return
    for part in parts:
        yield from _structs(part, seen, deep=deep)
