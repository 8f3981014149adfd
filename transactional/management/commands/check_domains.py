from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from transactional.domains import check_domain, check_due
from transactional.domains.identities import SesUnavailable
from transactional.models import Domain


class Command(BaseCommand):
    help = (
        "Ask SES and DNS about the domains whose time has come, or about those named, "
        "and say how each stands."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("domain", nargs="*", help="Check these now.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["domain"]:
            for name in options["domain"]:
                self._check_named(name)
            return
        while checked := check_due():
            for domain in checked:
                self._say(domain)

    def _check_named(self, name: str) -> None:
        rows = list(Domain.objects.filter(name=name.strip().lower()).order_by("pk"))
        if not rows:
            raise CommandError(f"No project has the domain {name}.")
        for row in rows:
            try:
                self._say(check_domain(domain=row))
            except SesUnavailable as error:
                raise CommandError(error.message) from error

    def _say(self, domain: Domain) -> None:
        state = "verified" if domain.verified_at else "not verified yet"
        if domain.verified_at and domain.failing_since:
            state = "verified, but its records are not what they should be"
        self.stdout.write(f"{domain.name}: {state}")
        for item in domain.records.get("items", []):
            if item["state"] != "ok":
                found = f", found {', '.join(item['found'])}" if item["found"] else ""
                self.stdout.write(
                    f"  {item['state']}: {item['type']} {item['host']}{found}"
                )
