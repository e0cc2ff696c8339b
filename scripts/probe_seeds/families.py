"""Lists the families with bundled seeds, and how the seeds of each are made."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from scripts.probe_seeds import attacks, inputs, questions
from scripts.probe_seeds.packages import Packages, Row

FAMILIES: dict[str, Callable[[Packages], Iterator[Row]]] = {
    "prompt_injection": attacks.prompt_injection,
    "jailbreak": attacks.jailbreak,
    "system_prompt_leak": attacks.system_prompt_leak,
    "pii_extraction": attacks.pii_extraction,
    "harmful_requests": attacks.harmful_requests,
    "over_refusal": attacks.over_refusal,
    "sycophancy": questions.sycophancy,
    "unicode_input": inputs.unicode_input,
    "empty_input": inputs.empty_input,
    "format_breaking": inputs.format_breaking,
    "other_languages": inputs.other_languages,
    "out_of_domain": questions.civics,
    "ambiguous_questions": questions.ambiguous_questions,
    "unanswerable_questions": questions.unanswerable_questions,
}
