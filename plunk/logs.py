"""Logging: one JSON object a line, with the request and project it belongs to.

Whoever reads a log must not be able to act with what stands in it, whichever library
wrote it: keys, links that act without a log-in and query strings are taken out last.
"""

from __future__ import annotations

import logging.config
import re
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog

#: Writes one line for every request, often enough to have a short way of its own.
ACCESS_LOGGER = "plunk.access"

#: API keys, the tokens in recipients' and password links, and query strings.
_SECRET = re.compile(
    r"([ps]k_)[0-9a-f]{8,}"
    r"|(/(?:(?:un)?subscribe|manage|t/[co]|contacts/public|password/reset/key)/)"
    r"[^/\s\"'<>?\\\x1b]+"
    r"|(\?)[^\s\"'<>?=\\\x1b]*=[^\s\"'<>\\\x1b]*"
)


def redact(text: str) -> str:
    """Return a text without the secrets that addresses and messages may hold."""
    return _SECRET.sub(r"\1\2\3…", text)


def _drop_request(
    _logger: Any, _method: str, line: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Drop Django's request object, which says nothing but the whole address."""
    if not isinstance(line.get("request"), dict):
        line.pop("request", None)
    return line


#: What structlog adds to every line, whoever wrote it.
_SHARED: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.ExtraAdder(),
    _drop_request,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


class AccessFormatter(logging.Formatter):
    """Write a request's line as JSON, in a tenth of the general formatter's time."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "event": record.msg,
            **structlog.contextvars.get_contextvars(),
            **getattr(record, "request", {}),
            "logger": record.name,
            "level": "info",
            "timestamp": datetime.fromtimestamp(record.created, UTC),
        }
        return redact(_dumps(line))


class LineFormatter(structlog.stdlib.ProcessorFormatter):
    """Write any line, and nothing secret in it, not even in a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def configure_logging(*, level: str, style: str) -> None:
    """Send every logger to standard error as `style` (`json` or `console`)."""
    is_json = style == "json"
    renderer: list[structlog.typing.Processor] = (
        [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(_dumps),
        ]
        if is_json
        # A plain traceback: a prettier one shows what variables hold.
        else [
            structlog.dev.ConsoleRenderer(
                exception_formatter=structlog.dev.plain_traceback
            )
        ]
    )
    line = {
        "()": LineFormatter,
        "foreign_pre_chain": _SHARED,
        "processors": [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *renderer,
        ],
    }
    stream = "logging.StreamHandler"
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "line": line,
                "access": {"()": AccessFormatter} if is_json else line,
            },
            "handlers": {
                "stderr": {"class": stream, "formatter": "line"},
                "access": {"class": stream, "formatter": "access"},
            },
            "root": {"handlers": ["stderr"], "level": level},
            "loggers": {
                ACCESS_LOGGER: {"handlers": ["access"], "propagate": False},
                # One line for every request is the access log's work, not Django's.
                "django.server": {"level": "WARNING"},
                "celery.app.trace": {"level": "WARNING"},
                "celery.worker.strategy": {"level": "WARNING"},
                "celery.beat": {"level": "WARNING"},
                "botocore": {"level": "WARNING"},
                "urllib3": {"level": "ERROR"},
            },
        }
    )


def _dumps(value: Any, **_: Any) -> str:
    return orjson.dumps(value, default=str).decode()
