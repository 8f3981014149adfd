"""`python -m tests.bench requests|delivery|rendering|…`; see README.md here."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.bench import (
    audience,
    automations,
    delivery,
    exporting,
    freezing,
    importing,
    lanes,
    rendering,
    requests,
    running,
    seeding,
)
from tests.bench.population import Size
from tests.bench.queueing import CAMPAIGN, TRANSACTIONAL
from tests.stack.processes import Ports, clean_up_when_told_to_stop

_KINDS = {kind.name: kind for kind in (CAMPAIGN, TRANSACTIONAL)}


def main() -> None:
    """Read the command line and measure."""
    clean_up_when_told_to_stop()
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument(
        "--port",
        type=int,
        default=0,
        help="The first of the ports to use (default: any that are free).",
    )
    kinds = parser.add_subparsers(dest="command", required=True)
    hot = kinds.add_parser("requests", help="The API's two hot routes.")
    hot.add_argument("--seconds", type=float, default=3.0, help="Of each window.")
    hot.add_argument("--windows", type=int, default=3)
    mail = kinds.add_parser("delivery", help="Queued mail through the workers.")
    mail.add_argument("--mails", type=int, default=10_000)
    mail.add_argument("--kind", choices=sorted(_KINDS), default="campaign")
    mail.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    mail.add_argument(
        "--delays", type=int, nargs="+", default=[0, 50], help="Of SES, milliseconds."
    )
    frozen = kinds.add_parser("campaign", help="Audiences written down at a launch.")
    frozen.add_argument("--contacts", type=int, nargs="+", default=[100_000, 1_000_000])
    urgent = kinds.add_parser("lanes", help="Single mails beside campaigns; fairness.")
    urgent.add_argument("--contacts", type=int, default=100_000)
    urgent.add_argument("--rate", type=float, default=50.0, help="Mails a second.")
    urgent.add_argument("--seconds", type=float, default=60.0, help="Of each stage.")
    watch = kinds.add_parser("watch", help="Pages of a campaign that is being sent.")
    watch.add_argument("--contacts", type=int, default=1_000_000)
    watch.add_argument("--rate", type=float, default=100.0, help="Mails a second.")
    watch.add_argument("--rounds", type=int, default=40)
    watch.add_argument("--plans", type=Path, help="The file that plans are written to.")
    pure = kinds.add_parser("rendering", help="Contents into messages, on one core.")
    pure.add_argument("--mails", type=int, default=1000, help="Of each round.")
    pure.add_argument("--rounds", type=int, default=5)
    where = kinds.add_parser("profile", help="Where the time goes.")
    where.add_argument("what", choices=["requests", "delivery"])
    where.add_argument("--mails", type=int, default=5_000)
    where.add_argument("--kind", choices=sorted(_KINDS), default="campaign")
    where.add_argument("--delay", type=int, default=0, help="Of SES, milliseconds.")
    people = kinds.add_parser("seed", help="Fill a database with people.")
    people.add_argument("--contacts", type=int, default=100_000)
    people.add_argument("--events", type=int, default=1_000_000)
    people.add_argument("--mails", type=int, default=0, help="Default: as contacts.")
    people.add_argument("--seed", type=int, default=1)
    people.add_argument(
        "--again", action="store_true", help="Drop what this command made before."
    )
    place = people.add_mutually_exclusive_group(required=True)
    place.add_argument("--database-url", help="A database of PostgreSQL, by name.")
    place.add_argument("--data-dir", help="A folder, for SQLite.")
    pages = kinds.add_parser("audience", help="Pages and counts of seeded databases.")
    pages.add_argument("--database-url", nargs="+", default=[])
    pages.add_argument("--data-dir", nargs="+", default=[], help="For SQLite.")
    pages.add_argument("--rounds", type=int, default=40)
    pages.add_argument("--plans", type=Path, help="The file that plans are written to.")
    files = kinds.add_parser("import", help="A file of contacts, and a bare COPY.")
    files.add_argument("--rows", type=int, default=1_000_000)
    files.add_argument("--rounds", type=int, default=1)
    files.add_argument(
        "--kills", type=int, default=0, help="Kill the worker so often on the way."
    )
    out = kinds.add_parser("export", help="Contacts into a file, and a bare COPY.")
    out.add_argument("--rows", type=int, default=1_000_000)
    runs = kinds.add_parser("automations", help="Events, and runs of workflows.")
    runs.add_argument("--contacts", type=int, default=1_000_000)
    runs.add_argument("--waiting", type=int, default=1_000_000)
    runs.add_argument("--due", type=int, default=100_000)
    runs.add_argument("--workflows", type=int, default=200)
    _measure(parser.parse_args())


def _in_postgresql(url: str) -> dict[str, str]:
    folder = Path(tempfile.gettempdir()) / "plunk-bench"
    return {"DATABASE_URL": url, "DATA_DIR": str(folder)}


def _seed(given: argparse.Namespace) -> None:
    seeding.seed(
        where=(
            _in_postgresql(given.database_url)
            if given.database_url
            else {"DATA_DIR": given.data_dir}
        ),
        size=Size(given.contacts, given.events, given.mails or given.contacts),
        number=given.seed,
        again=given.again,
    )


def _ask(given: argparse.Namespace) -> None:
    places = [_in_postgresql(url) for url in given.database_url]
    places += [{"DATA_DIR": folder} for folder in given.data_dir]
    audience.measure(places=places, rounds=given.rounds, plans=given.plans)


def _profile(given: argparse.Namespace, ports: Ports) -> None:
    if given.what == "requests":
        requests.profile(ports=ports)
    else:
        kind = _KINDS[given.kind]
        delivery.profile(kind=kind, count=given.mails, delay=given.delay, ports=ports)


def _measure(given: argparse.Namespace) -> None:
    ports = Ports(given.port)
    measures: dict[str, Callable[[], None]] = {
        "seed": lambda: _seed(given),
        "audience": lambda: _ask(given),
        "rendering": lambda: rendering.measure(mails=given.mails, rounds=given.rounds),
        "automations": lambda: automations.measure(
            contacts=given.contacts,
            waiting=given.waiting,
            due=given.due,
            workflows=given.workflows,
            ports=ports,
        ),
        "export": lambda: exporting.measure(rows=given.rows, ports=ports),
        "import": lambda: importing.measure(
            rows=given.rows, kills=given.kills, rounds=given.rounds, ports=ports
        ),
        "requests": lambda: requests.measure(
            seconds=given.seconds, windows=given.windows, ports=ports
        ),
        "profile": lambda: _profile(given, ports),
        "campaign": lambda: freezing.measure(contacts=given.contacts, ports=ports),
        "watch": lambda: running.measure(
            contacts=given.contacts,
            rate=given.rate,
            rounds=given.rounds,
            plans=given.plans,
            ports=ports,
        ),
        "lanes": lambda: lanes.measure(
            contacts=given.contacts, rate=given.rate, seconds=given.seconds, ports=ports
        ),
        "delivery": lambda: delivery.measure(
            kind=_KINDS[given.kind],
            count=given.mails,
            processes=given.processes,
            delays=given.delays,
            ports=ports,
        ),
    }
    measures[given.command]()


if __name__ == "__main__":
    main()
