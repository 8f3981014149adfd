"""Plunk: transactional mail, campaigns and automations on your own Amazon SES."""

from __future__ import annotations

from plunk.celery import app as celery_app

__all__ = ["celery_app"]
