"""Writes the report as a comment on the pull request, or over the comment of an earlier run; action.yml runs it.

It exits with 0 whether GitHub accepts the comment or not, because the verdict alone decides about the job.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import httpx

LONGEST = 65_000
"""Characters of a comment; GitHub accepts 65,536."""
PAGE = 100
"""Comments of one answer, the most that GitHub gives."""
TIMEOUT_S = 30


def main() -> None:
    """Write the comment, or say in one sentence why there is none."""
    marker = f"<!-- fairtrial: {os.environ['GATE_NAME']} -->"
    body = f"{marker}\n{Path(os.environ['GATE_REPORT']).read_text(encoding='utf-8')}"[:LONGEST]
    issues = f"{os.environ['GITHUB_API_URL']}/repos/{os.environ['GITHUB_REPOSITORY']}/issues"
    comments = f"{issues}/{os.environ['GATE_PULL_REQUEST']}/comments"
    headers = {"Authorization": f"Bearer {os.environ['GITHUB_TOKEN']}", "Accept": "application/vnd.github+json"}
    try:
        with httpx.Client(headers=headers, timeout=TIMEOUT_S) as client:
            earlier = next((comment for comment in _all(client, comments) if _is_ours(comment, marker)), None)
            if earlier is None:
                client.post(comments, json={"body": body}).raise_for_status()
            else:
                client.patch(f"{issues}/comments/{earlier['id']}", json={"body": body}).raise_for_status()
    except httpx.HTTPError as error:
        print(f"::notice title=fairtrial::There is no new comment, {_why(error)}. The report is in the job's summary.")


def _all(client: httpx.Client, comments: str) -> Iterator[dict[str, Any]]:
    for number in count(1):
        page = client.get(comments, params={"per_page": PAGE, "page": number}).raise_for_status().json()
        yield from page
        if len(page) < PAGE:
            return


def _is_ours(comment: dict[str, Any], marker: str) -> bool:
    """Whether an earlier run wrote it. A person could write the marker too, and change the comment later."""
    return comment["user"]["type"] == "Bot" and str(comment["body"]).startswith(marker)


def _why(error: httpx.HTTPError) -> str:
    if os.environ["GATE_FORK"] == "true":
        return "because a pull request from a fork has no right to write one"
    if isinstance(error, httpx.HTTPStatusError):
        status = error.response.status_code
        return f"because GitHub refused it (HTTP {status}); the job needs the permission pull-requests: write"
    return f"because GitHub did not answer ({type(error).__name__})"


if __name__ == "__main__":
    main()
