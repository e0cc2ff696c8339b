"""Compares what a served model answers with what was recorded at the end of its training, and names the cause."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from msgspec.structs import replace
from scipy.stats import wilcoxon

from evaluators.model_equality.border_probes import ProbeAnswer
from evaluators.model_equality.parity_file import ParityRow, Recorded
from evaluators.model_equality.server_prompts import ServerPrompt
from fairtrial.domain.promises import EQUALITY_ALPHA
from fairtrial.domain.verdicts.model_parity import Cause, Parity
from fairtrial.domain.wording import counted

TIMES_NOISE = 2.0
"""A difference counts if it is so many times that of the served base from the trained base."""
LEAST_NOISE = 0.01
"""In nats. Two engines are never called closer."""
DEEPEST = -10.0
"""The log probability below which a token is not compared, because engines differ there without any consequence."""
CLEAR_GAP = 0.05
"""In nats: a token so much behind the likeliest one was not chosen by a tie."""
MOST, FEW = 0.5, 2
"""The share of rows, and the number of rows, that show a sign before it names a cause."""


@dataclass(frozen=True, slots=True)
class ServedRow:
    """The answers to one row: the chat, and the completions of the recorded prompt, if the server has any."""

    row: ParityRow
    chat: ProbeAnswer
    own: ProbeAnswer
    base: ProbeAnswer
    prompt: ServerPrompt


def find_cause(rows: Sequence[ServedRow], *, completed: bool) -> Parity:
    """``completed``: whether the recorded prompts were completed, so that weights are judged without any template."""
    prompt = _prompt(rows)
    if prompt is not None and not completed:
        return Parity(answer="different", cause=prompt[0], why=prompt[1])
    weights = _weights(rows)
    if weights.answer == "different":
        return weights
    found = prompt or _ending(rows) or _parameters(rows)
    return weights if found is None else replace(weights, answer="different", cause=found[0], why=found[1])


def _prompt(rows: Sequence[ServedRow]) -> tuple[Cause, str] | None:
    """Another prompt than the recorded one, by the server's own tokens or by their number."""
    told = [(each.prompt.ids, each.row.token_ids) for each in rows if each.prompt.ids is not None]
    others = [(served, recorded) for served, recorded in told if served != recorded]
    more = [each.chat.tokens_in - len(each.row.token_ids) for each in rows if each.chat.tokens_in is not None]
    if others:
        special = all(_is_one_more(served, recorded) or _is_one_more(recorded, served) for served, recorded in others)
        lengths = [len(served or ()) - len(recorded) for served, recorded in others]
        why = f"{counted(len(others), 'prompt')} of {len(told)} differ{'s' if len(others) == 1 else ''}"
        return "special token" if special else "chat template", f"{why}, {_range(lengths)}"
    if not any(more) or not (told or rows[0].chat.positions):  # such servers count tokens in ways of their own
        return None
    if told:
        return "parameters", f"the server renders the prompts as in training, but reads {_range(more)}"
    return "special token" if set(more) in ({1}, {-1}) else "chat template", f"{_range(more)} in the prompts"


def _is_one_more(longer: Sequence[int] | None, shorter: Sequence[int] | None) -> bool:
    """Whether one token more stands at the beginning or at the end."""
    return longer is not None and shorter is not None and shorter in (longer[1:], longer[:-1])


def _range(more: Sequence[int]) -> str:
    """``+1 tokens``, or ``-34 to -20 tokens``."""
    return f"{min(more):+d} tokens" if min(more) == max(more) else f"{min(more):+d} to {max(more):+d} tokens"


def _weights(rows: Sequence[ServedRow]) -> Parity:
    """By log probabilities, where the noise is how far the served base is from the trained base."""
    if not all(each.own.positions and each.base.positions for each in rows):
        return _by_texts(rows)
    mine, noise, off = (
        [distance(answer.tokens, answer.positions, record) for answer, record in pairs]
        for pairs in (
            [(each.own, each.row.on) for each in rows],
            [(each.base, each.row.off) for each in rows],
            [(each.own, each.row.off) for each in rows],
        )
    )
    trained = median(distance(each.row.on.tokens, each.row.on.tops, each.row.off) for each in rows)
    beyond, within = _signed_rank(mine, noise, "greater"), _signed_rank(mine, noise, "less")
    found = Parity(
        answer="not known",
        distance=median(mine),
        noise=median(noise),
        off=median(off),
        p=min(beyond, within),
    )
    if found.noise > trained / TIMES_NOISE:
        return replace(found, why="the served base is as far from the trained base as the fine-tune: is it that base?")
    if within <= EQUALITY_ALPHA:
        return replace(found, answer="same")
    if beyond > EQUALITY_ALPHA:
        return replace(found, why="record more rows")
    if _signed_rank(off, noise, "less") <= EQUALITY_ALPHA:
        return replace(found, answer="different", cause="not applied")
    small = found.distance < trained * MOST
    return replace(found, answer="different", cause="merge or quantisation" if small else "other weights")


def _ending(rows: Sequence[ServedRow]) -> tuple[Cause, str] | None:
    """Answers that go on behind their recorded end."""
    pairs = [(each.chat.tokens, each.row.on.tokens) for each in rows if each.row.on.ended]
    ended = [(served, len(recorded)) for served, recorded in pairs if served[: len(recorded)] == recorded]
    longer = [served for served, end in ended if len(served) > end + 1]
    if len(longer) < FEW or len(longer) <= MOST * len(ended):
        return None
    return "end token", f"{len(longer)} of {counted(len(ended), 'answer')} go on behind their end"


def _parameters(rows: Sequence[ServedRow]) -> tuple[Cause, str] | None:
    """Tokens that are not the likeliest ones, although the temperature of each request is 0."""
    chosen = sum(_is_sampled(each.chat) or _is_sampled(each.own) for each in rows)
    if chosen < FEW:
        return None
    return "parameters", f"{chosen} of {counted(len(rows), 'answer')} have tokens that are not the likeliest"


def _is_sampled(answer: ProbeAnswer) -> bool:
    pairs = [(token, tops) for token, tops in zip(answer.tokens, answer.positions, strict=True) if _is_text(token)]
    return any(tops and tops.get(token, DEEPEST) < max(tops.values()) - CLEAR_GAP for token, tops in pairs)


def _by_texts(rows: Sequence[ServedRow]) -> Parity:
    """Without log probabilities, answers that begin as recorded can only show that the adapter is not applied."""
    on, off = (
        sum((each.own.text or "").startswith(record.text) for each, record in pairs) / len(rows)
        for pairs in ([(each, each.row.on) for each in rows], [(each, each.row.off) for each in rows])
    )
    why = f"the server gives no log probabilities; {on:.0%} of the answers begin as trained, {off:.0%} as the base"
    if off > MOST > 2 * on:
        return Parity(answer="different", cause="not applied", why=why)
    return Parity(answer="not known", why=why)


def distance(tokens: Sequence[str], tops: Sequence[Mapping[str, float]], record: Recorded) -> float:
    """The mean difference of log probabilities, up to the first token that served and recorded answers don't share."""
    agreeing = 1
    for mine, theirs in zip(tokens, record.tokens, strict=False):
        if mine != theirs:
            break
        agreeing += 1
    pairs = zip(tops[:agreeing], record.tops[:agreeing], strict=False)
    return float(np.mean([_apart(mine, theirs) for mine, theirs in pairs]))


def _apart(first: Mapping[str, float], second: Mapping[str, float]) -> float:
    """Of tokens that are not too unlikely. One that a list lacks is no likelier than the list's last one."""
    least = [min(side.values()) for side in (first, second)]
    apart: list[float] = []
    for token in filter(_is_text, first.keys() | second.keys()):
        mine, theirs = first.get(token), second.get(token)
        if max(DEEPEST if mine is None else mine, DEEPEST if theirs is None else theirs) > DEEPEST:
            mine, theirs = _listed(mine, theirs, least[0]), _listed(theirs, mine, least[1])
            apart.append(abs(mine - theirs))
    return float(np.mean(apart)) if apart else 0.0


def _is_text(token: str) -> bool:
    """Servers write special tokens in different ways, or not at all."""
    return token != "" and not (token.startswith("<") and token.endswith(">"))


def _listed(own: float | None, other: float | None, least: float) -> float:
    """The log probability, at most the least listed one, where a token is not listed."""
    if own is not None:
        return own
    return least if other is None else min(least, other)


def _signed_rank(distances: Iterable[float], noise: Iterable[float], alternative: str) -> float:
    """Wilcoxon's signed-rank test, row by row, that the distances are more or less than the noise allows."""
    pairs = zip(distances, noise, strict=True)
    ratios = np.log([max(mine, LEAST_NOISE) / (TIMES_NOISE * max(base, LEAST_NOISE)) for mine, base in pairs])
    return float(wilcoxon(ratios, alternative=alternative).pvalue) if ratios.any() else 1.0
