from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from automations.pages import canvas

_ONE = "workflows/<uuid:workflow_id>/"

urlpatterns: list[URLPattern | URLResolver] = [
    path(_ONE, canvas.workflow_canvas, name="workflow"),
    path(f"{_ONE}save/", canvas.workflow_save, name="workflow_save"),
    path(f"{_ONE}publish/", canvas.workflow_publish, name="workflow_publish"),
    path(f"{_ONE}enable/", canvas.workflow_enable, name="workflow_enable"),
    path(f"{_ONE}disable/", canvas.workflow_disable, name="workflow_disable"),
    path(f"{_ONE}counts/", canvas.workflow_counts, name="workflow_counts"),
]
