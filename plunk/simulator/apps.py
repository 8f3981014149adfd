from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.conf import settings

from plunk.erasing import addresses_erased
from plunk.lifecycle import starting


class SimulatorConfig(AppConfig):
    name = "plunk.simulator"
    label = "simulator"
    verbose_name = "SES simulator"

    def ready(self) -> None:
        if settings.USES_SIMULATOR:
            starting.connect(_prepare, dispatch_uid="simulator")
            addresses_erased.connect(_forget, dispatch_uid="simulator")


def _forget(**erased: Any) -> None:
    from plunk.simulator.forgetting import forget

    forget(**erased)


def _prepare(**_: Any) -> None:
    """Make the certificate before anything receives what it vouches for."""
    # Models cannot be imported before the apps are loaded.
    from plunk.simulator.certificates import ensure_certificate
    from plunk.simulator.feedback import reclaim

    ensure_certificate()
    reclaim()
