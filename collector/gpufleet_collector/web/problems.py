"""Everything that goes wrong with a request, told as application/problem+json."""

from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ExceptionHandler

from gpufleet_collector.errors import (
    BadRequest,
    ConfigurationError,
    DatabaseUnavailable,
    ExtraMissing,
    QueryTooLong,
    TooMuch,
)
from gpufleet_collector.selfmetrics import SelfMetrics
from gpufleet_collector.web.answers import answer
from gpufleet_collector.web.headers import STRICT_HEADERS

PROBLEM = "application/problem+json"
_TITLES = {413: "Content Too Large"}
"""Those that versions of Python have different words for."""


def problem(status: int, detail: str, parameter: str | None = None) -> Response:
    """RFC 9457, with the name of the parameter at fault."""
    content = {
        "type": "about:blank",
        "title": _TITLES.get(status) or HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "parameter": parameter,
    }
    return answer(content, status, PROBLEM)


async def _bad_request(_request: Request, error: Exception) -> Response:
    assert isinstance(error, BadRequest)
    return problem(HTTPStatus.BAD_REQUEST, str(error), error.parameter)


async def _not_here(_request: Request, error: Exception) -> Response:
    return problem(HTTPStatus.NOT_IMPLEMENTED, str(error))


async def _database_unavailable(_request: Request, error: Exception) -> Response:
    response = problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error) or "the database does not answer")
    response.headers["Retry-After"] = "1"
    return response


async def _http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    response = problem(error.status_code, error.detail)
    response.headers.update(error.headers or {})
    return response


async def _failure(_request: Request, _error: Exception) -> Response:
    """Answered outside every other layer, so it brings the strict headers itself; the server logs the error."""
    response = problem(HTTPStatus.INTERNAL_SERVER_ERROR, "the collector failed to answer this; its log says why")
    response.headers.update(STRICT_HEADERS)
    return response


def handlers(metrics: SelfMetrics) -> dict[type[Exception], ExceptionHandler]:
    """For each kind of error, what makes an answer of it."""

    async def too_long(_request: Request, error: Exception) -> Response:
        metrics.questions_refused.labels(reason="too_long").inc()
        return problem(HTTPStatus.BAD_REQUEST, str(error))

    async def too_much(request: Request, error: Exception) -> Response:
        metrics.questions_refused.labels(reason="too_much").inc()
        return await _bad_request(request, error)

    return {
        BadRequest: _bad_request,
        TooMuch: too_much,
        QueryTooLong: too_long,
        ExtraMissing: _not_here,
        DatabaseUnavailable: _database_unavailable,
        ConfigurationError: _database_unavailable,
        HTTPException: _http,
        Exception: _failure,
    }
