from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from plunk.api.errors import ApiError
from plunk.projects.models import Project
from transactional.domains import add_domain, dns_records


class Command(BaseCommand):
    help = "Add a sending domain to a project and print its DNS records."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("project", type=UUID, help="The project's id.")
        parser.add_argument("domain", help="For example mail.example.com.")

    def handle(self, *args: Any, **options: Any) -> None:
        project = Project.objects.filter(pk=options["project"]).first()
        if project is None:
            raise CommandError(f"There is no project {options['project']}.")
        try:
            domain = add_domain(project=project, name=options["domain"])
        except ApiError as error:
            raise CommandError(error.message) from error
        for record in dns_records(domain):
            advice = "" if record.is_required else " (advice)"
            self.stdout.write(f"{record.type:5} {record.name} → {record.value}{advice}")
        self.stdout.write(
            "Publish these. They are looked for by themselves, or at once by: "
            f"manage.py check_domains {domain.name}"
        )
