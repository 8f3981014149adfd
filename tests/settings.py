"""Settings of the tests: the installation's own, with a place and secrets of its own.

`DATABASE_URL` and `REDIS_URL` choose the way to run, as they do outside the tests.
"""

from __future__ import annotations

import os
import tempfile

os.environ.setdefault("DATA_DIR", tempfile.mkdtemp(prefix="plunk-tests-"))
os.environ.setdefault(
    "JWT_SECRET", "a secret of the tests, long enough to be one, 0123456789"
)
os.environ.setdefault("LOG_LEVEL", "CRITICAL")
os.environ["PLUNK_SIMULATOR"] = "1"

from plunk.settings import *  # noqa: F403

# Empties the tables between two tests that commit.
INSTALLED_APPS = [*INSTALLED_APPS, "tests.flushing"]  # noqa: F405
if DATABASE_URL:  # noqa: F405
    # What a test has written need not survive the machine.
    DATABASES["default"]["OPTIONS"]["options"] += " -c synchronous_commit=off"  # noqa: F405
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {  # noqa: F405
    "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
}
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
API_RATE_LIMIT_PER_MINUTE = 0
# Every call to the simulator is a thread of the test server with a database session of
# its own, and two runs share the server's hundred: 64 threads would go over it.
DELIVERY_CONNECTIONS = min(DELIVERY_CONNECTIONS, 8)  # noqa: F405
# What a request counts is there when it was answered.
TRACKING_THREAD = False
SILENCED_SYSTEM_CHECKS: list[str] = []
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # noqa: F405
