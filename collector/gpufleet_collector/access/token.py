"""The token itself: made once, shown once, and known afterwards by its digest alone."""

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field

ID_BYTES, SECRET_BYTES = 6, 32
ID_LENGTH = 10
TOKEN_ID = re.compile(rf"[a-z2-7]{{{ID_LENGTH}}}")
TOKEN = re.compile(rf"gpf_({TOKEN_ID.pattern})_[A-Za-z0-9_-]{{43}}")
"""It begins so that whoever finds one, also a scanner for secrets, knows what it is."""

Randomness = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Token:
    """`id` is its public part, by which it is listed and revoked."""

    id: str
    text: str = field(repr=False)

    @property
    def digest(self) -> bytes:
        return digest_of(self.text)


def make_token(randomness: Randomness) -> Token:
    """A new one, of 256 random bits: nothing that is guessed or that a slow hash has to protect."""
    name = base64.b32encode(randomness(ID_BYTES + 1)).decode().lower()[:ID_LENGTH]
    secret = base64.urlsafe_b64encode(randomness(SECRET_BYTES)).decode().rstrip("=")
    return Token(name, f"gpf_{name}_{secret}")


def digest_of(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", errors="replace")).digest()


def id_of(text: str) -> str | None:
    """The public part of a token; None for what is none."""
    match = TOKEN.fullmatch(text)
    return match[1] if match else None
