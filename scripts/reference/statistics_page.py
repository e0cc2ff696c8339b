"""docs/reference/statistics.md: the public functions of fairtrial.stats with examples that are run."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import typing
from collections.abc import Iterator
from types import ModuleType

from fairtrial import stats
from scripts.reference.markdown import block, page, paragraphs, prose

CHAPTERS: dict[str, tuple[str, ...]] = {
    "What the data are summed to": ("sums",),
    "An effect, and how one looks at it": ("effects", "always_valid", "e_values", "sequential.running"),
    "Two arms": (
        "intervals",
        "arms.proportions",
        "arms.means",
        "arms.winsorise",
        "arms.cuped",
        "arms.ratios",
        "arms.unit_permutation",
        "arms.quantiles",
        "arms.ordinal",
        "arms.lift",
        "arms.contrasts",
        "arms.novelty",
    ),
    "Exact tests that may be watched": ("sequential.conversions", "sequential.rare_rate", "sequential.srm"),
    "Guardrails and many questions": ("sequential.guardrails", "holm", "e_bh"),
    "Planned looks": ("sequential.obrien_fleming", "sequential.alpha_spending", "sequential.crossing"),
    "The same cases on both sides": (
        "paired.tango",
        "paired.mcnemar",
        "paired.clustered",
        "paired.sign_flip",
        "paired.cluster_bootstrap",
        "paired.bootstrap",
        "paired.bca",
        "paired.equivalence",
    ),
    "Preferences and ratings of people": (
        "review.preference",
        "review.preference_scales",
        "review.preference_effect",
        "review.preference_model",
        "review.logit",
        "review.crossed",
        "review.ratings",
        "review.position_flips",
    ),
    "Few experts and many marks of a judge": ("review.ppi", "review.ppi_weighted"),
    "Whether people agree": (
        "agreement.rating_table",
        "agreement.alpha",
        "agreement.against_rest",
        "agreement.chance_agreement",
        "agreement.weights",
        "agreement.cohen_kappa",
        "agreement.icc",
        "agreement.quality",
    ),
    "Planning": (
        "planning.trial",
        "planning.question",
        "planning.options",
        "planning.sizes",
        "planning.courses",
        "planning.conversion_course",
        "planning.clustering",
    ),
}
"""The modules of each chapter, in the order in which one would read them."""

INTRO = """\
Numbers in, estimates out: pure functions over **sufficient statistics**, frozen values that add, so that the database
sums and Python reasons. Every function says its source. What can't be told is `NotEnough(reason, needed)`, never a
zero, a `p` of 1 or an interval of nothing. [The glossary](../glossary.md) has the words.

**An effect has no interval until one says how it will be looked at**: `fixed` for one look at a size that was fixed
before, `always_valid` for as many looks as one likes. Both take what the estimators below give:

```python
from fairtrial.stats.always_valid import always_valid
from fairtrial.stats.arms.proportions import rate_difference
from fairtrial.stats.sums import Successes

resolved = rate_difference(Successes(n=2_000, successes=1_180), Successes(n=2_000, successes=1_290))
print(always_valid(resolved, tau=0.03))
```

The names on this page are stable; others in these modules are for the library's own use. Each example is run whenever
the tests are. How often each method is wrong, and how soon it is right, is measured by
`python benchmarks/validity.py`."""


def statistics_page() -> str:
    """The page; raises `LookupError` for a public module that no chapter has and for a name without an example."""
    missing = set(modules()) - {name for names in CHAPTERS.values() for name in names}
    if missing:
        raise LookupError(f"fairtrial.stats: {', '.join(sorted(missing))} has no chapter")
    chapters = ("\n\n".join([f"## {title}", *map(_module, names)]) for title, names in CHAPTERS.items())
    return page("Statistics", INTRO, *chapters)


def modules() -> dict[str, ModuleType]:
    """Every module of the library that offers something, by its name below ``fairtrial.stats``."""
    found = [one.name for one in pkgutil.walk_packages(stats.__path__, f"{stats.__name__}.") if not one.ispkg]
    loaded = {name.removeprefix(f"{stats.__name__}."): importlib.import_module(name) for name in found}
    return {name: module for name, module in loaded.items() if module.__all__}


def public(module: ModuleType) -> Iterator[tuple[str, object]]:
    """What the module's ``__all__`` names."""
    for name in module.__all__:
        yield name, getattr(module, name)


def example_of(thing: object) -> list[doctest.Example]:
    """The lines of a docstring that are run."""
    return doctest.DocTestParser().get_examples(inspect.getdoc(thing) or "")


def _module(name: str) -> str:
    module = modules()[name]
    told = f"### fairtrial.stats.{name}\n\n{prose(module.__doc__)}"
    return "\n\n".join([told, *(_section(found, thing) for found, thing in public(module) if callable(thing))])


def _section(name: str, thing: object) -> str:
    if not example_of(thing):
        raise LookupError(f"{name} has no example")
    text = inspect.getdoc(thing) or ""
    told = text[: text.index(">>>")].rstrip()
    told = told.removesuffix("Example:").rstrip()
    example = block("pycon", text[text.index(">>>") :])
    return "\n\n".join([f"#### {name}", block("text", _signature(name, thing)), *paragraphs(told), example])


def _signature(name: str, thing: object) -> str:
    """How it is called, with one parameter a line where they don't fit in one."""
    if inspect.isclass(thing) and typing.cast("type", thing).__init__ is object.__init__:
        return f"class {name}"
    signature = inspect.signature(typing.cast("type", thing))
    short = f"{name}{signature}".replace("'", "")
    if len(short) <= 100:
        return short
    parts = ",\n    ".join(_parameters(signature))
    returned = "" if signature.return_annotation is signature.empty else f" -> {signature.return_annotation}"
    return f"{name}(\n    {parts},\n){returned}".replace("'", "")


def _parameters(signature: inspect.Signature) -> Iterator[str]:
    keyword_only = False
    for one in signature.parameters.values():
        if one.kind is one.KEYWORD_ONLY and not keyword_only:
            keyword_only = True
            yield "*"
        yield str(one)
