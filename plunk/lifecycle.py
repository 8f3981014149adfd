"""The moments in the life of an installation that an app may care about."""

from __future__ import annotations

from django.dispatch import Signal

#: Sent by `manage.py prepare` and `run`, after migrating and before anything serves:
#: put on disk what you need there. No arguments. An error stops the start.
starting = Signal()

#: Sent in the one process of an embedded installation, once it serves: open a door of
#: your own beside the web's. No arguments; a receiver returns what closes it again,
#: a function, or None.
opening = Signal()

#: Sent once in every process that works, when it was told to stop: finish what is in
#: flight, begin nothing new. No arguments; receivers return at once (they set a flag).
stopping = Signal()
