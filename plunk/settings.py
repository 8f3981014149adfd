"""Settings, read from the environment once; docs/settings.md explains every name.

Two ways to run share them. Without `DATABASE_URL` and `REDIS_URL` the installation is
*embedded*: SQLite under `DATA_DIR`, an in-process broker, and mail that goes to the SES
simulator in the box.
"""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from csp.constants import NONCE, NONE, SELF
from django.utils.crypto import salted_hmac
from kombu import Queue

from plunk.logs import configure_logging
from plunk.private import installation_secret

env = environ.FileAwareEnv()
BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env.str("DATA_DIR", default=str(BASE_DIR / "var"))).resolve()
PORT = env.int("PORT", default=8000)

# -- who we are -----------------------------------------------------------------------
DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.str("JWT_SECRET", default="") or installation_secret(
    DATA_DIR / "secret_key"
)
SECRET_KEY_FALLBACKS = env.list("JWT_SECRET_FALLBACKS", default=[])
APP_URI = env.str("APP_URI", default=f"http://127.0.0.1:{PORT}").rstrip("/")
API_URI = env.str("API_URI", default=f"{APP_URI}/api").rstrip("/")
_APP_HOST = urlsplit(APP_URI).hostname or "127.0.0.1"
_API_HOST = urlsplit(API_URI).hostname or _APP_HOST
#: The host that serves the API at its root; empty while it shares the dashboard's.
API_HOST = _API_HOST if _API_HOST != _APP_HOST else ""
IS_HTTPS = APP_URI.startswith("https://")
ALLOWED_HOSTS = [
    *env.list("ALLOWED_HOSTS", default=[]),
    _APP_HOST,
    _API_HOST,
    "127.0.0.1",
    "localhost",
]
CSRF_TRUSTED_ORIGINS = [APP_URI]
DISABLE_SIGNUPS = env.bool("DISABLE_SIGNUPS", default=False)

# -- applications ---------------------------------------------------------------------
INSTALLED_APPS = [
    "plunk.projects",
    "plunk.api",
    "plunk.pages",
    "plunk.simulator",
    "contacts",
    "transactional",
    "campaigns",
    "automations",
    "webhooks",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "csp",
    "django_htmx",
]
MIDDLEWARE = [
    "plunk.api.middleware.RequestMiddleware",
    "transactional.tracking.views.TrackingMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "plunk.api.middleware.ApiMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]
ROOT_URLCONF = "plunk.urls"
WSGI_APPLICATION = "plunk.wsgi.application"
APPEND_SLASH = False
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "plunk.pages.context.shell",
            ],
        },
    },
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
# The dashboard's; what recipients read is in theirs (contacts/languages.py, and its
# catalogues in contacts/locale).
LANGUAGE_CODE = "en"
USE_I18N = True

# -- database -------------------------------------------------------------------------
DATABASE_URL = env.str("DATABASE_URL", default="")
DATABASES: dict[str, dict[str, Any]]
if DATABASE_URL:
    DATABASES = {"default": env.db_url_config(DATABASE_URL)}
    DATABASES["default"] |= {"CONN_MAX_AGE": None}
    DATABASES["default"]["OPTIONS"] = DATABASES["default"].get("OPTIONS", {}) | {
        "connect_timeout": 3,
        # Statements of the hot paths are prepared on the server when seen this often;
        # 0 for a pooler that gives every transaction another connection.
        "prepare_threshold": env.int("DATABASE_PREPARE_THRESHOLD", default=5) or None,
        # A pooled or killed server must not leave a request waiting for ever.
        # A client that vanished within a transaction must not keep its locks for hours.
        "options": (
            "-c statement_timeout=60000 -c lock_timeout=10000"
            " -c idle_in_transaction_session_timeout=60000"
            " -c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10"
            " -c tcp_keepalives_count=3"
        ),
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
    }
else:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": DATA_DIR / "plunk.sqlite3",
            # WAL and IMMEDIATE: writers queue for up to `timeout` seconds instead of
            # failing with "database is locked" when a read becomes a write.
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": (
                    "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
                    "PRAGMA cache_size=-32000; PRAGMA busy_timeout=20000;"
                    # What is deleted is gone from the file too.
                    "PRAGMA secure_delete=ON;"
                ),
            },
            "CONN_MAX_AGE": None,
            "TEST": {"NAME": str(DATA_DIR / "test.sqlite3")},
        }
    }

# -- broker, cache, rate limit --------------------------------------------------------
REDIS_URL = env.str("REDIS_URL", default="")
#: Everything in one process: no broker to reach, worker and beat run as threads.
IS_EMBEDDED = not REDIS_URL
CELERY_BROKER_URL = REDIS_URL or "memory://localhost"
CELERY_TASK_IGNORE_RESULT = True
# Short tasks go first: a worker that drains the outbox for seconds keeps none waiting
# behind others of its kind. Mail and jobs, which hint at more of themselves, take turns
# (plunk/running/turns.py).
CELERY_TASK_QUEUES = (Queue("celery"), Queue("delivery"), Queue("jobs"))
CELERY_TASK_DEFAULT_QUEUE = "celery"
CELERY_TASK_ROUTES = {
    "transactional.tasks.deliver": {"queue": "delivery"},
    "contacts.tasks.work_on_jobs": {"queue": "jobs"},
    "contacts.tasks.update_segments": {"queue": "jobs"},
    "contacts.tasks.count_segments": {"queue": "jobs"},
}
CELERY_TASK_ACKS_LATE = False  # a task is a wake-up; the rows hold the work
CELERY_TASK_SERIALIZER = CELERY_EVENT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
# The schedule is what stands here; a file of it would be a second truth.
CELERY_BEAT_SCHEDULER = "plunk.running.scheduling:Scheduler"
# The Django fixup would close the connection around every task (docs/adr/0004).
CELERY_DB_REUSE_MAX = 1_000_000
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {"polling_interval": 0.02}
if REDIS_URL:
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "socket_connect_timeout": 2,
        "socket_timeout": 5,
        "queue_order_strategy": "plunk.running.turns:FirstThenTurns",
        "visibility_timeout": 3600,
        "unacked_restore_throttle": 1,
    }
CELERY_BEAT_SCHEDULE = {
    "deliver": {"task": "transactional.tasks.sweep", "schedule": 1.0},
    "tallies": {"task": "transactional.tasks.fold_tallies", "schedule": 2.0},
    "quota": {"task": "transactional.tasks.refresh_quota", "schedule": 60.0},
    "campaigns": {"task": "campaigns.tasks.advance", "schedule": 1.0},
    "campaign_reports": {"task": "campaigns.tasks.make_reports", "schedule": 5.0},
    "notifications": {"task": "webhooks.tasks.apply_notifications", "schedule": 1.0},
    "receipts": {"task": "webhooks.tasks.forget_applied", "schedule": 3600.0},
    "idempotency": {"task": "plunk.api.tasks.forget_expired_keys", "schedule": 3600.0},
    "jobs": {"task": "contacts.tasks.sweep_jobs", "schedule": 2.0},
    "imports": {"task": "contacts.tasks.tidy_imports", "schedule": 60.0},
    "counts": {"task": "contacts.tasks.fold_counts", "schedule": 5.0},
    "segments": {"task": "contacts.tasks.update_segments", "schedule": 30.0},
    "segment_sizes": {"task": "contacts.tasks.count_segments", "schedule": 60.0},
    "snoozes": {"task": "contacts.tasks.wake_snoozed", "schedule": 60.0},
    "confirmations": {"task": "contacts.tasks.sweep_confirmations", "schedule": 60.0},
    "erased": {"task": "contacts.tasks.scrub_erased", "schedule": 600.0},
    "loose_contents": {
        "task": "transactional.tasks.forget_loose_contents",
        "schedule": 3600.0,
    },
    "suppressions": {
        "task": "transactional.tasks.synchronise_suppressions",
        "schedule": 3600.0,
    },
    "confirmations_owed": {
        "task": "transactional.tasks.mail_owed_confirmations",
        "schedule": 60.0,
    },
    "domains": {"task": "transactional.tasks.check_domains", "schedule": 15.0},
    "automations": {"task": "automations.tasks.advance", "schedule": 1.0},
    "schedules": {"task": "automations.tasks.begin_scheduled", "schedule": 1.0},
    "step_tallies": {"task": "automations.tasks.fold_tallies", "schedule": 5.0},
    "event_days": {"task": "automations.tasks.count_event_days", "schedule": 600.0},
    "old_events": {"task": "automations.tasks.forget_events", "schedule": 3600.0},
    "deleted_workflows": {
        "task": "automations.tasks.drop_workflows",
        "schedule": 600.0,
    },
    "webhooks": {"task": "automations.tasks.sweep_webhooks", "schedule": 2.0},
    "old_webhooks": {"task": "automations.tasks.forget_webhooks", "schedule": 3600.0},
    "heartbeat": {"task": "plunk.api.tasks.beat", "schedule": 5.0},
}
# Shared by all processes and unharmed by a stopped Redis; holds log-in attempts.
CACHES = {
    "default": (
        {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
        if IS_EMBEDDED
        else {
            "BACKEND": "django.core.cache.backends.db.DatabaseCache",
            "LOCATION": "django_cache",
        }
    )
}
#: API requests a minute, project and kind of key; 0 switches the limit off.
API_RATE_LIMIT_PER_MINUTE = (
    env.int("API_RATE_LIMIT_PER_MINUTE", default=1000)
    if env.bool("RATE_LIMIT_ENABLED", default=True)
    else 0
)
#: How the classic API writes a contact's data: `object`, or `string` for old clients
#: that decode JSON text.
CLASSIC_CONTACT_DATA = env.str("CLASSIC_CONTACT_DATA", default="object").lower()
IDEMPOTENCY_KEY_TTL = timedelta(hours=env.int("IDEMPOTENCY_KEY_TTL_HOURS", default=24))

# -- Amazon SES -----------------------------------------------------------------------
AWS_REGION = env.str(
    "AWS_SES_REGION", default=env.str("AWS_REGION", default="us-east-1")
)
AWS_ACCESS_KEY_ID = env.str(
    "AWS_SES_ACCESS_KEY_ID", default=env.str("AWS_ACCESS_KEY_ID", default="")
)
AWS_SECRET_ACCESS_KEY = env.str(
    "AWS_SES_SECRET_ACCESS_KEY", default=env.str("AWS_SECRET_ACCESS_KEY", default="")
)
#: An embedded installation never reaches Amazon by accident, whatever keys lie around.
USES_SIMULATOR = env.bool("PLUNK_SIMULATOR", default=IS_EMBEDDED and not DATABASE_URL)
AWS_ENDPOINT_URL = env.str("AWS_ENDPOINT_URL", default="")
if USES_SIMULATOR:
    if not (AWS_ENDPOINT_URL and AWS_ACCESS_KEY_ID):
        # What the simulator knows us by: its doors are as open to strangers as ours.
        AWS_ACCESS_KEY_ID = salted_hmac(
            "plunk.simulator", "access key", secret=SECRET_KEY, algorithm="sha256"
        ).hexdigest()[:32]
    AWS_ENDPOINT_URL = AWS_ENDPOINT_URL or f"http://127.0.0.1:{PORT}/simulator"
    AWS_SECRET_ACCESS_KEY = AWS_SECRET_ACCESS_KEY or "simulator"
AWS_SES_CONFIGURATION_SET = env.str(
    "AWS_SES_CONFIGURATION_SET",
    default=env.str("SES_CONFIGURATION_SET", default="plunk-configuration-set"),
)
#: For mail whose opens and clicks SES does not count; empty: it counts those of all.
SES_CONFIGURATION_SET_NO_TRACKING = env.str(
    "SES_CONFIGURATION_SET_NO_TRACKING",
    default="plunk-no-tracking" if USES_SIMULATOR else "",
)
#: Whether the opens and clicks we count are stored after the visitor was led on.
TRACKING_THREAD = True
MAIL_FROM_SUBDOMAIN = env.str("MAIL_FROM_SUBDOMAIN", default="plunk")
#: Every sender is accepted where mail only reaches the local Inbox page.
REQUIRES_VERIFIED_DOMAIN = env.bool(
    "REQUIRE_VERIFIED_DOMAIN", default=not USES_SIMULATOR
)
#: Who is asked about the records of domains, as host and port; none: whom the system
#: asks. An IPv6 address stands in brackets.
DNS_SERVERS = [
    (server.hostname or "", server.port or 53)
    for server in (
        urlsplit(f"//{text}") for text in env.list("DNS_SERVERS", default=[])
    )
]
#: Topics whose notifications are ours; others are refused before anything is fetched.
SNS_TOPIC_ARNS = env.list(
    "SNS_TOPIC_ARNS",
    default=[f"arn:aws:sns:{AWS_REGION}:000000000000:plunk"] if USES_SIMULATOR else [],
)
SIMULATOR_DIR = DATA_DIR / "simulator"
#: Where the simulator is reached, as its notifications name it.
SIMULATOR_URL = env.str(
    "SIMULATOR_URL", default=AWS_ENDPOINT_URL or f"http://127.0.0.1:{PORT}/simulator"
)
SIMULATOR_FEEDBACK_URL = env.str(
    "SIMULATOR_FEEDBACK_URL", default=f"http://127.0.0.1:{PORT}/webhooks/sns"
)
SIMULATOR_SIGNATURE_VERSION = env.str("SIMULATOR_SIGNATURE_VERSION", default="2")
#: Whether `/simulator/ctl` makes things go wrong; for tests, never for the open net.
SIMULATOR_CONTROL = env.bool("SIMULATOR_CONTROL", default=False)
SIMULATOR_LOG = env.str("SIMULATOR_LOG", default="")
#: Certificates trusted beside Amazon's: `url=path`, the exact SigningCertURL and the
#: PEM file that stands for it. Never fetched. The simulator's goes here.
SNS_TRUSTED_CERTIFICATES: dict[str, str] = dict(
    pair.split("=", 1) for pair in env.list("SNS_TRUSTED_CERTIFICATES", default=[])
)
if USES_SIMULATOR and not SNS_TRUSTED_CERTIFICATES:
    SNS_TRUSTED_CERTIFICATES = {
        f"{AWS_ENDPOINT_URL}/SimpleNotificationService.pem": str(
            SIMULATOR_DIR / "certificate.pem"
        )
    }

# -- delivery -------------------------------------------------------------------------
#: Mails a second until GetSendQuota has answered (the SES default).
SES_DEFAULT_RATE = env.float("EMAIL_RATE_LIMIT_PER_SECOND", default=14.0)
#: Whether the account's own quota replaces the default; off pins the rate above.
SES_FOLLOWS_QUOTA = env.bool(
    "SES_FOLLOW_QUOTA", default=not env.str("EMAIL_RATE_LIMIT_PER_SECOND", default="")
)
DELIVERY_CONNECTIONS = env.int(
    "EMAIL_WORKER_CONCURRENCY", default=4 if IS_EMBEDDED else 64
)
DELIVERY_BATCH = env.int("DELIVERY_BATCH", default=64)
SES_CONNECT_TIMEOUT_SECONDS = env.float("SES_CONNECT_TIMEOUT_SECONDS", default=3.0)
SES_READ_TIMEOUT_SECONDS = env.float("SES_READ_TIMEOUT_SECONDS", default=30.0)
#: How long a claimed mail belongs to its worker; longer than both timeouts together.
DELIVERY_LEASE_SECONDS = env.float("DELIVERY_LEASE_SECONDS", default=90.0)
#: How long a mail whose answer was lost waits for SES's own word.
DELIVERY_GRACE_SECONDS = env.float("DELIVERY_GRACE_SECONDS", default=900.0)
#: How long a mail that SES keeps refusing for the moment is tried.
DELIVERY_GIVE_UP_SECONDS = env.float("DELIVERY_GIVE_UP_SECONDS", default=86400.0)
#: Pause between probes while the account or a domain is held.
HOLD_PROBE_SECONDS = env.float("HOLD_PROBE_SECONDS", default=60.0)
QUOTA_PROBE_SECONDS = env.float("QUOTA_PROBE_SECONDS", default=600.0)
MAX_ATTACHMENTS_COUNT = env.int("MAX_ATTACHMENTS_COUNT", default=10)
MAX_ATTACHMENT_SIZE_MB = env.int("MAX_ATTACHMENT_SIZE_MB", default=10)
#: Pictures for mails that a project may keep.
MAX_IMAGES_COUNT = env.int("MAX_IMAGES_COUNT", default=500)
MAX_IMAGES_MB = env.int("MAX_IMAGES_MB", default=200)

# -- events ---------------------------------------------------------------------------
#: How many days what happened is kept; 0: for ever. At most a hundred years.
EVENTS_KEPT_DAYS = min(max(env.int("EVENTS_KEPT_DAYS", default=0), 0), 36_500)

# -- outgoing webhooks ----------------------------------------------------------------
#: Networks that webhooks may reach although they are not on the open net.
WEBHOOK_ALLOWED_NETWORKS = [
    ip_network(text.strip())
    for text in env.list("WEBHOOK_ALLOWED_NETWORKS", default=[])
]
#: Calls at once of each worker process, and to one endpoint of all together.
WEBHOOK_THREADS = max(env.int("WEBHOOK_THREADS", default=8 if IS_EMBEDDED else 16), 2)
WEBHOOK_CALLS_PER_ENDPOINT = max(env.int("WEBHOOK_CALLS_PER_ENDPOINT", default=4), 1)

# -- SMTP submission ------------------------------------------------------------------
SMTP_ENABLED = env.bool("SMTP_ENABLED", default=True)
SMTP_HOST = env.str("SMTP_HOST", default=env.str("BIND_HOST", default="127.0.0.1"))
#: What the server calls itself, and what its certificate is for.
SMTP_DOMAIN = env.str(
    "SMTP_DOMAIN", default="localhost" if _APP_HOST == "127.0.0.1" else _APP_HOST
)
#: The ports of the standard are for privileged users: not for one's own machine.
SMTP_PORT_SECURE = env.int(
    "SMTP_PORT_SECURE",
    default=env.int("PORT_SECURE", default=2465 if IS_EMBEDDED else 465),
)
SMTP_PORT_SUBMISSION = env.int(
    "SMTP_PORT_SUBMISSION",
    default=env.int("PORT_SUBMISSION", default=2587 if IS_EMBEDDED else 587),
)
SMTP_MAX_RECIPIENTS = min(
    max(
        env.int("SMTP_MAX_RECIPIENTS", default=env.int("MAX_RECIPIENTS", default=5)), 1
    ),
    100,
)
SMTP_MAX_CONNECTIONS = env.int("SMTP_MAX_CONNECTIONS", default=500)
SMTP_MAX_CONNECTIONS_PER_ADDRESS = env.int(
    "SMTP_MAX_CONNECTIONS_PER_ADDRESS", default=100
)
#: Mails by SMTP that are accepted at once; each has a session of the database.
SMTP_THREADS = env.int("SMTP_THREADS", default=4 if IS_EMBEDDED else 8)
#: Holds fullchain.pem and privkey.pem; empty: a certificate is made.
CERT_PATH = env.str("CERT_PATH", default="")
#: Traefik's file of certificates; that of SMTP_DOMAIN is used.
ACME_JSON_PATH = env.str("ACME_JSON_PATH", default="")

# -- import ---------------------------------------------------------------------------
#: The largest file of contacts, also after unpacking.
IMPORT_MAX_MB = env.int("IMPORT_MAX_MB", default=512)

# -- consent --------------------------------------------------------------------------
#: Days in which a contact that was asked has to confirm (double opt-in).
CONFIRMATION_DAYS = env.int("CONFIRMATION_DAYS", default=7)
#: Days after which it is reminded, once; 0: never.
CONFIRMATION_REMINDER_DAYS = env.int("CONFIRMATION_REMINDER_DAYS", default=2)

# -- accounts -------------------------------------------------------------------------
AUTH_USER_MODEL = "projects.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
_VALIDATION = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {"NAME": f"{_VALIDATION}.MinimumLengthValidator", "OPTIONS": {"min_length": 8}},
    {"NAME": f"{_VALIDATION}.CommonPasswordValidator"},
    {"NAME": f"{_VALIDATION}.UserAttributeSimilarityValidator"},
]
ACCOUNT_ADAPTER = "plunk.projects.accounts.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_SESSION_REMEMBER = True
#: How many proxies in front add to X-Forwarded-For: whose log-ins are counted together.
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", default=int(IS_HTTPS))
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_LOGIN_ON_PASSWORD_RESET = False
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if IS_HTTPS else "http"
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
PASSWORD_RESET_TIMEOUT = 3600
SESSION_COOKIE_NAME = "plunk_session"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = "plunk_csrf"
CSRF_COOKIE_HTTPONLY = True
EMAIL_BACKEND = "django_ses.SESBackend"
USE_SES_V2 = True
AWS_SES_REGION_NAME = AWS_REGION
AWS_SES_REGION_ENDPOINT_URL = AWS_ENDPOINT_URL or None
AWS_SES_ACCESS_KEY_ID = AWS_ACCESS_KEY_ID
AWS_SES_SECRET_ACCESS_KEY = AWS_SECRET_ACCESS_KEY
DEFAULT_FROM_EMAIL = env.str(
    "PLUNK_FROM_ADDRESS", default=f"Plunk <no-reply@{_APP_HOST}>"
)
if "@127.0.0.1" in DEFAULT_FROM_EMAIL or "@localhost" in DEFAULT_FROM_EMAIL:
    DEFAULT_FROM_EMAIL = "Plunk <no-reply@example.com>"

# -- security -------------------------------------------------------------------------
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_HTTPS
SECURE_SSL_REDIRECT = IS_HTTPS and env.bool("SSL_REDIRECT", default=True)
# Probes and the load balancer's own checks speak plain HTTP inside the network.
SECURE_REDIRECT_EXEMPT = [r"^(api/)?(health|ready)/?$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if IS_HTTPS else None
SECURE_HSTS_SECONDS = 31_536_000 if IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = IS_HTTPS
SECURE_HSTS_PRELOAD = IS_HTTPS
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"  # but for the views that show a mail in our own frame
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "frame-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [SELF],
    }
}

# -- static files ---------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "plunk.pages.static_files.ModulesStorage"},
}
WHITENOISE_KEEP_ONLY_HASHED_FILES = True

# -- logging --------------------------------------------------------------------------
LOG_LEVEL = env.str("LOG_LEVEL", default="INFO").upper()
LOG_FORMAT = env.str("LOG_FORMAT", default="json")
LOGGING_CONFIG = None
configure_logging(level=LOG_LEVEL, style=LOG_FORMAT)
