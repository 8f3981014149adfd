"""`python -m tests.bench watch`: pages of a campaign while its mails leave."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.bench import sink
from tests.bench.bodies import newsletter
from tests.bench.launching import ask, launch, wait_until_frozen
from tests.bench.place import NAME
from tests.bench.readers import make_people
from tests.bench.table import print_table
from tests.stack.installation import SENDER, Installation, installation
from tests.stack.processes import Ports, is_answered, python, run, wait_until

_LIMIT_SECONDS = 1800.0
# What a campaign looks like half-way: most of what was sent arrived, a third was
# opened, some were clicked, few came back.
_HALF_WAY = """
UPDATE transactional_email SET
  state = CASE WHEN number %% 100 = 1 THEN 'BOUNCED' ELSE 'DELIVERED' END,
  attempt = 1, message_id = 'bench-' || number,
  sent_at = now(),
  delivered_at = CASE WHEN number %% 100 <> 1 THEN now() END,
  bounced_at = CASE WHEN number %% 100 = 1 THEN now() END,
  opened_at = CASE WHEN number %% 3 = 0 THEN now() END,
  opens = CASE WHEN number %% 3 = 0 THEN 1 ELSE 0 END,
  clicked_at = CASE WHEN number %% 15 = 0 THEN now() END,
  clicks = CASE WHEN number %% 15 = 0 THEN 1 ELSE 0 END
FROM (
  SELECT id AS mail, row_number() OVER () AS number FROM (
    SELECT id FROM transactional_email WHERE origin_id = %s AND state = 'QUEUED'
    ORDER BY id LIMIT %s
  ) AS first
) AS numbered
WHERE id = mail
"""


def measure(
    *, contacts: int, rate: float, rounds: int, plans: Path | None, ports: Ports
) -> None:
    """Launch a campaign, and ask for its pages while workers deliver it."""
    settings = {
        "EMAIL_RATE_LIMIT_PER_SECOND": rate,
        "API_RATE_LIMIT_PER_MINUTE": 1_000_000,
    }
    with installation(NAME, ports=ports, environ=settings) as it:
        campaign = _under_way(it, contacts)
        before = _sent(it, campaign)
        began = time.monotonic()
        command = python("-m", "tests.bench.watching", campaign, str(rounds))
        output = run(*command, environ=it.environ, seconds=_LIMIT_SECONDS)
        sent = _sent(it, campaign) - before
        seconds = time.monotonic() - began
    found = json.loads(output.splitlines()[-1])
    print(
        f"\nA campaign to {contacts:,} contacts, a third of it sent, while"
        f" {sent / seconds:.0f} mails a second leave; {rounds} rounds, milliseconds"
    )
    print_table(
        ("page", "goal, p95", "best", "p50", "p95", "of it SQL", "statements"),
        [_row(case) for case in found],
    )
    path = plans or Path(tempfile.gettempdir()) / "plunk-bench-campaign-plans.txt"
    path.write_text(
        "\n\n".join(
            f"== {case['name']} ==\n" + "\n".join(case["plans"]) for case in found
        )
    )
    print(f"\nPlans of the slowest statements: {path}")


def _row(case: dict[str, Any]) -> list[object]:
    return [
        *(case["name"], f"< {case['goal_ms']}", case["best"], case["p50"], case["p95"]),
        *(case["database_ms"], case["statements"]),
    ]


def _under_way(it: Installation, contacts: int) -> str:
    """Bring a campaign to where a third of it is sent and more leaves all the time."""
    port = it.ports.take()
    url = f"http://127.0.0.1:{port}"
    server = it.start("sink", "-m", "tests.bench.sink", str(port))
    wait_until(lambda: is_answered(url), seconds=20, session=server)
    sink.set_delay(url, 50)
    it.environ["AWS_ENDPOINT_URL"] = url
    make_people(it, contacts, data={"firstName": "Ada"})
    it.start_beat()
    worker = it.start_worker("worker", children=2)
    campaign = launch(
        it, subject="News", body=newsletter(), fields={"from_email": SENDER}, hold=True
    )
    wait_until_frozen(it, campaign, seconds=900)
    with it.database.connection.transaction():
        it.database.rows(_HALF_WAY, [campaign, contacts // 3])
    it.database.rows("VACUUM (ANALYZE) transactional_email")
    ask(it, do="resume", campaign=campaign)
    before = _sent(it, campaign)
    wait_until(lambda: _sent(it, campaign) > before, seconds=60, session=worker)
    return campaign


def _sent(it: Installation, campaign: str) -> int:
    return int(
        it.database.value(
            "SELECT sum(sent) FROM transactional_emailtally WHERE origin_id = %s",
            [campaign],
        )
    )
