"""How mail is claimed on PostgreSQL; `transactional.claiming` says when, and has the
portable twins.
"""

from __future__ import annotations

# A queue grows and shrinks faster than the planner's statistics follow: believing it
# nearly empty, it would read and sort all of it for every batch. The index on due mail
# has the order already.
IN_ORDER = """
SELECT
  set_config('enable_sort', 'off', true), set_config('enable_bitmapscan', 'off', true)
"""
_CLAIM = """
WITH mine AS (
  {mine}
)
UPDATE transactional_email AS e
SET
  state = 'SENDING', attempt = e.attempt + 1,
  lease_expires_at = now() + %(lease)s * interval '1 second'
FROM contacts_contact AS c, projects_project AS p
WHERE
  e.id = ANY(ARRAY(SELECT id FROM mine))
  AND c.id = e.contact_id AND p.id = e.project_id
RETURNING
  e.id, e.project_id, e.contact_id, e.content_id, e.kind, e.source, e.template_id,
  e.origin_id, e.tracks, e.to_email, e.to_name, e.from_email, e.from_name, e.reply_to,
  e.headers::text, e.variables::text, e.attempt, c.data::text, c.subscribed,
  EXISTS (
    SELECT FROM contacts_suppression AS s
    WHERE s.project_id = e.project_id AND s.email = e.to_email
  ),
  p.is_disabled,
  {has_left},
  (SELECT EXISTS (SELECT FROM contacts_suppression WHERE email LIKE 'erased:%%'))
"""
_HAS_LEFT = """
  COALESCE(
    (
      SELECT NOT COALESCE(choice.is_joined, topic.is_opt_out)
      FROM transactional_stream AS stream
      JOIN contacts_topic AS topic ON topic.id = stream.topic_id
      LEFT JOIN contacts_topicchoice AS choice
        ON choice.topic_id = topic.id AND choice.contact_id = e.contact_id
      WHERE stream.id = e.origin_id
    ),
    false
  )
"""
# A look costs little; a claim of nothing, planned and executed for each batch
# of a campaign, takes as long as one of thirty mails.
ANY_IN_LANES = """
SELECT 1 FROM transactional_email
WHERE state = 'QUEUED' AND due_at <= now() AND lane < 10
ORDER BY lane, due_at, id
LIMIT 1
"""
LANES = _CLAIM.format(
    mine="""
  SELECT id FROM transactional_email
  WHERE
    state = 'QUEUED' AND due_at <= now() AND lane < 10 AND doubts = 0
    AND NOT split_part(from_email, '@', 2) = ANY(%(without)s::text[])
    AND (%(only)s = '' OR split_part(from_email, '@', 2) = %(only)s)
  ORDER BY lane, due_at, id
  LIMIT %(limit)s
  FOR UPDATE SKIP LOCKED
""",
    has_left="false",
)
# The lock on a stream makes whoever pauses or cancels it wait for this claim, and this
# claim see it if they were first.
OPEN = """
SELECT id FROM transactional_stream
WHERE id = ANY(%(streams)s::uuid[]) AND state = 'OPEN'
ORDER BY id
FOR SHARE
"""
RUNNING = """
SELECT stream.id FROM transactional_stream AS stream
JOIN projects_project AS project ON project.id = stream.project_id
WHERE stream.state = 'OPEN' AND NOT project.is_disabled
ORDER BY stream.id
FOR SHARE OF stream
"""
TURNS = _CLAIM.format(
    mine="""
  SELECT due.id
  FROM unnest(%(streams)s::uuid[], %(shares)s::int[], %(places)s::uuid[])
    AS turn(stream_id, share, place)
  CROSS JOIN LATERAL (
    SELECT id FROM transactional_email
    WHERE
      origin_id = turn.stream_id AND state = 'QUEUED' AND id > turn.place
      AND due_at <= now() AND doubts = 0
    ORDER BY origin_id, state, id
    LIMIT turn.share
    FOR UPDATE SKIP LOCKED
  ) AS due
""",
    has_left=_HAS_LEFT,
)
SUSPECTS = _CLAIM.format(
    mine="""
  SELECT id FROM transactional_email
  WHERE
    state = 'QUEUED' AND doubts > 0 AND due_at <= now()
    AND (lane < 10 OR origin_id = ANY(%(streams)s::uuid[]))
    AND NOT split_part(from_email, '@', 2) = ANY(%(without)s::text[])
    AND (%(only)s = '' OR split_part(from_email, '@', 2) = %(only)s)
  ORDER BY due_at
  LIMIT %(limit)s
  FOR UPDATE SKIP LOCKED
""",
    has_left=_HAS_LEFT,
)
