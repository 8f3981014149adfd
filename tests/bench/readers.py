"""Contacts that campaigns go to, made in SQL by the hundred thousand.

The addresses of a prefix are `<prefix>1@example.org` and so on, and come in the order
in which they were made, as contacts do. One in ten has unsubscribed, one in a hundred
is suppressed, one in ten has left the topic, one in twenty is in the segment kept by
hand, every second one has logged in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import orjson

from tests.stack.installation import Installation

# Ids of version 7, in the order of time.
_ID = """
(lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint - %(count)s + i), 12, '0')
  || '70008' || substr(md5(random()::text), 1, 15))::uuid
"""
_CONTACTS = f"""
INSERT INTO contacts_contact (id, project_id, email, subscribed, data, created_at)
SELECT
  {_ID}, %(project)s, %(prefix)s || i || '@example.org',
  %(all)s OR i %% 10 <> 0,
  %(data)s::jsonb || jsonb_build_object(
    'plan', (ARRAY['free', 'pro', 'team'])[1 + i %% 3],
    'country', (ARRAY['DE', 'FR', 'US', 'IT', 'ES'])[1 + i %% 5],
    'score', i %% 1000,
    'number', i
  ),
  now() - (%(count)s - i) * interval '1 millisecond'
FROM generate_series(1, %(count)s) AS i
ON CONFLICT DO NOTHING
"""
_OTHERS = (
    """
    INSERT INTO contacts_suppression (id, project_id, email, reason, source)
    SELECT gen_random_uuid(), %(project)s, 'reader' || i || '@example.org', 'BOUNCE', ''
    FROM generate_series(50, %(count)s, 100) AS i
    """,
    """
    INSERT INTO contacts_topic (id, project_id, name, description, is_opt_out, position)
    VALUES (%(topic)s, %(project)s, 'News', '', true, 0)
    """,
    """
    INSERT INTO contacts_topicchoice (topic_id, contact_id, is_joined)
    SELECT %(topic)s, id, false FROM contacts_contact
    WHERE project_id = %(project)s AND (data->>'score')::int %% 10 = 3
    """,
    """
    INSERT INTO contacts_segment (
      id, project_id, name, description, type, condition, track_membership, member_count
    ) VALUES
      (%(by_rule)s, %(project)s, 'Pro', '', 'DYNAMIC', %(rule)s::jsonb, false, 0),
      (%(by_hand)s, %(project)s, 'By hand', '', 'STATIC', NULL, false, 0)
    """,
    """
    INSERT INTO contacts_segmentmembership (id, segment_id, contact_id, entered_at)
    SELECT gen_random_uuid(), %(by_hand)s, id, now() FROM contacts_contact
    WHERE project_id = %(project)s AND (data->>'score')::int %% 20 = 7
    """,
    """
    INSERT INTO automations_event (id, project_id, name)
    VALUES (%(event)s, %(project)s, 'login')
    """,
    """
    INSERT INTO automations_occurrence (id, project_id, event_id, contact_id)
    SELECT gen_random_uuid(), %(project)s, %(event)s, id FROM contacts_contact
    WHERE project_id = %(project)s AND (data->>'score')::int %% 2 = 0
    """,
    "VACUUM (ANALYZE)",
)


def rule(field: str, operator: str, **values: Any) -> dict[str, Any]:
    """Return one rule of a filter."""
    return {"field": field, "operator": operator, **values}


def all_of(*filters: dict[str, Any]) -> dict[str, Any]:
    """Return the filter that asks for all of the rules."""
    return {"logic": "AND", "groups": [{"filters": list(filters)}]}


#: A third of all.
PRO = all_of(rule("data.plan", "equals", value="pro"))
#: About one in eight.
FIVE_RULES = all_of(
    rule("data.plan", "notEquals", value="free"),
    rule("data.country", "notEquals", value="US"),
    rule("data.score", "greaterThan", value=500),
    rule("event.login", "triggered"),
    rule("subscribed", "equals", value=True),
)


@dataclass(frozen=True, slots=True)
class People:
    """What campaigns can name."""

    topic: str
    by_rule: str
    by_hand: str


def make_contacts(
    it: Installation,
    count: int,
    *,
    data: dict[str, Any],
    project_id: str = "",
    prefix: str = "reader",
    all_subscribed: bool = True,
) -> None:
    """Make contacts of a project with the same data, and a little of their own."""
    params = {
        "project": project_id or it.project_id,
        "count": count,
        "prefix": prefix,
        "data": orjson.dumps(data).decode(),
        "all": all_subscribed,
    }
    it.database.connection.execute(_CONTACTS.encode(), params)
    it.database.rows("ANALYZE contacts_contact")


def make_people(it: Installation, count: int, *, data: dict[str, Any]) -> People:
    """Make contacts of the installation's project, and what tells them apart."""
    make_contacts(it, count, data=data, all_subscribed=False)
    made = People(*(str(uuid4()) for _ in range(3)))
    params = {
        "project": it.project_id,
        "count": count,
        "topic": made.topic,
        "by_rule": made.by_rule,
        "by_hand": made.by_hand,
        "event": str(uuid4()),
        "rule": orjson.dumps(PRO).decode(),
    }
    for statement in _OTHERS:
        has_params = "%(" in statement
        it.database.connection.execute(
            statement.encode(), params if has_params else None
        )
    return made
