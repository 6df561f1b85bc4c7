"""GET /api/openapi.json: the whole API for programs, made from what the code itself reads and writes."""

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from gpufleet_collector.web.answers import NO_STORE
from gpufleet_collector.web.endpoints import parameters
from gpufleet_collector.web.openapi.objects import SCHEMAS
from gpufleet_collector.web.openapi.operation import JSON
from gpufleet_collector.web.openapi.operations import OPERATIONS, TAGS
from gpufleet_collector.web.openapi.websocket import WEBSOCKET
from gpufleet_collector.web.serving.http import MAX_REQUEST_HEAD_BYTES

_RULES = f"""
* Everything here is read with GET or HEAD; any other method is answered by 405, but for `/api/v1/session` and
  `/api/v1/tokens`.
* Where the collector has tokens, everything but `/healthz`, `/readyz` and `/api/v1/session` needs one of a viewer or
  an admin, as `Authorization: Bearer TOKEN` or as the cookie of a login: 401 without a valid one, 403 where it does not
  allow what was asked for. More requests of one client than the collector takes are answered 429.
* Times are written as `2026-01-01T00:00:00.123456Z`. Any offset is read, and none means UTC. Ranges are
  `[since, until)`.
* Lists are comma-separated or repeated.
* A host or GPU that is not known gives 200 and an empty list.
* What goes wrong is `application/problem+json`, which names the `parameter` at fault. An API path that does not exist
  is 404, and a request line that with its headers is longer than {MAX_REQUEST_HEAD_BYTES // 1024} KiB may be refused
  unread by 400.
* A value that could not be read is null: never 0, never the last one.
* Fields may be added to objects: leave alone what you do not know.
"""


def document(version: str) -> dict[str, Any]:
    """The description of this version of the API."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "gpufleet",
            "version": version,
            "summary": "Every NVIDIA GPU of a fleet, now and in the past",
            "description": (_RULES + WEBSOCKET).strip(),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": {path: operation.path_item(SCHEMAS) for path, operation in OPERATIONS.items()},
        "components": {"schemas": dict(SCHEMAS)},
    }


class OpenApi:
    """The document is made once."""

    def __init__(self, version: str) -> None:
        self._text = orjson.dumps(document(version))

    async def __call__(self, request: Request) -> Response:
        parameters(request, ())
        return Response(self._text, media_type=JSON, headers={"Cache-Control": NO_STORE})
