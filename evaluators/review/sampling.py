"""Samples the pairs of answers that reviewers judge, by a reproducible rule."""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any, TypeVar

from fairtrial.api.reviews import CreateQueue
from fairtrial.domain.answers.chat import answered_text
from fairtrial.domain.errors import UsageError
from fairtrial.domain.limits.canonical_json import json_object
from fairtrial.domain.masking import family_of, mask, names_in
from fairtrial.domain.plan import Plan, Shadow
from fairtrial.domain.promises import SHARED_PAIRS
from fairtrial.domain.review import Pair, PairTexts
from fairtrial.domain.run import Answer, CaseResult, Run

Item = TypeVar("Item")
SEEDS = 2**31
USUAL_OVERLAP = 0.2


def shared(overlap: float | None, size: int) -> int:
    """The number of pairs that need two reviewers; by default a fifth, but at least 12 or half of the queue."""
    if overlap is not None:
        return round(overlap * size)
    return max(round(USUAL_OVERLAP * size), min(SHARED_PAIRS, size // 2))


def draw_pairs(candidate: Run, baseline: Run, draw: CreateQueue, *, names: Sequence[str] = ()) -> list[Pair]:
    """Draw pairs in the order of the suite; each has its probability of being drawn.

    Only cases that both targets answered are drawn, with the answers of the first repeat. Pairs whose answers look
    equal once the ``names`` are masked want no vote. Raises `UsageError` if the runs used different versions of the
    suite, have no stored questions, or share no answered case, and if all drawn pairs look equal.
    """
    _require_one_suite(candidate, baseline)
    pairs = _answered_by_both(candidate, baseline)
    if not pairs:
        raise UsageError(f"reviews: no case of {candidate.suite} was answered by both, so there is nothing to compare")
    return _drawn(pairs, list, draw, names, (candidate.target, baseline.target), candidate.suite)


def draw_shadow_pairs(
    request_ids: Sequence[str],
    read: Callable[[Sequence[str]], Sequence[PairTexts]],
    shadow: Shadow,
    draw: CreateQueue,
    *,
    names: Sequence[str],
) -> list[Pair]:
    """Draw pairs of a shadow; ``read`` reads the texts of those that are drawn. The pairs of a user are one cluster.

    Raises `UsageError` if there are none, and if all drawn pairs look equal.
    """
    if not request_ids:
        raise UsageError(
            f"reviews: the shadow of {shadow.route} has no pair that both answered and whose texts are stored "
            "(see: fairtrial shadow status, and capture in fairtrial.yaml)"
        )

    def read_pairs(chosen: Sequence[str]) -> list[Pair]:
        return [_live_pair(shadow.shadow_id, texts) for texts in read(chosen)]

    return _drawn(request_ids, read_pairs, draw, names, (shadow.candidate, shadow.baseline), "the shadow")


def _drawn(
    possible: Sequence[Item],
    read: Callable[[Sequence[Item]], list[Pair]],
    draw: CreateQueue,
    names: Sequence[str],
    targets: tuple[str, str],
    source: str,
) -> list[Pair]:
    """Draw items at random, in their order, read them as pairs, and say how many votes each wants."""
    size = min(draw.size, len(possible))
    rng = random.Random(draw.seed)
    pairs = read([possible[i] for i in sorted(rng.sample(range(len(possible)), size))])
    different = [i for i, pair in enumerate(pairs) if _shown(pair.candidate, names) != _shown(pair.baseline, names)]
    if not different:
        raise UsageError(
            f"reviews: {' and '.join(targets)} gave equal answers in all {size} pairs drawn from {source}, "
            "so there is nothing to compare (is the right model or adapter loaded?)"
        )
    twice = set(rng.sample(different, shared(draw.overlap, len(different))))
    wants = dict.fromkeys(different, 1) | dict.fromkeys(twice, 2)
    share = size / len(possible)
    return [replace(pair, probability=share, wants=wants.get(i, 0)) for i, pair in enumerate(pairs)]


def rule_of(draw: CreateQueue, pairs: Sequence[Pair]) -> dict[str, Any]:
    """The rule as it is stored, with enough detail to draw the same cases again."""
    possible = round(len(pairs) / pairs[0].probability) if pairs else 0
    twice, judged = sum(pair.wants > 1 for pair in pairs), sum(pair.wants > 0 for pair in pairs)
    rule = {"kind": "random", "size": len(pairs), "of": possible, "seed": draw.seed, "shared": twice}
    return rule | {"overlap": twice / judged if draw.overlap is None and judged else draw.overlap}


def newest_pair(candidates: Sequence[Run], baselines: Sequence[Run], *, names: tuple[str, str, str]) -> tuple[Run, Run]:
    """The newest finished runs of both targets on the same version of a suite; each list has the newest first.

    ``names``: suite, candidate and baseline, for the `UsageError`, which names what to run.
    """
    by_digest: dict[str, Run] = {}
    for run in baselines:
        by_digest.setdefault(run.suite_digest, run)
    for run in candidates:
        if run.suite_digest in by_digest:
            return run, by_digest[run.suite_digest]
    suite, candidate, baseline = names
    have = [name for name, runs in ((candidate, candidates), (baseline, baselines)) if runs]
    why = (
        "the runs of the two targets used different versions of it"
        if len(have) == 2
        else f"there is no finished run of it on {' and '.join(n for n in (candidate, baseline) if n not in have)}"
    )
    raise UsageError(
        f"reviews: suite {suite}: {why} (run it first: fairtrial eval SUITE.yaml --on {candidate},{baseline})"
    )


def names_of(plan: Plan | None, *targets: str) -> list[str]:
    """All names by which a reviewer could recognise these targets: of targets, variants, deployments and models."""
    names: dict[str, None] = {}
    for target in targets:
        experiment_name, slash, variant_name = target.partition("/")
        deployment = target
        names[target] = None
        if slash:
            names[variant_name] = None
            experiment = plan.experiments.get(experiment_name) if plan else None
            variants = experiment.variants if experiment else ()
            deployment = next((variant.deployment for variant in variants if variant.name == variant_name), "")
        definition = plan.deployments.get(deployment) if plan else None
        if definition is not None:
            names |= dict.fromkeys((definition.name, definition.model, f"{definition.provider}/{definition.model}"))
            model = definition.model.rpartition("/")[2]
            names |= dict.fromkeys((model, *family_of(model)))
    return [name for name in names if name]


def title_of(wished: str | None, suite: str, size: int, *, names: Sequence[str]) -> str:
    """The queue's title for reviewers; raises `UsageError` if the wished title would reveal a model."""
    if wished:
        revealed = names_in(wished, names)
        if revealed:
            raise UsageError(
                f"title: {revealed[0]!r} would reveal to reviewers which models they judge (choose other words)"
            )
        return wished
    title = f"{suite}: {size} pairs"
    return f"{size} pairs of answers" if names_in(title, names) else title


def _require_one_suite(candidate: Run, baseline: Run) -> None:
    if candidate.suite_digest != baseline.suite_digest or candidate.suite != baseline.suite:
        raise UsageError(
            f"reviews: runs {candidate.run_id} and {baseline.run_id} used different suites or versions of a suite "
            f"({candidate.suite} {candidate.suite_digest[:8]}, {baseline.suite} {baseline.suite_digest[:8]})"
        )
    if candidate.target == baseline.target:
        raise UsageError(
            f"reviews: both runs are of {candidate.target}, and comparing a model with itself shows nothing"
        )


def _answered_by_both(candidate: Run, baseline: Run) -> list[Pair]:
    new, old = _answers(candidate), _answers(baseline)
    return [_pair(new[case], old[case], candidate.suite) for case in new if case in old]


def _answers(run: Run) -> dict[str, CaseResult]:
    """First repeats with an answer, in the order of the suite."""
    return {
        result.case.case_id: result for result in run.results if result.repeat == 0 and _text(result.answer) is not None
    }


def _shown(text: str, names: Sequence[str]) -> str:
    """The text as a reviewer sees it; spaces around it are not visible."""
    return mask(text, names)[0].strip()


def _text(answer: Answer) -> str | None:
    """The text that a person reads: the answer, or else the refusal."""
    return answer.text if answer.text else answer.refusal or answer.text


def _pair(new: CaseResult, old: CaseResult, suite: str) -> Pair:
    case = new.case
    if not case.messages:
        raise UsageError(
            f"reviews: suite {suite}: these runs are from a version that did not store questions "
            f"(run the suite again on both: fairtrial eval)"
        )
    messages = tuple(
        {"role": str(message.get("role", "user")), "content": _flat(message.get("content"))}
        for message in case.messages
    )
    texts = _text(new.answer) or "", _text(old.answer) or ""
    return Pair(case.case_id, case.cluster or case.case_id, messages, _reference(case.expected), *texts)


def _live_pair(shadow_id: str, pair: PairTexts) -> Pair:
    """A pair of live answers. Its cluster is a digest, because exports show clusters."""
    request = json_object(pair.request_body) or {}
    question = request.get("messages", request.get("input", request.get("prompt")))
    turns = question if isinstance(question, list) else [{"content": question}]
    asked = tuple(
        {"role": str(turn.get("role", "user")), "content": _flat(turn.get("content"))}
        for turn in turns
        if isinstance(turn, Mapping)
    )
    cluster = sha256(f"{shadow_id}\0{pair.unit or pair.request_id}".encode()).hexdigest()[:16]
    candidate, baseline = (answered_text(body) or "" for body in (pair.candidate_body, pair.baseline_body))
    return Pair(pair.request_id, cluster, asked, None, candidate, baseline, unit=pair.unit)


def _flat(content: Any) -> str:
    """A message's content as text: parts are joined, and a part that is not text is replaced by its type."""
    if isinstance(content, str) or content is None:
        return content or ""
    if not isinstance(content, list):
        return json.dumps(content, ensure_ascii=False)
    return "\n".join(_part(part) for part in content)


def _part(part: Any) -> str:
    if isinstance(part, Mapping) and isinstance(part.get("text"), str):
        return str(part["text"])
    kind = part.get("type", "part") if isinstance(part, Mapping) else "part"
    return f"[{kind}]"


def _reference(expected: Any) -> str | None:
    """The reference as readable text."""
    if expected is None or isinstance(expected, str):
        return expected
    if isinstance(expected, list) and all(isinstance(item, str) for item in expected):
        return " / ".join(expected)
    return json.dumps(expected, ensure_ascii=False, indent=2)
