"""The doors of `manage.py simulator`, which serves nothing else."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("simulator", include("plunk.simulator.urls"))
]
