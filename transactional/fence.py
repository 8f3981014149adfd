"""A restored or cloned database sends nothing until an operator says so.

What it believes to be unsent may have been sent since the backup was made. So the row
of the account remembers which database it lives in; anywhere else, everything is held.
"""

from __future__ import annotations

import logging
import secrets
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.models.functions import Now

from plunk.postgresql import is_postgresql
from transactional.models import Hold, HoldScope, SendingAccount
from transactional.rate import make_account

logger = logging.getLogger(__name__)

FENCE = "fence"
REASON = "restored database"


def check_fence() -> bool:
    """Hold all mail if this database is not the one that last sent; say if it is ours.

    Cheap enough for every start of a worker and every minute after.
    """
    identity = storage_identity()
    make_account()
    if SendingAccount.objects.filter(pk=1, storage="").exists():
        renew()
        return True
    known, _, generation = SendingAccount.objects.get(pk=1).storage.partition("#")
    if known == identity and generation in _generations(default=generation):
        return True
    _hold()
    return False


def renew() -> None:
    """Give a SQLite database a new generation, written down beside it as well.

    A backup copied over the file keeps its inode, but knows only an older generation.
    The note goes first and names both, so that a crash in between holds nothing.
    """
    identity = storage_identity()
    if not is_postgresql():
        old = SendingAccount.objects.get(pk=1).storage.partition("#")[2]
        new = secrets.token_hex(8)
        _note().write_text(f"{old} {new}")
        identity = f"{identity}#{new}"
    SendingAccount.objects.filter(pk=1).update(storage=identity)


def _note() -> Path:
    return Path(settings.DATA_DIR) / "outbox_generation"


def _generations(*, default: str) -> list[str]:
    """Return the generations that the note allows; it may be lost, or not needed."""
    if is_postgresql() or not _note().exists():
        return [default]
    return _note().read_text().split(" ")


def _hold() -> None:
    _, is_new = Hold.objects.get_or_create(
        scope=HoldScope.ACCOUNT,
        key=FENCE,
        defaults={
            "reason": REASON,
            "detail": (
                "This database was restored or copied: mail it holds for unsent may "
                "have left. Look through it, then run: manage.py release_fence"
            ),
            "since": Now(),
        },
    )
    if is_new:
        logger.error("all sending is held: the database was restored or copied")


def release_fence() -> bool:
    """Let this database send from now on; return False where nothing was held."""
    make_account()
    renew()
    return bool(Hold.objects.filter(scope=HoldScope.ACCOUNT, key=FENCE).delete()[0])


def storage_identity() -> str:
    """Return what names the very database we talk to, and changes with a restore.

    PostgreSQL: the cluster, its timeline (a recovery or promotion starts a new one),
    the database and the outbox's table, which a dump makes anew. SQLite: device and
    inode of the file; a copy has others.
    """
    if is_postgresql():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT s.system_identifier, c.timeline_id, d.oid,"
                " 'transactional_email'::regclass::oid"
                " FROM pg_control_system() s, pg_control_checkpoint() c,"
                " pg_database d WHERE d.datname = current_database()"
            )
            row = cursor.fetchone() or ()
        return "postgresql:" + ":".join(str(part) for part in row)
    name = str(connection.settings_dict["NAME"])
    if not Path(name).exists():
        return f"memory:{settings.DATA_DIR}"
    status = Path(name).stat()
    return f"sqlite:{status.st_dev}:{status.st_ino}"
