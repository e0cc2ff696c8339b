"""Asks a deployment for one short answer through the gateway, to learn which weights answer now."""

from __future__ import annotations

from collections.abc import Callable

from fairtrial.config.layout import Layout
from fairtrial.domain.errors import Unavailable

SECONDS = 30.0
QUESTION = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 1, "temperature": 0}
DEPLOYMENT_HEADER = "x-fairtrial-deployment"


def gateway_probe(gateway_url: str | None, layout: Layout) -> Callable[[str], str | None] | None:
    """The probe of a running gateway; ``None`` if control knows no gateway."""
    if gateway_url is None:
        return None

    def probe(deployment: str) -> str | None:
        return _ask(gateway_url, deployment, _internal_key(layout))

    return probe


def _ask(gateway_url: str, deployment: str, key: str | None) -> str | None:
    import httpx  # slow to import, and only promotions ask

    headers = {DEPLOYMENT_HEADER: deployment} | ({"authorization": f"Bearer {key}"} if key else {})
    try:
        answer = httpx.post(
            f"{gateway_url}/v1/chat/completions",
            json={"model": deployment} | QUESTION,
            headers=headers,
            timeout=SECONDS,
            trust_env=False,
        )
    except httpx.HTTPError as error:
        raise Unavailable(f"the gateway did not answer ({type(error).__name__})") from error
    if not answer.is_success:
        raise Unavailable(f"status {answer.status_code}")
    found = answer.json().get("system_fingerprint")
    return found if isinstance(found, str) and found else None


def _internal_key(layout: Layout) -> str | None:
    try:
        return layout.internal_key.read_text(encoding="utf-8").strip() or None
    except OSError:
        return None
