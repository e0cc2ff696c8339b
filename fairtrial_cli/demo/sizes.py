"""Chooses how many cases the demo takes, by the speed of the machine and in an order that ADR 45 fixes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

TICKET, GENERAL, EDGE, CUSTOMER = 0.9, 0.65, 0.9, 0.9
"""What one call of each kind costs, in ticket answers of the base, while live traffic runs beside the suites."""
VISITORS = 14.0
"""What all visitors of the late server cost together. Their answers have four tokens."""
SERVICES = 40.0
"""What starting the services and judging cost."""
FAMILIES = 3
"""The families of the edge cases; each has as many cases."""
QUICK_SECONDS, LONGEST_SECONDS = 290.0, 540.0
"""What the demo may take by estimate, so that it ends within five minutes, or within ten."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many tickets, general questions, edge cases of each family, and customers the demo takes."""

    tickets: int
    general: int
    edges: int
    customers: int

    @property
    def work(self) -> float:
        """The cost of the whole demo, in ticket answers of the base."""
        return first_half(self) + self.second_half

    @property
    def second_half(self) -> float:
        """The cost after the first verdict: the second candidate, the base's other suites, and the live traffic."""
        suites = 2 * candidate_work(self) - TICKET * self.tickets
        return suites + CUSTOMER * self.customers + VISITORS + SERVICES / 2

    def fewer_than(self, whole: Sizes) -> list[str]:
        """What was left out of each suite, as phrases; empty if nothing was."""
        parts = (
            ("tickets", self.tickets, whole.tickets),
            ("general questions", self.general, whole.general),
            ("edge cases", FAMILIES * self.edges, FAMILIES * whole.edges),
            ("customers", self.customers, whole.customers),
        )
        return [f"{taken} of {of} {name}" for name, taken, of in parts if taken < of]


ALL = Sizes(tickets=120, general=400, edges=30, customers=120)
QUICK = (
    ALL,
    Sizes(tickets=120, general=400, edges=20, customers=120),
    Sizes(tickets=120, general=360, edges=20, customers=120),
    Sizes(tickets=120, general=330, edges=16, customers=120),
)
"""With each of these sizes an equally good model nearly always ships (ADR 45)."""
SLOW = (
    Sizes(tickets=120, general=240, edges=16, customers=90),
    Sizes(tickets=120, general=160, edges=12, customers=60),
    Sizes(tickets=60, general=120, edges=12, customers=60),
    Sizes(tickets=30, general=60, edges=8, customers=40),
)
"""With the last three of these no model can ship, because twelve edge cases of a family are too few for the margin."""


def candidate_work(sizes: Sizes) -> float:
    """The cost of all three suites on one model."""
    return TICKET * sizes.tickets + GENERAL * sizes.general + EDGE * FAMILIES * sizes.edges


def others_work() -> float:
    """The cost of three more candidates on all cases. One of them has answered the tickets already."""
    return 3 * candidate_work(ALL) - TICKET * ALL.tickets


def first_half(sizes: Sizes) -> float:
    """The cost of the first verdict: the services, and two models on the tickets."""
    return SERVICES / 2 + 2 * TICKET * sizes.tickets


def choose(answers_a_second: float, *, elapsed: float) -> Sizes:
    """The largest quick sizes with which the demo ends within five minutes, otherwise the largest that end within ten.

    ``answers_a_second``: ticket answers of the base. ``elapsed``: seconds since the demo began.
    """
    for sizes in QUICK:
        if elapsed + sizes.work / answers_a_second <= QUICK_SECONDS:
            return sizes
    slower = (QUICK[-1], *SLOW)
    return _most(slower, [sizes.work for sizes in slower], answers_a_second, LONGEST_SECONDS - elapsed)


def shorten(sizes: Sizes, answers_a_second: float, *, elapsed: float) -> Sizes:
    """The same or smaller sizes for what comes after the first verdict, when the machine has become slower.

    The tickets stay, because two models have answered them already.
    """
    smaller = (sizes, *(_no_more(sizes, step) for step in (*QUICK, *SLOW)))
    return _most(smaller, [step.second_half for step in smaller], answers_a_second, LONGEST_SECONDS - elapsed)


def _no_more(sizes: Sizes, step: Sizes) -> Sizes:
    general, edges = min(sizes.general, step.general), min(sizes.edges, step.edges)
    return Sizes(sizes.tickets, general, edges, min(sizes.customers, step.customers))


def _most(steps: Sequence[Sizes], work: Sequence[float], answers_a_second: float, seconds: float) -> Sizes:
    """The first step whose work is done in time; the last one if none is."""
    fitting = (step for step, units in zip(steps, work, strict=True) if units / answers_a_second <= seconds)
    return next(fitting, steps[-1])
