"""What became of every mail: the clients' ids, SES's log and the ledger compared."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.faults.plant import Plant

_LEFT = {"SENT", "DELIVERED", "BOUNCED", "COMPLAINED"}
_OWED = {"QUEUED", "SENDING", "IN_DOUBT"}


@dataclass(frozen=True, slots=True)
class _Row:
    state: str
    doubts: int
    possible_duplicates: int


def compare(plant: Plant, ids: list[str], left_out: set[str]) -> dict[str, Any]:
    """Return the numbers of a run; what must be zero comes first.

    Mails that are `left_out` are meant not to leave, and are not looked at.
    """
    calls = _calls(plant.log)
    taken = [call for call in calls if call["outcome"] == "accepted"]
    accepts = Counter(call["tags"].get("plunk_email", "") for call in taken)
    rows = {tag: row for tag, row in _rows(plant).items() if tag not in left_out}
    ids = [tag for tag in ids if tag not in left_out]
    extra = {tag: count - 1 for tag, count in accepts.items() if count > 1}
    explained = {
        tag: min(more, rows[tag].possible_duplicates) if tag in rows else 0
        for tag, more in extra.items()
    }
    return {
        "lost": len(set(ids) - set(accepts)),
        "duplicates": sum(extra.values()),
        "duplicates_unexplained": sum(extra.values()) - sum(explained.values()),
        "drift": sum(_has_drifted(rows[tag], accepts[tag]) for tag in rows),
        "stuck": sum(row.state in _OWED for row in rows.values()),
        "ghosts": len(set(accepts) - set(rows)),
        "ids_given_twice": len(ids) - len(set(ids)),
        "failed": sum(row.state == "FAILED" for row in rows.values()),
        "accepted_by_api": len(ids),
        "accepted_by_ses": len(taken),
        "rows": len(rows),
        "unanswered": len(set(rows) - set(ids)),
        "doubts": sum(row.doubts for row in rows.values()),
        "sent_again": sum(row.possible_duplicates for row in rows.values()),
        "most_in_a_second": _peak(taken),
        "states": dict(Counter(row.state for row in rows.values())),
    }


def account(plant: Plant, campaign_id: str) -> dict[str, Any]:
    """Compare a campaign's figures with its mails and with SES's own log."""
    summed = ", ".join(f"coalesce(sum({name}), 0)::int" for name in _COUNTED)
    counted = ", ".join(f"count(*) FILTER (WHERE {how})" for how in _COUNTED.values())
    database = plant.it.database
    figures = database.rows(
        f"SELECT {summed} FROM transactional_emailtally WHERE origin_id = %s",
        [campaign_id],
    )[0]
    rows = database.rows(
        f"SELECT {counted} FROM transactional_email WHERE origin_id = %s",
        [campaign_id],
    )[0]
    said = dict(zip(_COUNTED, figures, strict=True))
    return {
        "figures": said,
        "figures_off": sum(a != b for a, b in zip(figures, rows, strict=True)),
        "figures_off_log": sum(said[name] != n for name, n in _by_log(plant).items()),
    }


def _by_log(plant: Plant) -> dict[str, int]:
    """Return what a campaign's figures must be by SES's log.

    The mailbox simulator's addresses say by themselves what becomes of their mail.
    """
    fates = {
        call["tags"].get("plunk_email", ""): call["recipients"][0].partition("+")[0]
        for call in _calls(plant.log)
        if call["outcome"] == "accepted"
    }
    if not plant.shape.has_feedback:
        return {"sent": len(fates)}
    counted = Counter(fates.values())
    return {
        "sent": len(fates),
        "delivered": len(fates) - counted["bounce"],
        "bounced": counted["bounce"],
        "complained": counted["complaint"],
    }


def accepted(plant: Plant) -> set[str]:
    """Return the ids of the mails that SES has taken."""
    return {
        call["tags"].get("plunk_email", "")
        for call in _calls(plant.log)
        if call["outcome"] == "accepted"
    }


#: What a campaign's figures count, and by which rows.
_COUNTED = {
    "mails": "true",
    "queued": "state = 'QUEUED'",
    "sending": "state = 'SENDING'",
    "in_doubt": "state = 'IN_DOUBT'",
    "failed": "state = 'FAILED'",
    "cancelled": "state = 'CANCELLED'",
    "sent": "sent_at IS NOT NULL",
    "delivered": "delivered_at IS NOT NULL",
    "bounced": "bounced_at IS NOT NULL",
    "complained": "complained_at IS NOT NULL",
}


def suspects(plant: Plant, ids: list[str], limit: int = 10) -> list[dict[str, Any]]:
    """Return the history of mails that are lost, doubled, stuck or adrift."""
    taken = [call for call in _calls(plant.log) if call["outcome"] == "accepted"]
    accepts = Counter(call["tags"].get("plunk_email", "") for call in taken)
    rows = _rows(plant)
    odd = [
        tag for tag in sorted({*ids, *rows, *accepts}) if _is_odd(tag, rows, accepts)
    ]
    return [_history(plant, tag, taken) for tag in odd[:limit]]


def _is_odd(tag: str, rows: dict[str, _Row], accepts: Counter[str]) -> bool:
    row = rows.get(tag)
    is_settled = row is not None and row.state in _LEFT
    return not is_settled or accepts[tag] != 1


def _history(plant: Plant, tag: str, taken: list[dict[str, Any]]) -> dict[str, Any]:
    database = plant.it.database
    row = database.rows(
        "SELECT row_to_json(e)::text FROM transactional_email e WHERE id::text = %s",
        [tag],
    )
    events = database.rows(
        "SELECT row_to_json(v)::text FROM transactional_emailevent v"
        " WHERE email_id::text = %s ORDER BY created_at, id",
        [tag],
    )
    return {
        "email": tag,
        "row": json.loads(row[0][0]) if row else None,
        "events": [json.loads(text) for (text,) in events],
        "ses": [
            {name: call[name] for name in ("time", "answer", "message_id", "tags")}
            for call in taken
            if call["tags"].get("plunk_email") == tag
        ],
    }


def _has_drifted(row: _Row, accepts: int) -> bool:
    """Say whether the ledger and SES disagree about a mail."""
    return accepts > 0 if row.state not in _LEFT else accepts == 0


def _calls(log: Path) -> list[dict[str, Any]]:
    if not log.exists():
        return []
    # What stands after the last end of a line is being written.
    whole = log.read_text().rpartition("\n")[0]
    return [json.loads(line) for line in whole.splitlines() if line]


def _rows(plant: Plant) -> dict[str, _Row]:
    return {
        tag: _Row(*values)
        for tag, *values in plant.it.database.rows(
            "SELECT id::text, state, doubts, possible_duplicates"
            " FROM transactional_email"
        )
    }


def share_of_rate(plant: Plant) -> float:
    """Return how much of the rate was used while there was mail to send."""
    times = sorted(
        datetime.fromisoformat(call["time"]).timestamp() for call in _calls(plant.log)
    )
    middle = times[len(times) // 10 : len(times) * 9 // 10]
    if len(middle) < 2:
        return 0.0
    return round(len(middle) / (middle[-1] - middle[0]) / plant.shape.rate, 3)


def _peak(taken: list[dict[str, Any]]) -> int:
    """Return the most mails that SES took within any second."""
    times = sorted(datetime.fromisoformat(call["time"]).timestamp() for call in taken)
    most, first = 0, 0
    for last, at in enumerate(times):
        while at - times[first] >= 1:
            first += 1
        most = max(most, last - first + 1)
    return most
