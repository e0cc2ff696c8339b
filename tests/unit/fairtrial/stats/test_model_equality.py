"""Whether two sides answer with the same model, on simulated answers."""

import numpy as np
import pytest

from fairtrial.domain.promises import EQUALITY_ALPHA, EQUALITY_EXCESS
from fairtrial.stats.arguments import Floats
from fairtrial.stats.model_equality import Block, compare_sides, differs_within_noise, power_of, upper_bound

PROBES, REPEATS = 64, 5


def answers(draw: np.random.Generator, mine: Floats, other: Floats) -> list[Block]:
    """Answers of two tokens, the second one with these probabilities on each side, ``(probes,)``."""
    sides = [(draw.random((PROBES, REPEATS)) < side[:, None]).astype(float) for side in (mine, other)]
    both = np.concatenate(sides, axis=1)
    return [Block(probe, np.abs(row[:, None] - row[None, :])) for probe, row in enumerate(both)]


@pytest.mark.release("stories")
def test_the_error_is_at_most_alpha_for_equal_sides() -> None:
    draw = np.random.default_rng(1)
    levels = draw.uniform(0.3, 0.7, PROBES)
    ps = np.array([compare_sides(answers(draw, levels, levels), seed=at).p for at in range(400)])
    assert (ps <= 0.05).mean() <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / len(ps))
    assert (ps <= 0.5).mean() >= 0.4


@pytest.mark.release("stories")
def test_the_bound_covers_the_excess() -> None:
    draw = np.random.default_rng(2)
    base = np.full(PROBES, 0.5)
    tuned = base + 0.2
    excess = 0.2**2  # between: p(1-q) + q(1-p); within: p(1-p) + q(1-q)
    bounds = [compare_sides(answers(draw, tuned, base), seed=at).bound for at in range(200)]
    assert np.mean(np.array(bounds) >= excess) >= 0.95


def test_half_of_the_probes_answered_otherwise_is_another_model() -> None:
    draw = np.random.default_rng(3)
    base = np.full(PROBES, 0.02)
    tuned = np.where(np.arange(PROBES) % 2, 0.98, 0.02)
    found = compare_sides(answers(draw, tuned, base))
    assert found.p <= EQUALITY_ALPHA
    assert found.excess > 0.4


@pytest.mark.release("stories")
def test_the_printed_power_is_the_share_that_is_found() -> None:
    draw = np.random.default_rng(4)
    base = np.full(PROBES, 0.1)
    shown = power_of(answers(draw, base, base), excess=EQUALITY_EXCESS, alpha=EQUALITY_ALPHA)
    found = 0
    for at in range(200):
        tuned = np.where(draw.random(PROBES) < EQUALITY_EXCESS, 1.0, base)
        # the power adds a different token to every answer, as an adapter that changed the probe would
        found += compare_sides(answers(draw, tuned, base), seed=at).p <= EQUALITY_ALPHA
    assert abs(found / 200 - shown) <= 0.1


def test_one_difference_beyond_the_noise_within_a_side_is_seen() -> None:
    quiet = np.zeros((10, 10))
    assert differs_within_noise([Block(0, quiet), Block(1, quiet)])
    assert not differs_within_noise([Block(0, quiet), Block(1, quiet, apart=0.01)])


def test_the_bound_of_no_excess_is_the_rule_of_three() -> None:
    assert upper_bound(np.zeros(64)) < EQUALITY_EXCESS < upper_bound(np.zeros(58))
