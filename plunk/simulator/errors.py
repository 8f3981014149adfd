"""What the simulator answers instead of doing what was asked."""

from __future__ import annotations


class AwsError(Exception):
    """A refusal as AWS words it; `query_code` is its name in the query API."""

    def __init__(
        self, code: str, message: str, *, query_code: str = "", status: int = 400
    ) -> None:
        super().__init__(message)
        self.code = code
        self.query_code = query_code or code
        self.message = message
        self.status = status


class AnswerLost(Exception):
    """The call was carried out, and its caller must not learn so."""

    def __init__(self, *, is_cut: bool) -> None:
        super().__init__("The answer is lost on purpose.")
        self.is_cut = is_cut


def bad_request(message: str) -> AwsError:
    """Return the error for input that makes no sense."""
    return AwsError("BadRequestException", message, query_code="InvalidParameterValue")
