"""How large the tables and indexes are."""

from __future__ import annotations

from typing import Any

_SIZES = """
SELECT
  t.relname, '' AS index_name, t.reltuples::bigint, pg_total_relation_size(t.oid)
FROM pg_class AS t
WHERE t.relkind = 'r' AND t.relname ~ '^(contacts|automations|transactional)_'
UNION ALL
SELECT t.relname, i.relname, NULL, pg_relation_size(i.oid)
FROM pg_index AS x
JOIN pg_class AS t ON t.oid = x.indrelid
JOIN pg_class AS i ON i.oid = x.indexrelid
WHERE t.relname ~ '^(contacts|automations|transactional)_'
ORDER BY 1, 2
"""


def sizes() -> list[dict[str, Any]]:
    """Return table, index (empty: the table with all of them), rows and bytes.

    SQLite knows only the size of the file.
    """
    from django.db import connection

    with connection.cursor() as cursor:
        if connection.vendor != "postgresql":
            cursor.execute(
                "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
            )
            (size,) = cursor.fetchone()
            return [{"table": "the file", "index": "", "rows": None, "bytes": size}]
        cursor.execute(_SIZES)
        return [
            {"table": table, "index": index, "rows": rows, "bytes": size}
            for table, index, rows, size in cursor.fetchall()
        ]
