"""What may differ between two Cores: `masks.json` beside this file, where each field stands with its reason."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from .differences import Masks

_FILE: dict[str, Any] = json.loads(resources.files(__package__).joinpath("masks.json").read_text("utf-8"))


def _masks(*sections: str) -> Masks:
    found: list[dict[str, dict[str, str]]] = [_FILE[section] for section in sections]
    reasons = {path: reason for each in found for path, reason in each.get("may_differ", {}).items()}
    unordered = {path: reason for each in found for path, reason in each.get("unordered", {}).items()}
    return Masks(reasons, unordered)


ACTIVATIONS = _masks("activations")
ACTIVATIONS_OF_LOCAL_ACTIVITIES = _masks("activations", "activations_of_local_activities")
REQUESTS = _masks("requests")
LOCAL_ACTIVITY_MARKERS = _masks("local_activity_markers")
