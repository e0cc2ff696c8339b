"""Proposes a base and a candidate among the models of a server, or says why a person has to choose."""

import re
import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from fairtrial.domain.errors import MOST_SHOWN, UsageError, nearest
from fairtrial_cli.first_project.served_models import ServedModel

SEPARATED = re.compile(r"[^a-z0-9.]+")
TUNED = frozenset({"adapter", "distilled", "dpo", "finetune", "finetuned", "ft", "lora", "rl", "sft", "tuned"})
"""Words by which people name a fine-tune."""
MOST_PAIRS = 1_000_000
Ask = Callable[[str, Sequence[str]], str]
"""Asks a person: the question and the names, one of which it returns."""


@dataclass(frozen=True, slots=True)
class ModelPair:
    """The two models of the project, and why these."""

    base: ServedModel
    candidate: ServedModel
    reason: str


def propose(
    models: Sequence[ServedModel], base: str | None, candidate: str | None, *, ask: Ask | None, command: str
) -> ModelPair:
    """The pair that fits what the person has named; ``ask`` is ``None`` without a terminal.

    ``command``: what the person has written, without the models, to which an error adds two of them.
    """
    if len(models) < 2:
        raise UsageError(f"the server lists only the model {models[0].title}, and a trial needs two")
    bases, candidates = _named(models, base, "--base"), _named(models, candidate, "--candidate")
    if bases == candidates and len(bases) == 1:
        raise UsageError(f"--base and --candidate name the same model {base}")
    if len(bases) * len(candidates) > MOST_PAIRS:
        raise _ambiguous(models, next(pair for pair in product(bases, candidates) if pair[0] != pair[1]), command)
    pairs = [(first, second) for first, second in product(bases, candidates) if first != second]
    if base and candidate:
        return ModelPair(*pairs[0], "as you named them")
    for fits, reason in RULES:
        if fitting := [pair for pair in pairs if fits(*pair)]:
            if len(fitting) == 1:
                return ModelPair(*fitting[0], reason)
            pairs = fitting
            break
    return ModelPair(*pairs[0], "the only other model") if len(pairs) == 1 else _chosen(pairs, ask, command)


def is_adapter_of(base: ServedModel, candidate: ServedModel) -> bool:
    """Whether the server names the base as the candidate's parent. Adapters of llama.cpp have their base's name."""
    return candidate.parent == base.name != base.parent


def _named(models: Sequence[ServedModel], name: str | None, option: str) -> Sequence[ServedModel]:
    """The model with this name, or all of them without a name."""
    if name is None:
        return models
    matching = [model for model in models if name == model.title]
    if not matching:
        known = nearest(name, [model.title for model in models])
        raise UsageError(f"{option} {name}: the server has no such model ({known})")
    return matching[:1]


def _is_longer(base: ServedModel, candidate: ServedModel) -> bool:
    """Whether the candidate's name is the base's with further words, such as ``qwen3-8b`` and ``qwen3-8b-support``."""
    first, second = _words(base.title), _words(candidate.title)
    return first != second and second[: len(first)] == first


def _is_marked(base: ServedModel, candidate: ServedModel) -> bool:
    return not TUNED.isdisjoint(_words(candidate.title)) and TUNED.isdisjoint(_words(base.title))


RULES: tuple[tuple[Callable[[ServedModel, ServedModel], bool], str], ...] = (
    (is_adapter_of, "the server names the parent"),
    (_is_longer, "by their names"),
    (_is_marked, "by their names"),
)


@lru_cache(maxsize=4096)
def _words(title: str) -> tuple[str, ...]:
    """The words of a name. Ollama's tag `latest` is not one."""
    return tuple(word for word in SEPARATED.split(title.lower().removesuffix(":latest")) if word)


def _ambiguous(models: Iterable[ServedModel], example: tuple[ServedModel, ServedModel], command: str) -> UsageError:
    names = sorted({model.title for model in models})
    more = f", and {len(names) - MOST_SHOWN:,} more" if len(names) > MOST_SHOWN else ""
    return UsageError(
        "several pairs of models are possible, so name them with --base and --candidate "
        f"(models: {', '.join(names[:MOST_SHOWN])}{more}), such as: "
        f"{command} --base {shlex.quote(example[0].title)} --candidate {shlex.quote(example[1].title)}"
    )


def _chosen(pairs: Sequence[tuple[ServedModel, ServedModel]], ask: Ask | None, command: str) -> ModelPair:
    if ask is None:
        raise _ambiguous((model for pair in pairs for model in pair), pairs[0], command)
    base = _answer("Base", [base for base, _ in pairs], ask)
    candidate = _answer("Candidate", [candidate for first, candidate in pairs if first == base], ask)
    return ModelPair(base, candidate, "as you chose them")


def _answer(question: str, models: Iterable[ServedModel], ask: Ask) -> ServedModel:
    titles = {model.title: model for model in models}
    return titles[ask(question, list(titles)) if len(titles) > 1 else next(iter(titles))]
