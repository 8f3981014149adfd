"""What the benches ask of the people of population.py: pages, and segments to count."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.test import Client

Tree = dict[str, Any]
#: A name, a goal for the 95th percentile in milliseconds, and what is asked; the number
#: it gets is another one each time.
Case = tuple[str, int, Callable[[int], None]]
PAGE_MS = 200
COUNT_MS = 1000


def _all_of(*filters: dict[str, Any]) -> Tree:
    return {"logic": "AND", "groups": [{"filters": list(filters)}]}


def _rule(field: str, operator: str, **values: Any) -> dict[str, Any]:
    return {"field": field, "operator": operator, **values}


_IS_PRO = _rule("data.plan", "equals", value="pro")
_LOGGED_IN = _rule("event.login", "triggeredWithin", value=30, unit="days")
_LOOKS_AROUND = _rule("event.page.viewed", "triggeredAtLeast", count=3)
_NEVER_LEFT = _rule("event.plan.cancelled", "notTriggered")
_OPENS = _rule("email.opened", "triggered")
#: One rule of each kind: metadata, a window, a count, an absence, engagement.
_FIVE = (_IS_PRO, _LOGGED_IN, _LOOKS_AROUND, _NEVER_LEFT, _OPENS)
FIVE_RULES = _all_of(*_FIVE)
#: What is counted, from one rule to five, joined in every way; the last ones ask about
#: what nearly everybody did.
SEGMENTS: dict[str, Tree] = {
    "metadata equals": _all_of(_IS_PRO),
    "metadata, a list holds": _all_of(_rule("data.tags", "contains", value="press")),
    "event within 30 days": _all_of(_LOGGED_IN),
    "event 3 times": _all_of(_LOOKS_AROUND),
    "event never": _all_of(_NEVER_LEFT),
    "mail opened": _all_of(_OPENS),
    "five rules, all": FIVE_RULES,
    "five rules, any": {
        "logic": "OR",
        "groups": [{"filters": [filter_]} for filter_ in _FIVE],
    },
    "five rules, nested": {
        "logic": "AND",
        "groups": [
            {"filters": [_NEVER_LEFT, _IS_PRO]},
            {
                "filters": [_OPENS],
                "conditions": {
                    "logic": "OR",
                    "groups": [{"filters": [_LOGGED_IN]}, {"filters": [_LOOKS_AROUND]}],
                },
            },
        ],
    },
    "five rules, common": _all_of(
        _rule("data.country", "equals", value="US"),
        _rule("event.app.opened", "triggeredWithin", value=365, unit="days"),
        _rule("event.page.viewed", "triggeredAtLeast", count=2, value=365, unit="days"),
        _rule("event.login", "notTriggeredWithin", value=90, unit="days"),
        _rule("email.delivered", "triggered"),
    ),
    "five rules, absences": _all_of(
        _rule("data.plan", "notEquals", value="free"),
        _rule("event.page.viewed", "notTriggeredWithin", value=180, unit="days"),
        _rule("event.app.opened", "triggeredLessThan", count=5),
        _rule("event.purchase", "notTriggered"),
        _rule("email.clicked", "notTriggered"),
    ),
}


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
    api_cursors: list[str]

    @classmethod
    def enter(cls) -> Asker:
        """Log in, and look up what the questions name. Needs a seeded database."""
        from contacts.models import Contact
        from plunk.api.lists import List
        from plunk.pages.paging import Cursor
        from plunk.projects.keys import create_key
        from plunk.projects.models import KeyKind, Project, User
        from tests.bench.seeding import OWNER

        project = Project.objects.get(members__email=OWNER)
        client = Client(HTTP_HOST="localhost")
        client.force_login(User.objects.get(email=OWNER))
        oldest = Contact.objects.filter(project=project).order_by("created_at", "id")
        known = list(oldest.only("id", "email", "created_at")[100:20_100:97])
        listed = List("contacts", project.pk, {"createdAt": "created_at"})
        newest_first = listed.order({})
        return cls(
            client=client,
            key=create_key(project=project, kind=KeyKind.SECRET).value,
            project_id=str(project.pk),
            emails=[row.email for row in known],
            ids=[str(row.pk) for row in known],
            cursors=[str(Cursor(row.created_at, row.pk)) for row in known],
            api_cursors=[listed.cursor_at(row, newest_first) for row in known],
        )

    def cases(self) -> Iterator[Case]:
        """Yield what is asked, pages first."""
        for name, ask in self._pages().items():
            yield name, PAGE_MS, ask
        for name, tree in SEGMENTS.items():
            yield name, COUNT_MS, partial(self._count, tree)

    def _pages(self) -> dict[str, Callable[[int], None]]:
        common = ("anna", "pigeon", "martin", "company1", ".example", "lee")
        known = len(self.ids)
        return {
            "list, first page": lambda _: self._list(),
            "list, deep page": lambda n: self._list(cursor=self.cursors[n % known]),
            "search, common fragment": lambda n: self._list(q=common[n % len(common)]),
            "search, rare fragment": lambda n: self._list(q=self._fragment(n)),
            "search, nobody": lambda n: self._list(q=f"zzq{n}xx"),
            "search, two letters": lambda n: self._list(q=common[n % len(common)][:2]),
            "list by address": lambda _: self._list(sort="address"),
            "filter, subscribed and a key": lambda n: self._filtered(
                "plan", ("pro", "enterprise")[n % 2]
            ),
            "filter, a rare value": lambda n: self._filtered(
                "company.name", f"Company {n}"
            ),
            "filter, nobody": lambda n: self._filtered("plan", f"none {n}"),
            "contact page": lambda n: self._page(f"contacts/{self.ids[n % known]}/"),
            "API, first page": lambda _: self._api(limit="100"),
            "API, deep page": lambda n: self._api(
                limit="100", cursor=self.api_cursors[n % known]
            ),
            "API, search": lambda n: self._api(search=self._fragment(n)),
        }

    def _fragment(self, number: int) -> str:
        """Return the middle of an address: the end of a name, and a number."""
        local = self.emails[number % len(self.emails)].partition("@")[0]
        return local[len(local.partition(".")[0]) + 2 :]

    def _list(self, **query: str) -> None:
        self._page(f"contacts/?{urlencode(query)}")

    def _filtered(self, key: str, value: str) -> None:
        self._list(state="subscribed", key=key, value=value)

    def _count(self, tree: Tree, _: int) -> None:
        from contacts.segments.counting import count
        from contacts.segments.tree import parse

        count(UUID(self.project_id), parse(tree))

    def _page(self, path: str) -> None:
        self._get(f"/projects/{self.project_id}/{path}")

    def _api(self, **query: str) -> None:
        bearer = {"HTTP_AUTHORIZATION": f"Bearer {self.key}"}
        self._get(f"/api/contacts?{urlencode(query)}", **bearer)

    def _get(self, path: str, **headers: Any) -> None:
        response = self.client.get(path, **headers)
        if response.status_code != 200:
            raise Unanswered(f"{path}: {response.status_code}")
