"""The review page as a reviewer uses it: what is on the screen, and keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Page, expect

MARKS_IN_DOM_ORDER = """
desk => Object.fromEntries([...desk.querySelectorAll('[data-row]')].map(row =>
    [row.dataset.row, row.querySelector('.mark:not(.none)[aria-checked=true]')?.textContent ?? null]))
"""


@dataclass(frozen=True)
class Reviewing:
    """One reviewer's tab."""

    page: Page
    url: str

    def open(self, queue_id: str) -> Reviewing:
        """Go to a queue's desk by its address, and wait for a pair."""
        self.page.goto(f"{self.url}/review?queue={queue_id}")
        expect(self.page.locator(".desk .answer")).to_have_count(2)
        return self

    def press(self, *keys: str) -> Reviewing:
        """Press keys as fast as the browser takes them; no waiting between them."""
        for key in keys:
            self.page.keyboard.press(key)
        return self

    def write(self, text: str) -> Reviewing:
        self.page.keyboard.type(text)
        return self

    def wait_saved(self) -> Reviewing:
        expect(self.page.locator(".saved")).to_have_text("Saved")
        return self

    def wait_count(self, done: int, total: int) -> Reviewing:
        """Until that many pairs are judged and what is next is on the screen."""
        expect(self.page.locator(".count")).to_contain_text(f"{done} / {total}")
        expect(self.page.locator(".desk.leaving")).to_have_count(0)
        return self

    @property
    def question(self) -> str:
        return self.page.locator(".turn.user .text").inner_text()

    def answer(self, side: str) -> str:
        return self.page.locator(f".answer[data-side={side}] .text").inner_text()

    @property
    def draft(self) -> dict[str, Any]:
        """What is on the screen of the reviewer's own: outcome, marks by row, note, flag."""
        chosen = self.page.locator(".outcome[aria-checked=true]")
        return {
            "outcome": chosen.get_attribute("data-outcome") if chosen.count() else None,
            "marks": self.page.locator(".desk").evaluate(MARKS_IN_DOM_ORDER),
            "note": self.page.locator("textarea.note").input_value(),
            "flagged": self.page.get_by_role("button", name="Flag", exact=False).get_attribute("aria-pressed")
            == "true",
        }
