"""The API as whoever sets up a scenario asks it: patiently, for it may be down."""

from __future__ import annotations

import json
import time
import urllib.request
from typing import Any

from tests.faults.plant import Plant

_PATIENCE_SECONDS = 60.0


def ask(plant: Plant, method: str, path: str, body: object = None) -> Any:
    """Ask the current generation of the API; return its answer.

    Raises HTTPError where the answer is a refusal, and what was wrong after a minute
    without any answer.
    """
    request = urllib.request.Request(
        f"{plant.url}/api{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": f"Bearer {plant.it.secret_key}",
            "Content-Type": "application/json",
        },
    )
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                return json.load(response)
        except OSError as error:
            refused = getattr(error, "code", 503)
            if refused < 500 or time.monotonic() > deadline:
                raise
            time.sleep(0.5)
