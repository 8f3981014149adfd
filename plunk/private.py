"""What nobody but the installation's own user may read: mails, hashes, secrets."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def make_private_folder(path: Path) -> None:
    """Make a folder for its owner alone; one that exists is the operator's matter."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


def make_private_file(path: Path) -> None:
    """Make an empty file for its owner alone, or take one away from all others.

    SQLite gives the files beside a database the mode of the database itself.
    """
    make_private_folder(path.parent)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
    for each in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
        if each.exists() and each.stat().st_uid == os.geteuid():
            each.chmod(0o600)


def installation_secret(path: Path) -> str:
    """Return the secret of an installation that was given none: made once, kept.

    It appears in one step, so that processes which start at once agree on it.
    """
    if not path.exists():
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.unlink(missing_ok=True)
        make_private_file(draft)
        draft.write_text(secrets.token_urlsafe(64))
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            # Another process was faster: its secret counts.
            return path.read_text().strip()
        finally:
            draft.unlink()
    return path.read_text().strip()
