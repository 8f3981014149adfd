from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import Tags, register

from plunk.projects.checks import check_secret


class ProjectsConfig(AppConfig):
    name = "plunk.projects"
    label = "projects"
    verbose_name = "Projects"

    def ready(self) -> None:
        register(check_secret, Tags.security)
