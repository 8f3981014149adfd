"""What an API answers when it cannot do what was asked: one small tree, mapped once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

#: The longest piece of input that an answer repeats.
ECHO_LIMIT = 200


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with one field, named by its dotted path."""

    field: str
    message: str
    code: str

    def as_dict(self) -> dict[str, str]:
        return {"field": self.field, "message": self.message, "code": self.code}


class ApiError(Exception):
    """The base of every anticipated error; `status` is the HTTP status."""

    status: ClassVar[int] = 400
    code: str = "BAD_REQUEST"
    suggestion: str = ""

    def __init__(
        self, message: str, *, code: str = "", headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.headers = headers or {}


class BadRequest(ApiError):
    status = 400


class InvalidBody(ApiError):
    """The body is JSON that this API does not read, or not an object."""

    status = 400
    code = "INVALID_REQUEST_BODY"
    suggestion = "Send one JSON object, encoded as UTF-8."


class NotJson(ApiError):
    status = 400
    code = "VALIDATION_ERROR"
    suggestion = "Send one JSON object, encoded as UTF-8."


class MissingAuth(ApiError):
    status = 401
    code = "MISSING_AUTH"
    suggestion = "Send the header 'Authorization: Bearer <key>'."

    def __init__(self, message: str) -> None:
        super().__init__(message, headers={"WWW-Authenticate": "Bearer"})


class InvalidKey(ApiError):
    status = 401
    code = "INVALID_API_KEY"
    suggestion = "Copy the key from the project's settings."

    def __init__(self, message: str) -> None:
        super().__init__(message, headers={"WWW-Authenticate": "Bearer"})


class Forbidden(ApiError):
    status = 403
    code = "FORBIDDEN"


class ProjectDisabled(Forbidden):
    code = "PROJECT_DISABLED"
    suggestion = "Ask the operator of this installation why the project is disabled."


class NotFound(ApiError):
    status = 404
    code = "RESOURCE_NOT_FOUND"


class MethodNotAllowed(ApiError):
    """The address answers other methods; the error names them, and so does `Allow`."""

    status = 405
    code = "METHOD_NOT_ALLOWED"

    def __init__(self, method: str, allowed: Sequence[str]) -> None:
        names = ", ".join(allowed)
        super().__init__(
            f"{method[:ECHO_LIMIT]} is not allowed here. Allowed are: {names}.",
            headers={"Allow": names},
        )


class Conflict(ApiError):
    status = 409
    code = "CONFLICT"


class IdempotencyKeyReused(Conflict):
    code = "IDEMPOTENCY_KEY_REUSED"
    suggestion = "Use a new Idempotency-Key for every request that differs."


class TooLarge(ApiError):
    status = 413
    code = "PAYLOAD_TOO_LARGE"


class UnsupportedMediaType(ApiError):
    status = 415
    code = "UNSUPPORTED_MEDIA_TYPE"
    suggestion = "Send 'Content-Type: application/json', not compressed."


class Invalid(ApiError):
    """One or more fields are wrong; each is named."""

    status = 422
    code = "VALIDATION_ERROR"
    suggestion = "Mend the fields named in 'errors' and send the request again."

    def __init__(self, errors: Sequence[FieldError]) -> None:
        first = errors[0]
        super().__init__(f"{first.field[:ECHO_LIMIT]}: {first.message}")
        self.errors = list(errors)


class RateLimited(ApiError):
    status = 429
    code = "RATE_LIMIT_EXCEEDED"
    suggestion = "Wait as many seconds as the header Retry-After says."


class Unavailable(ApiError):
    status = 503
    code = "SERVICE_UNAVAILABLE"
    suggestion = "Try again in a few seconds; nothing was stored."

    def __init__(self, message: str = "The database cannot be reached.") -> None:
        super().__init__(message, headers={"Retry-After": "3"})


def invalid(field: str, message: str, code: str) -> Invalid:
    """Return the error of a single wrong field."""
    return Invalid([FieldError(field, message, code)])
