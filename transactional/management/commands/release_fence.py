from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from transactional.fence import release_fence
from transactional.models import UNFINISHED, Email


class Command(BaseCommand):
    help = "Let a restored or copied database send mail from now on."

    def handle(self, *args: Any, **options: Any) -> None:
        waiting = Email.objects.filter(state__in=UNFINISHED)[:10_001].count()
        if release_fence():
            self.stdout.write(f"Released: {waiting} unfinished mails may go now.")
        else:
            self.stdout.write("Nothing was held by the fence.")
