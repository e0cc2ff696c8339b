"""Marks the fields of the plan that earlier workers lack, and those that no worker reads."""

from __future__ import annotations

ADDED_LATER = {"added_later": True}
"""Metadata of a field that the first release lacks; its default value is left out of the plan and its hash."""

CONTROL_ONLY = {"control_only": True}
"""Metadata of a field that no worker reads; it is neither in the published file nor in the plan's hash."""
