"""What is printed once the installation is up: where it is and what to try first."""

from __future__ import annotations

import json
from collections.abc import Mapping

from django.conf import settings

from plunk.projects.models import User
from plunk.running.demo import Demo


def welcome(demo: Demo, *, smtp: str) -> str:
    """Return the address, the login, the keys and two requests to copy.

    `smtp` says where mail is taken by SMTP, or why it is not.
    """
    mail = {
        "to": "ada@example.com",
        "subject": "Hello from Plunk",
        "body": "<h1>It works</h1><p>This mail is on the Inbox page.</p>",
    }
    event = {"event": "signed-up", "email": "ada@example.com", "data": {"plan": "free"}}
    return "\n".join(
        [
            "",
            f"  Plunk is ready at  {demo.url}",
            "",
            f"  Log in as          {demo.email}",
            f"  with password      {demo.password}",
            f"  Secret key         {demo.secret_key}",
            f"  Public key         {demo.public_key}",
            f"  Mail by SMTP       {smtp}",
            f"  All of this is in  {settings.DATA_DIR}/demo.json",
            "",
            "  Send a mail (nothing leaves this machine; see the Inbox page):",
            _curl(f"{demo.url}/v1/send", demo.secret_key, mail),
            "",
            "  Track an event:",
            _curl(f"{demo.url}/v1/track", demo.public_key, event),
            "",
            "  Ctrl-C stops it; the data stays.",
            "",
        ]
    )


def greeting() -> str:
    """Return what an installation that sends through Amazon says: its address."""
    lines = ["", f"  Plunk is starting at  {settings.APP_URI}"]
    if not User.objects.exists():
        lines += [
            "  Nobody can log in yet. Make the first user with:",
            "  manage.py create_user you@example.com --staff",
        ]
    return "\n".join([*lines, ""])


def _curl(url: str, key: str, body: Mapping[str, object]) -> str:
    # A single quote in the body would end the shell's word.
    text = json.dumps(body).replace("'", "'\\''")
    return (
        f"    curl {url} \\\n"
        f"      -H 'Authorization: Bearer {key}' \\\n"
        f"      -H 'Content-Type: application/json' \\\n"
        f"      -d '{text}'"
    )
