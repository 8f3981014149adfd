"""`python -m tests.faults.crowd`: everybody writes one new contact at the same moment.

A real gunicorn on PostgreSQL gets 200 first events of one address, in as many spellings
of upper and lower case as there are, and beside them the same address by the other
doors: created through both generations of the API, mailed, and in files to import. Then
there must be one contact, every event, every mail, and no answer that is an error.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from threading import Barrier, Lock, Thread
from typing import Any

from tests.stack.installation import SENDER, Installation, installation
from tests.stack.processes import (
    Ports,
    clean_up_when_told_to_stop,
    is_answered,
    wait_until,
)

_TRACKS = 200
_CREATES = 20
_SENDS = 5
_IMPORTS = 3
_TIMEOUT_SECONDS = 60
_BOUNDARY = "crowd"
_COUNTS = """
SELECT
  (SELECT count(*) FROM contacts_contact WHERE lower(email) = %s),
  (SELECT count(*) FROM automations_occurrence AS o
     JOIN contacts_contact AS c ON c.id = o.contact_id WHERE c.email = %s),
  (SELECT count(*) FROM transactional_email AS e
     JOIN contacts_contact AS c ON c.id = e.contact_id WHERE c.email = %s),
  (SELECT count(*) FROM contacts_job WHERE state <> 'COMPLETED')
"""


@dataclass(frozen=True, slots=True)
class Call:
    """A request, and the answers that are right."""

    path: str
    body: bytes
    right: tuple[int, ...]
    content_type: str = "application/json"

    @classmethod
    def of(cls, path: str, body: dict[str, Any], *right: int) -> Call:
        return cls(path, json.dumps(body).encode(), right)


@dataclass
class Answers:
    """What came back, by path and status."""

    counts: Counter[tuple[str, int]] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def add(self, call: Call, status: int, text: str) -> None:
        with self._lock:
            self.counts[call.path, status] += 1
            if status not in call.right:
                self.wrong.append(f"{call.path}: {status} {text[:300]}")


def main() -> int:
    """Run so many rounds, each about another address; 0 if all of them were right."""
    clean_up_when_told_to_stop()
    parser = argparse.ArgumentParser(prog="python -m tests.faults.crowd")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args()
    settings = {"API_RATE_LIMIT_PER_MINUTE": 100_000_000, "WEB_CONCURRENCY": 2}
    ports = Ports(given.port)
    with installation("faults", ports=ports, environ=settings) as it:
        web, url = it.start_web()
        it.start_worker("worker", children=2)
        it.start_beat()
        wait_until(lambda: is_answered(f"{url}/health"), seconds=60, session=web)
        reports = [_round(it, url, number) for number in range(given.rounds)]
    for report in reports:
        print(json.dumps(report), flush=True)
    return 0 if all(report["passed"] for report in reports) else 1


def _round(it: Installation, url: str, number: int) -> dict[str, Any]:
    address = f"somebody.new{number}@example.org"
    calls = list(_calls(address, Random(number)))
    began = time.monotonic()
    answers = _all_at_once(calls, lambda call: _ask(url, it.secret_key, call))
    seconds = time.monotonic() - began
    contacts, events, mails, unfinished = _settled(it, address)
    expected = (1, _TRACKS, _SENDS, 0)
    for wrong in answers.wrong[:10]:
        print(wrong, file=sys.stderr)
    return {
        "round": number,
        "passed": (contacts, events, mails, unfinished) == expected
        and not answers.wrong,
        "contacts": contacts,
        "events": events,
        "mails": mails,
        "imports_unfinished": unfinished,
        "wrong_answers": len(answers.wrong),
        "answers": {
            f"{path} {status}": count
            for (path, status), count in sorted(answers.counts.items())
        },
        "seconds": round(seconds, 1),
    }


def _calls(address: str, random: Random) -> Iterator[Call]:
    def spelled() -> str:
        letters = (random.choice((str.upper, str.lower))(it) for it in address)
        return "".join(letters)

    calls = [
        Call.of("/v1/track", {"email": spelled(), "event": f"event-{n % 7}"}, 200)
        for n in range(_TRACKS)
    ]
    calls += [
        Call.of("/api/contacts", {"email": spelled(), "data": {"n": n}}, 200, 201)
        for n in range(_CREATES)
    ]
    # The older generation refuses what exists.
    calls += [
        Call.of("/v1/contacts", {"email": spelled(), "subscribed": True}, 200, 201, 409)
        for n in range(_CREATES)
    ]
    mail = {"subject": "Hello", "body": "Hello", "from": SENDER}
    calls += [
        Call.of("/v1/send", {"to": spelled(), **mail}, 200) for _ in range(_SENDS)
    ]
    calls += [_import_of(spelled()) for _ in range(_IMPORTS)]
    random.shuffle(calls)
    yield from calls


def _import_of(address: str) -> Call:
    part = (
        f"--{_BOUNDARY}\r\n"
        'Content-Disposition: form-data; name="file"; filename="people.csv"\r\n'
        "Content-Type: text/csv\r\n\r\n"
        f"email,plan\n{address},pro\n"
        f"\r\n--{_BOUNDARY}--\r\n"
    )
    return Call(
        "/api/contacts/import",
        part.encode(),
        (202,),
        f"multipart/form-data; boundary={_BOUNDARY}",
    )


def _all_at_once(calls: list[Call], ask: Callable[[Call], tuple[int, str]]) -> Answers:
    """Make every call in a thread of its own, none before all of them are there."""
    answers = Answers()
    start = Barrier(len(calls))

    def run(call: Call) -> None:
        start.wait()
        answers.add(call, *ask(call))

    threads = [Thread(target=run, args=(call,), daemon=True) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def _ask(url: str, key: str, call: Call) -> tuple[int, str]:
    request = urllib.request.Request(
        f"{url}{call.path}",
        data=call.body,
        headers={"Authorization": f"Bearer {key}", "Content-Type": call.content_type},
    )
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")
    except OSError as error:
        return 0, str(error)


def _settled(it: Installation, address: str) -> tuple[int, int, int, int]:
    """Return contacts, events, mails and unfinished imports, once those have ended."""
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while True:
        counts: tuple[int, int, int, int] = it.database.rows(_COUNTS, [address] * 3)[0]
        if not counts[-1] or time.monotonic() > deadline:
            return counts
        time.sleep(0.2)


if __name__ == "__main__":
    sys.exit(main())
