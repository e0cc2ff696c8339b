"""Renders docs/reference/statistics.md: the public functions of fairtrial.stats, with examples that run."""

from __future__ import annotations
import __future__

import doctest
import importlib
import inspect
import pkgutil
import re
import typing
from collections.abc import Iterator
from types import ModuleType

from fairtrial import stats
from fairtrial.stats.always_valid import always_valid
from fairtrial.stats.arms.means import rate_difference
from fairtrial.stats.sums import Successes
from scripts.reference.markdown import block, page, paragraphs, prose, table
from scripts.reference.statistics.limits import LIMITS
from scripts.reference.statistics.questions import QUESTIONS

CHAPTERS: dict[str, tuple[str, ...]] = {
    "What the data are summed to": ("sums",),
    "An effect, and how one looks at it": ("effects", "always_valid"),
    "Two arms": (
        "intervals",
        "arms.means",
        "arms.amounts",
        "arms.ratios_and_quantiles",
        "arms.feedback",
    ),
    "Exact tests that may be watched": (
        "sequential.unit_shares",
        "sequential.conversions",
        "sequential.srm",
    ),
    "Guardrails and many questions": (
        "sequential.guardrails",
        "sequential.request_errors",
        "sequential.metric_guardrails",
        "e_values",
    ),
    "Planned looks": ("sequential.group_sequential",),
    "The same cases on both sides": (
        "paired.paired_tests",
        "paired.score_mean",
        "paired.clustered",
        "paired.resampling",
    ),
    "Whether two models are one": ("model_equality", "sequential.change_point"),
    "Preferences and ratings of people": (
        "review.preference",
        "review.preference_model",
        "review.crossed",
    ),
    "Whether people agree": (
        "review.rating_table",
        "review.krippendorff_alpha",
    ),
    "Planning": (
        "planning.trial",
        "planning.question",
        "planning.proposals",
        "sizes",
        "planning.courses",
        "planning.rate_courses",
        "planning.steady",
        "planning.mixes",
    ),
}
"""The modules of each chapter, in the order in which one would read them."""

INTRO = """\
This library judges fine-tuned models: two arms of live traffic, two models on the same cases, the votes of people.
Its functions are pure, from numbers to estimates. They take
[sufficient statistics](../glossary.md#sufficient-statistics), which are frozen values that add up, so that the database
can compute the sums. Every function names its source. If the data do not suffice, the result is
`NotEnough(reason, needed)`, never a zero, a `p` of 1 or an empty interval.

The library needs numpy and scipy, and no server. Import a function from the module in the heading above it.
[Your question](#your-question-and-the-function) leads to the function.

**An [effect](../glossary.md#effect) has no interval until you say how you look at it.** `fixed` is for one
[look](../glossary.md#interim-analysis-look) at a size that was fixed before. `always_valid` is for any number of looks
([definition](../glossary.md#always-valid)), and needs a [τ](../glossary.md#tau). Both take the result of an estimator:

```python
from fairtrial.stats.always_valid import always_valid
from fairtrial.stats.arms.means import rate_difference
from fairtrial.stats.sums import Successes

resolved = rate_difference(Successes(n=2_000, successes=1_180), Successes(n=2_000, successes=1_290))
print(always_valid(resolved, tau=0.03))
```

```text
{answer}
```

The treatment resolves 5.5 points more. The interval excludes 0, so the treatment is better, for any number of looks. A
function of two arms takes the control first and returns treatment − control. Shares are fractions, 0.055 and not 5.5.
`n` counts the units of both arms. Other terms: [e-value](../glossary.md#e-value), [CUPED](../glossary.md#cuped),
[bound](../glossary.md#bound-cap), [complete window](../glossary.md#complete-window),
[guardrail](../glossary.md#guardrail-margin), [SRM](../glossary.md#srm), [design effect](../glossary.md#design-effect).

The names on this page are stable; other names in these modules are internal. The tests run every example.
`python benchmarks/validity.py` measures [how often each method is wrong](../validity.md), and how soon it is right."""


TABLE = "Your question, and the function"
FAILS = "On which data a method fails"


def statistics_page() -> str:
    """The page; raises `LookupError` for a public module that no chapter has and for a name without an example."""
    missing = set(modules()) - {name for names in CHAPTERS.values() for name in names}
    if missing:
        raise LookupError(f"fairtrial.stats: {', '.join(sorted(missing))} has no chapter")
    chapters = ("\n\n".join([f"## {title}", *map(_module, names)]) for title, names in CHAPTERS.items())
    resolved = rate_difference(Successes(n=2_000, successes=1_180), Successes(n=2_000, successes=1_290))
    intro = INTRO.format(answer=always_valid(resolved, tau=0.03))
    return page("Statistics", intro, questions(), limits(), *chapters)


def questions() -> str:
    """The table of questions; raises `LookupError` for a function that the page doesn't have."""
    places, rows = _places(), []
    for about, asked in QUESTIONS.items():
        rows.append((f"*{about}*", " "))
        rows += [(words, ", ".join(_link(one, places) for one in functions)) for words, functions in asked]
    whole = table(("your question", "the function"), rows)
    return f"## {TABLE}\n\n{whole}"


def limits() -> str:
    """The table of data on which methods fail; raises `LookupError` for a function that the page doesn't have."""
    places = _places()
    rows = [(_link(function, places), data, figure) for function, data, figure in LIMITS]
    whole = table(("the function", "fails on", "how far"), rows)
    intro = (
        "A wrong pass calls a candidate that is worse by exactly the margin not worse. The promised rate is 5 %. "
        "`python benchmarks/gate_validity.py` measures [how often a gate is wrong](../gate_validity.md)."
    )
    return f"## {FAILS}\n\n{intro}\n\n{whole}"


def _places() -> dict[str, str]:
    """The anchor of each function: headings that differ only in their capitals are counted on."""
    seen: list[str] = [_anchor(TABLE), _anchor(FAILS)]
    found = {}
    for title, names in CHAPTERS.items():
        seen.append(_anchor(title))
        for name in names:
            seen.append(_anchor(f"fairtrial.stats.{name}"))
            for function, thing in public(modules()[name]):
                if callable(thing):
                    before = seen.count(_anchor(function))
                    seen.append(_anchor(function))
                    found[function] = f"{_anchor(function)}-{before}" if before else _anchor(function)
    return found


def _anchor(heading: str) -> str:
    """What the usual renderers make of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _link(function: str, places: dict[str, str]) -> str:
    if function not in places:
        raise LookupError(f"the table of questions names {function}, which fairtrial.stats has not")
    return f"[`{function}`](#{places[function]})"


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


def _as_written(module: ModuleType) -> ModuleType:
    """A copy of the module whose annotations are the text of its source, so that types keep their short names."""
    copy = ModuleType(module.__name__)
    code = compile(inspect.getsource(module), str(module.__file__), "exec", flags=__future__.annotations.compiler_flag)
    exec(code, copy.__dict__)  # noqa: S102 - our own module
    return copy


def _module(name: str) -> str:
    module = _as_written(modules()[name])
    head = f"### fairtrial.stats.{name}\n\n{prose(module.__doc__)}"
    return "\n\n".join([head, *(_section(found, thing) for found, thing in public(module) if callable(thing))])


def _section(name: str, thing: object) -> str:
    if not example_of(thing):
        raise LookupError(f"{name} has no example")
    text = inspect.getdoc(thing) or ""
    intro = text[: text.index(">>>")].rstrip()
    intro = intro.removesuffix("Example:").rstrip()
    example = block("pycon", text[text.index(">>>") :])
    return "\n\n".join([f"#### {name}", block("text", _signature(name, thing)), *paragraphs(intro), example])


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
        yield str(one).replace("fairtrial.domain.estimates.Estimation", "Estimate | NotEnough")
