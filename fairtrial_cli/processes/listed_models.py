"""Asks a deployment's server for its list of models, for the date on which the provider turns a model off."""

from __future__ import annotations

import os
from typing import Any

from fairtrial.config.file.environment import interpolate
from fairtrial.domain.plan import Deployment

SECONDS = 5.0
FIELDS = ("shutdown_date", "deprecation_date")


def listed_date(deployment: Deployment) -> str | None:
    """The date that ``/v1/models/MODEL`` of the deployment's server states, or ``None``."""
    import httpx

    if not deployment.base_url:
        return None
    key, _ = interpolate(deployment.api_key, os.environ)
    headers = {"authorization": f"Bearer {key}"} if key else {}
    try:
        with httpx.Client(timeout=SECONDS, trust_env=False, headers=headers) as client:
            answer = client.get(f"{deployment.base_url.rstrip('/')}/models/{deployment.model}")
            found: Any = answer.json() if answer.is_success else {}
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        return None
    stated = [found.get(name) for name in FIELDS] if isinstance(found, dict) else []
    return next((value[:10] for value in stated if isinstance(value, str)), None)
