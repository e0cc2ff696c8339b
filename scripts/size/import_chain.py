"""Finds the longest chain of modules in which each one imports the next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def longest_chain(imports: Mapping[str, Iterable[str]]) -> list[str]:
    """The longest chain, importer first. Modules that import each other in a circle count as one link with its size."""
    circles = circles_of(imports)
    place = {name: at for at, circle in enumerate(circles) for name in circle}
    chains: list[list[str]] = []
    for at, circle in enumerate(circles):  # a circle comes after everything that it imports
        after = {place[target] for name in circle for target in imports[name]} - {at}
        chains.append([*circle, *max((chains[next_] for next_ in sorted(after)), key=len, default=[])])
    return max(chains, key=len, default=[])


def circles_of(imports: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """The strongly connected components, each after those that it imports (Tarjan's algorithm, without recursion)."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    circles: list[list[str]] = []
    for start in imports:
        visits = [] if start in order else [(start, iter(sorted(imports[start])))]
        while visits:
            name, targets = visits[-1]
            if name not in order:
                order[name] = lowest[name] = len(order)
                stack.append(name)
            target = next(targets, None)
            if target is None:
                visits.pop()
                if visits:
                    lowest[visits[-1][0]] = min(lowest[visits[-1][0]], lowest[name])
                if lowest[name] == order[name]:
                    at = stack.index(name)
                    circles.append(sorted(stack[at:]))
                    del stack[at:]
            elif target not in order:
                visits.append((target, iter(sorted(imports[target]))))
            elif target in stack:
                lowest[name] = min(lowest[name], order[target])
    return circles
