"""Defines a check of training data. The implementations are in `checks/`; each module there defines ``check``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from evaluators.training_data.audit_report import Issue
from evaluators.training_data.corpus import Corpus
from fairtrial.domain.registry import Registry


@dataclass(frozen=True, slots=True)
class Check:
    """One check; ``find`` returns what it found, and nothing if there is nothing to say."""

    summary: str
    find: Callable[[Corpus], list[Issue]]


CHECKS: Registry[Check] = Registry("evaluators.training_data.checks", "check", noun="check", kind=Check)
