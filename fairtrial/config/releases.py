"""Selects the official gate of an experiment: the most specific of the declared ones."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fairtrial.domain.plan import Plan


@dataclass(frozen=True, slots=True)
class ReleaseGates:
    """The files of the official gates: by default, by route and by experiment. All may be empty."""

    default: Path | None = None
    routes: Mapping[str, Path] = field(default_factory=dict)
    experiments: Mapping[str, Path] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.files())

    def files(self) -> tuple[Path, ...]:
        """Each file once."""
        paths = (self.default, *self.routes.values(), *self.experiments.values())
        return tuple(dict.fromkeys(path for path in paths if path is not None))

    def of(self, plan: Plan, experiment: str) -> Path | None:
        """The gate that decides about an experiment: its own, that of a route that leads to it, or the default."""
        if experiment in self.experiments:
            return self.experiments[experiment]
        of_routes = [
            self.routes[name]
            for name, route in plan.routes.items()
            if route.experiment == experiment and name in self.routes
        ]
        return of_routes[0] if of_routes else self.default

    def covered(self, plan: Plan, file: Path) -> frozenset[str]:
        """The experiments that a gate decides about."""
        return frozenset(name for name in plan.experiments if self.of(plan, name) == file)


NO_GATES = ReleaseGates()
