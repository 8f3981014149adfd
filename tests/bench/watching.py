"""Ask for the pages of one running campaign, within this process.

Run as `python -m tests.bench.watching CAMPAIGN ROUNDS` with the installation's
environment; prints one line of JSON. Requests go through Django's test client.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlencode

import django

_GOAL_MS = 200


@dataclass
class Watcher:
    """A member of the campaign's project, and a bearer of its secret key."""

    client: Any
    key: str
    project_id: str
    campaign_id: str
    #: Addresses by an even stride through the campaign's mails, and places in its list.
    emails: list[str]
    cursors: list[str]

    @classmethod
    def enter(cls, campaign_id: str) -> Watcher:
        """Log in, and look up what the questions name."""
        from django.test import Client

        from campaigns.models import Campaign
        from campaigns.pages.recipients import _cursor
        from plunk.projects.keys import create_key
        from plunk.projects.models import KeyKind
        from transactional.models import Email

        campaign = Campaign.objects.select_related("project").get(pk=campaign_id)
        client = Client(HTTP_HOST="localhost")
        client.force_login(campaign.project.members.get())
        mails = Email.objects.filter(origin_id=campaign.pk, state="QUEUED")
        deep = mails.order_by("pk")[200_000:200_500:5] or mails.order_by("pk")[:100]
        known = list(deep)
        return cls(
            client=client,
            key=create_key(project=campaign.project, kind=KeyKind.SECRET).value,
            project_id=str(campaign.project_id),
            campaign_id=campaign_id,
            emails=[mail.to_email for mail in known],
            cursors=[_cursor(mail) for mail in known],
        )

    def pages(self) -> dict[str, Callable[[int], None]]:
        """Return what is asked, by name."""
        one, api = (
            f"campaigns/{self.campaign_id}/",
            f"/api/campaigns/{self.campaign_id}",
        )
        many = len(self.emails)

        def recipients(**query: str) -> None:
            self._page(f"{one}recipients/?{urlencode(query)}")

        return {
            "progress fragment": lambda _: self._page(
                f"{one}progress/", HTTP_HX_REQUEST="true"
            ),
            "campaign page": lambda _: self._page(one),
            "list of campaigns": lambda _: self._page("campaigns/"),
            "recipients, first page": lambda _: recipients(),
            "recipients, deep page": lambda n: recipients(
                cursor=self.cursors[n % len(self.cursors)]
            ),
            "recipients, opened": lambda _: recipients(status="opened"),
            "recipients, not opened": lambda _: recipients(status="notOpened"),
            "recipients, bounced": lambda _: recipients(status="bounced"),
            "recipients, waiting": lambda _: recipients(status="waiting"),
            "recipients, an address": lambda n: recipients(q=self.emails[n % many]),
            "recipients, a piece of some": lambda n: recipients(q=f"reader{n % 90}77"),
            "recipients, a piece of all": lambda _: recipients(q="reader"),
            "recipients, nobody": lambda n: recipients(q=f"zzq{n}xx"),
            "why": lambda n: self._page(
                f"{one}why/?{urlencode({'q': self.emails[n % many]})}"
            ),
            "links": lambda _: self._page(f"{one}links/"),
            "history": lambda _: self._page(f"{one}history/"),
            "API GET": lambda _: self._api(api),
            "API list": lambda _: self._api("/api/campaigns?limit=20"),
            "API stats": lambda _: self._api(f"{api}/stats"),
            "API recipients": lambda _: self._api(f"{api}/recipients?limit=100"),
        }

    def _page(self, path: str, **headers: str) -> None:
        self._get(f"/projects/{self.project_id}/{path}", **headers)

    def _api(self, path: str) -> None:
        self._get(path, HTTP_AUTHORIZATION=f"Bearer {self.key}")

    def _get(self, path: str, **headers: Any) -> None:
        from tests.bench.questions import Unanswered

        response = self.client.get(path, **headers)
        if response.status_code != 200:
            raise Unanswered(f"{path}: {response.status_code}")


def main(campaign_id: str, rounds: int) -> None:
    """Measure every page and print what it came to."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "plunk.settings")
    django.setup()
    from tests.bench.asking import asked

    watcher = Watcher.enter(campaign_id)
    found = [
        asdict(asked(name, _GOAL_MS, ask, rounds))
        for name, ask in watcher.pages().items()
    ]
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
