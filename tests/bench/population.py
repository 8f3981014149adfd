"""A project's people and what they did, drawn from a seed: the same rows every time.

Rows are tuples of what both databases read: ids as 32 hexadecimal digits (UUIDv7 in the
order of time), moments as `2026-11-22 18:00:00.000000` (UTC), data as JSON. Nobody here
exists, and every address ends in `.example` (RFC 2606).
"""

from __future__ import annotations

from array import array
from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from random import Random
from typing import Any

Row = tuple[Any, ...]

#: How long the project has existed, and how its growth bends: 1 is a straight line.
YEARS = 3
_SPAN = YEARS * 365 * 86_400.0
_CONTACT_GROWTH = 0.8
_EVENT_GROWTH = 0.7
CAMPAIGNS = 20

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - UTC without saying so, as SQLite keeps it
_FIRST_NAMES = (
    "ada alan amara anna aria ben carla chen clara dario diego elena emil emma fatima"
    " felix finn grace hana hugo ida igor ines ivan jack jana jin jonas julia kai lars"
    " leila leo lena lin lucia mara marco mateo maya mei mila mina nadia nils nina noah"
    " nora olga omar oscar otto paula petra rafael rita rosa sam sara selma sofia sven"
    " tara theo tim tomas uma vera viktor wen yara yusuf zoe"
).split()
_LAST_NAMES = (
    "adams almeida bauer becker berg bianchi brown carter castro chen cohen costa diaz"
    " dubois ekstrom evans fischer flores fontaine garcia gruber haas hansen ito ivanov"
    " jansen johnson kaya keller khan kim klein kowalski kumar larsen lee lopez martin"
    " meyer moreau murphy nagy nakamura nguyen nielsen novak okafor olsen park patel"
    " petrov popov ramos reyes ricci rossi sato schmidt silva singh smith suzuki tanaka"
    " thomas vargas weber wilson wong yilmaz zhang"
).split()
_COUNTRIES = (
    "US DE GB FR BR IN ES IT NL CA AU JP PL SE MX CH AT BE PT DK NO FI IE CZ KR TR AR"
    " CL CO ZA NG KE EG IL GR HU RO UA NZ SG"
).split()
_PLANS = ("free", "pro", "team", "enterprise")
_PLAN_WEIGHTS = (70, 22, 6, 2)
_TAGS = "vip beta trial lead partner student press churned webinar referral".split()
_EVENTS = (
    "page.viewed app.opened login search item.viewed cart.added signup purchase"
    " video.played file.uploaded invite.sent comment.posted report.exported"
    " profile.updated checkout.started trial.started trial.ended plan.upgraded"
    " plan.downgraded plan.cancelled payment.failed refund.requested support.asked"
    " survey.answered webinar.joined"
).split()
EVENTS = [*_EVENTS, *(f"feature.{number}.used" for number in range(1, 26))]


@dataclass(frozen=True, slots=True)
class Size:
    contacts: int
    events: int
    mails: int


def _cumulative(weights: Sequence[float]) -> list[float]:
    total = sum(weights)
    return [value / total for value in accumulate(weights)]


def _zipf(count: int, exponent: float = 1.0) -> list[float]:
    """Return cumulative shares that fall as 1/rank."""
    return _cumulative([1 / rank**exponent for rank in range(1, count + 1)])


_EVENT_SHARES = _zipf(len(EVENTS))
_COUNTRY_SHARES = _zipf(len(_COUNTRIES))
_DOMAINS = [
    *("post", "mail", "inbox", "letters", "web", "pigeon", "paper", "work"),
    *(f"company{number}" for number in range(1, 400)),
]
_DOMAIN_SHARES = _zipf(len(_DOMAINS), 1.1)
_PLAN_SHARES = _cumulative(_PLAN_WEIGHTS)


class Population:
    """Rows of every table, drawn one table after the other."""

    def __init__(
        self, size: Size, *, project_id: str, seed: int, until: datetime
    ) -> None:
        self.size = size
        self.project_id = project_id
        self.seed = seed
        self._begins = (until - _EPOCH).total_seconds() - _SPAN
        #: Per contact: when it was made, and the random half of its id.
        self._times = array("d")
        self._tails = array("Q")
        self._draw_contacts()
        self.event_ids = [
            self._id(self._begins, Random(f"{seed}{it}")) for it in EVENTS
        ]
        self.campaign_ids = [
            self._id(self._begins, Random(f"{seed} campaign {number}"))
            for number in range(CAMPAIGNS)
        ]

    def _draw_contacts(self) -> None:
        random = Random(f"{self.seed} ids")
        count = self.size.contacts
        for number in range(count):
            at = (number + random.random()) / count
            self._times.append(self._begins + _SPAN * at**_CONTACT_GROWTH)
            self._tails.append(random.getrandbits(60))

    def contact_id(self, number: int) -> str:
        """Return the id of the contact of that number, in the order of time."""
        milliseconds = int(self._times[number] * 1000)
        return f"{milliseconds:012x}70008{self._tails[number]:015x}"

    @staticmethod
    def email(number: int) -> str:
        """Return an address; names repeat, the number at their end does not."""
        first = _FIRST_NAMES[number * 7919 % len(_FIRST_NAMES)]
        last = _LAST_NAMES[number * 104_729 % len(_LAST_NAMES)]
        share = (number * 2_654_435_761 % 2**32) / 2**32
        domain = _DOMAINS[bisect(_DOMAIN_SHARES, share)]
        return f"{first}.{last}{number}@{domain}.example"

    def contacts(self) -> Iterator[Row]:
        """Yield id, project, address, subscribed, source, confirmed, data, times."""
        random = Random(f"{self.seed} contacts")
        for number in range(self.size.contacts):
            made = self._times[number]
            at = _moment(made)
            changed = _moment(made + random.random() ** 2 * (self._ends - made))
            source = ("TRACK", "API", "IMPORT", "PAGE")[int(random.random() ** 2 * 4)]
            yield (
                self.contact_id(number),
                self.project_id,
                self.email(number),
                random.random() < 0.86,
                source,
                at,
                at if random.random() < 0.3 else None,
                _profile(random, number, made) if random.random() < 0.97 else None,
                at,
                changed,
            )

    @property
    def _ends(self) -> float:
        return self._begins + _SPAN

    def events(self) -> Iterator[Row]:
        """Yield id, project, name, times."""
        at = _moment(self._begins)
        for event_id, name in zip(self.event_ids, EVENTS, strict=True):
            yield event_id, self.project_id, name, at, at

    def occurrences(self) -> Iterator[Row]:
        """Yield id, project, event, contact, data, time; the oldest first.

        A third happens to one contact in twenty, the rest rather to newer ones.
        """
        random = Random(f"{self.seed} occurrences")
        draw, bits = random.random, random.getrandbits
        count, known = self.size.events, 1
        for number in range(count):
            at = self._begins + _SPAN * ((number + 1) / (count + 1)) ** _EVENT_GROWTH
            while known < self.size.contacts and self._times[known] <= at:
                known += 1
            if draw() < 0.33:
                who = int(draw() * known) // 20 * 20
            else:
                who = known - 1 - int(draw() ** 1.3 * known)
            what = bisect(_EVENT_SHARES, draw())
            yield (
                f"{int(at * 1000):012x}70008{bits(60):015x}",
                self.project_id,
                self.event_ids[what],
                self.contact_id(who),
                _circumstances(what, draw()),
                _moment(at),
            )

    def contents(self) -> Iterator[Row]:
        """Yield id, project, subject, body, attachments: one for each campaign."""
        for number, content_id in enumerate(self.campaign_ids):
            subject = f"News of month {number + 1}"
            body = f"<p>Hello {{{{firstName}}}}, this is number {number + 1}.</p>" * 30
            yield content_id, self.project_id, subject, body, False

    def mails(self) -> Iterator[Row]:
        """Yield campaigns' mails, each campaign to other contacts, the oldest first.

        Contacts of a campaign are those of every n-th number, and none that was made
        after it: each gets it once.
        """
        random = Random(f"{self.seed} mails")
        per_campaign = self.size.mails // CAMPAIGNS
        for campaign in range(CAMPAIGNS):
            at = self._begins + _SPAN * (campaign + 1) / (CAMPAIGNS + 1)
            known = max(1, bisect(self._times, at))
            step = max(1, known // max(1, per_campaign))
            chosen = range(campaign % step, known, step)[:per_campaign]
            for place, number in enumerate(chosen):
                yield self._mail(random, campaign, number, at + place / 200)

    def _mail(self, random: Random, campaign: int, number: int, at: float) -> Row:
        is_bounced = random.random() < 0.01
        is_opened = not is_bounced and random.random() < 0.35
        is_clicked = is_opened and random.random() < 0.2
        opened = at + 60 + random.random() ** 4 * 5 * 86_400
        tail = random.getrandbits(60)
        origin = self.campaign_ids[campaign]
        return (
            f"{int(at * 1000):012x}70008{tail:015x}",
            *(self.project_id, self.contact_id(number), origin, "MARKETING"),
            *("CAMPAIGN", origin, self.email(number), "news@example.com", "Acme"),
            "BOUNCED" if is_bounced else "DELIVERED",
            *(10, _moment(at), 1, f"{tail:015x}-{campaign}"),
            *(_moment(at), _moment(at)),
            None if is_bounced else _moment(at + 2),
            _moment(at + 2) if is_bounced else None,
            _moment(opened) if is_opened else None,
            _moment(opened + 40) if is_clicked else None,
            *(int(is_opened), int(is_clicked)),
        )

    def topics(self) -> Iterator[Row]:
        """Yield id, project, name, description, opt-out, position, time."""
        at = _moment(self._begins)
        names = ("Product news", "Offers", "Events", "Weekly digest")
        for position, name in enumerate(names):
            topic_id = self._id(self._begins, Random(f"{self.seed}{name}"))
            yield topic_id, self.project_id, name, "", position < 3, position, at

    def topic_choices(self) -> Iterator[Row]:
        """Yield topic, contact, joined, time: one for every tenth contact."""
        topics = [row[0] for row in self.topics()]
        for number in range(0, self.size.contacts, 10):
            place = number // 10 % len(topics)
            at = _moment(self._times[number] + 3600)
            yield topics[place], self.contact_id(number), place == 3, at

    def consent_changes(self) -> Iterator[Row]:
        """Yield id, project, contact, kind, door, reason, text, time: one for each."""
        random = Random(f"{self.seed} ledger")
        for number in range(self.size.contacts):
            at = self._times[number]
            yield (
                self._id(at, random),
                *(self.project_id, self.contact_id(number), "SUBSCRIBED", "TRACK"),
                *("", "", _moment(at)),
            )

    def suppressions(self) -> Iterator[Row]:
        """Yield id, project, address, reason, source, time: one in a hundred."""
        random = Random(f"{self.seed} suppressions")
        for number in range(50, self.size.contacts, 100):
            at = self._times[number] + 86_400
            reason = "COMPLAINT" if random.random() < 0.1 else "BOUNCE"
            yield (
                self._id(at, random),
                *(self.project_id, self.email(number), reason, "seed", _moment(at)),
            )

    def memberships(self, segment_id: str) -> Iterator[Row]:
        """Yield id, segment, contact, time: every twentieth contact is in it."""
        random = Random(f"{self.seed} memberships")
        for number in range(7, self.size.contacts, 20):
            at = self._times[number] + 60
            yield (
                self._id(at, random),
                *(segment_id, self.contact_id(number), _moment(at)),
            )

    @staticmethod
    def _id(at: float, random: Random) -> str:
        return f"{int(at * 1000):012x}70008{random.getrandbits(60):015x}"


def _moment(seconds: float) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).isoformat(" ", "microseconds")


def _profile(random: Random, number: int, made: float) -> str:
    """Write a contact's data: every type, and keys that not everybody has."""
    draw = random.random
    plan = _PLANS[bisect(_PLAN_SHARES, draw())]
    country = _COUNTRIES[bisect(_COUNTRY_SHARES, draw())]
    first = _FIRST_NAMES[number * 7919 % len(_FIRST_NAMES)].title()
    parts = [f'"firstName": "{first}"']
    if draw() < 0.95:
        parts.append(f'"plan": "{plan}"')
    if draw() < 0.9:
        parts.append(f'"country": "{country}"')
    if draw() < 0.8:
        score = f"{draw() * 1000:.2f}" if draw() < 0.2 else f"{int(draw() * 1000)}"
        parts.append(f'"score": {score}' if draw() < 0.97 else '"score": "unknown"')
    if draw() < 0.6:
        tags = dict.fromkeys(_TAGS[int(draw() ** 2 * 10)] for _ in range(3))
        parts.append(f'"tags": [{", ".join(map(_quoted, tags))}]')
    if draw() < 0.85:
        parts.append(f'"signedUpAt": "{_moment(made)[:10]}"')
    if draw() < 0.3:
        parts.append(f'"company": {{"name": "Company {number % 997}", "seats": 5}}')
    if draw() < 0.5:
        parts.append(f'"newsletter": {"true" if draw() < 0.7 else "false"}')
    if draw() < 0.05:
        parts.append('"referrer": null')
    return f"{{{', '.join(parts)}}}"


def _quoted(text: str) -> str:
    return f'"{text}"'


def _circumstances(what: int, share: float) -> str | None:
    """Write what came along with an event; most come with nothing."""
    name = EVENTS[what]
    if name == "purchase":
        return f'{{"amount": {share * 300:.2f}, "currency": "EUR"}}'
    if name == "page.viewed":
        return f'{{"path": "/articles/{int(share * 400)}"}}'
    return None
