"""Where the next page begins: opaque to clients, and good only for the question that it came from."""

import base64
import binascii
import hashlib
from collections.abc import Sequence

import orjson

from gpufleet_collector.errors import BadRequest
from gpufleet_collector.web.parameters import MAX_CURSOR_LENGTH, MAX_ITEM_LENGTH, Parameters

MAX_NUMBER = 2**62

Part = str | int
"""Keys are made of texts and whole numbers."""


class Cursors:
    """The cursors of one question. `shape` gives the type of each part of a key."""

    def __init__(self, path: str, parameters: Parameters, shape: Sequence[type[Part]]) -> None:
        question = orjson.dumps([path, parameters.binding()])
        self._fingerprint = hashlib.sha256(question).hexdigest()[:16]
        self._shape = tuple(shape)

    def write(self, key: Sequence[Part]) -> str:
        """The cursor of the page that begins after this key."""
        return base64.urlsafe_b64encode(orjson.dumps([self._fingerprint, *key])).rstrip(b"=").decode()

    def read(self, text: str | None) -> tuple[Part, ...] | None:
        """The key that a cursor of the same question holds. Raises BadRequest for any other."""
        if text is None:
            return None
        content = _decode(text)
        if not isinstance(content, list) or not content or content[0] != self._fingerprint:
            raise BadRequest("cursor", "belongs to other parameters, or is broken: ask again without it")
        key = content[1:]
        if len(key) != len(self._shape) or not all(map(_fits, key, self._shape)):
            raise _broken()
        return tuple(key)


def _decode(text: str) -> object:
    if len(text) > MAX_CURSOR_LENGTH or not text.isascii():
        raise _broken()
    try:
        return orjson.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, orjson.JSONDecodeError) as error:
        raise _broken() from error


def _fits(part: object, kind: type[Part]) -> bool:
    if kind is str:
        return isinstance(part, str) and len(part) <= MAX_ITEM_LENGTH and "\0" not in part
    return isinstance(part, int) and not isinstance(part, bool) and 0 <= part < MAX_NUMBER


def _broken() -> BadRequest:
    return BadRequest("cursor", "is broken: ask again without it")
