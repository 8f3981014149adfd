"""What the benches ask of the people of population.py: pages, and segments to count."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.test import Client

Tree = dict[str, Any]
#: A name, a goal for the 95th percentile in milliseconds, and what is asked; the number
#: it gets is another one each time.
Case = tuple[str, int, Callable[[int], None]]
PAGE_MS = 200
COUNT_MS = 1000


def _all_of(*filters: dict[str, Any]) -> Tree:
    return {"logic": "AND", "groups": [{"filters": list(filters)}]}


#: One rule of each kind: metadata, a window, a count, an absence, engagement.
FIVE_RULES = _all_of(
    {"field": "data.plan", "operator": "equals", "value": "pro"},
    {
        "field": "event.login",
        "operator": "triggeredWithin",
        "value": 30,
        "unit": "days",
    },
    {"field": "event.page.viewed", "operator": "triggeredAtLeast", "count": 3},
    {"field": "event.plan.cancelled", "operator": "notTriggered"},
    {"field": "email.opened", "operator": "triggered"},
)


class Unanswered(Exception):
    """A page answered something else than 200."""


@dataclass
class Asker:
    """A member of the seeded project, and a bearer of its secret key."""

    client: Client
    key: str
    project_id: str
    #: Known rows, by an even stride through the table, the oldest first.
    emails: list[str]
    ids: list[str]
    cursors: list[str]

    @classmethod
    def enter(cls) -> Asker:
        """Log in, and look up what the questions name. Needs a seeded database."""
        from contacts.models import Contact
        from plunk.pages.paging import Cursor
        from plunk.projects.keys import create_key
        from plunk.projects.models import KeyKind, Project, User
        from tests.bench.seeding import OWNER

        project = Project.objects.get(members__email=OWNER)
        client = Client(HTTP_HOST="localhost")
        client.force_login(User.objects.get(email=OWNER))
        oldest = Contact.objects.filter(project=project).order_by("created_at", "id")
        known = list(oldest.values_list("id", "email", "created_at")[100:20_100:97])
        return cls(
            client=client,
            key=create_key(project=project, kind=KeyKind.SECRET).value,
            project_id=str(project.pk),
            emails=[email for _, email, _ in known],
            ids=[str(id_) for id_, _, _ in known],
            cursors=[str(Cursor(at, id_)) for id_, _, at in known],
        )

    def cases(self) -> Iterator[Case]:
        """Yield what is asked, pages first."""
        common = ("anna", "pigeon", "martin", "company1", ".example", "lee")
        yield "list, first page", PAGE_MS, lambda _: self._list()
        yield (
            "list, deep page",
            PAGE_MS,
            lambda n: self._list(cursor=self.cursors[n % len(self.cursors)]),
        )
        yield (
            "search, common fragment",
            PAGE_MS,
            lambda n: self._list(q=common[n % len(common)]),
        )
        yield (
            "search, rare fragment",
            PAGE_MS,
            lambda n: self._list(q=self._fragment(n)),
        )
        yield "search, nobody", PAGE_MS, lambda n: self._list(q=f"zzq{n}xx")
        yield (
            "contact page",
            PAGE_MS,
            lambda n: self._page(f"contacts/{self.ids[n % len(self.ids)]}/"),
        )

    def _fragment(self, number: int) -> str:
        """Return the middle of an address: the end of a name, and a number."""
        local = self.emails[number % len(self.emails)].partition("@")[0]
        return local[len(local.partition(".")[0]) + 2 :]

    def _list(self, **query: str) -> None:
        self._page(f"contacts/?{urlencode(query)}")

    def _page(self, path: str) -> None:
        response = self.client.get(f"/projects/{self.project_id}/{path}")
        if response.status_code != 200:
            raise Unanswered(f"{path}: {response.status_code}")
