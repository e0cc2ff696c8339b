"""The first administrator: opens the printed invitation in a browser, sets a password, and reads the dashboard.

Usage: ``python container_browser.py LINK CHROMIUM``. Prints where the browser ended, and the text of that page.
"""

from __future__ import annotations

import sys

from playwright.sync_api import sync_playwright

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
PASSWORD = "three plain words here"


def main(link: str, chromium: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        page = browser.new_page()
        page.set_default_timeout(45_000)
        page.goto(link)
        page.get_by_label("Your name").fill("Rosa")
        for label in ("Choose a password", "The same again"):
            page.get_by_label(label).fill(PASSWORD)
        page.get_by_role("button", name="Begin").click()
        page.get_by_text("Signed in as").wait_for()
        print(page.url)
        print(page.locator("body").inner_text())
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
