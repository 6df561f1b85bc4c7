"""Pages: the files that a build left in a directory. The dashboard answers every other path too, with its index."""

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response

from gpufleet_collector.web.answers import NO_STORE

# Not from the system's tables, which differ and may say text/plain of JavaScript, which browsers then refuse.
CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
HASHED_DIRECTORY = "assets"
"""Where the build puts files whose names change with their contents."""
FOR_A_YEAR = "public, max-age=31536000, immutable"
ASK_FIRST = "no-cache"
NOT_BUILT = "The dashboard is not built: run `make dashboard`. The API is there: /api/system/gpu-stats\n"


@dataclass(frozen=True, slots=True)
class Page:
    """The files of `directory` are found under the path `under`, and its index at that path itself; a page that is
    `everywhere` is also at every path below that is no file."""

    directory: Path
    under: str = ""
    everywhere: bool = True

    async def __call__(self, request: Request) -> Response:
        relative = request.url.path.removeprefix(self.under).lstrip("/")
        file = await asyncio.to_thread(self._find, relative)
        if file is None and not self.everywhere and relative:
            raise HTTPException(HTTPStatus.NOT_FOUND, f"there is no {request.url.path[:256]} here")
        if file is None:
            return PlainTextResponse(NOT_BUILT, HTTPStatus.SERVICE_UNAVAILABLE, headers={"Cache-Control": NO_STORE})
        is_hashed = file.parent == (self.directory / HASHED_DIRECTORY).resolve()
        return FileResponse(
            file,
            media_type=CONTENT_TYPES.get(file.suffix, "application/octet-stream"),
            headers={"Cache-Control": FOR_A_YEAR if is_hashed else ASK_FIRST},
        )

    def _find(self, relative: str) -> Path | None:
        found = self._file(relative)
        return self._file("index.html") if found is None and (self.everywhere or not relative) else found

    def _file(self, relative: str) -> Path | None:
        """The file at this path, if it is one and lies inside the directory, links followed."""
        root = self.directory.resolve()
        try:
            file = (root / relative).resolve()
            return file if file.is_relative_to(root) and file.is_file() else None
        except (OSError, ValueError):
            # No file has such a name: too long, or with a NUL in it.
            return None
