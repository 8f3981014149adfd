from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from transactional.domains import check_unverified


class Command(BaseCommand):
    help = "Ask SES about every domain that is not verified yet."

    def handle(self, *args: Any, **options: Any) -> None:
        for name, is_verified in check_unverified().items():
            state = "verified" if is_verified else "not verified yet"
            self.stdout.write(f"{name}: {state}")
