"""Cutting a connection without an answer, as a dying network does."""

from __future__ import annotations

import logging
import socket

from django.http import HttpRequest

logger = logging.getLogger(__name__)


def cut(request: HttpRequest) -> None:
    """Shut the caller's socket; only gunicorn hands it out, elsewhere nothing happens.

    What the server writes afterwards meets a closed pipe, which gunicorn ignores.
    """
    connection = request.META.get("gunicorn.socket")
    if not isinstance(connection, socket.socket):
        logger.warning("this server cannot cut a connection: answering 502 instead")
        return
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError as error:
        logger.info("the caller was gone already", extra={"error": str(error)})
