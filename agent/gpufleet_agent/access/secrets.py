"""Secrets stay out of what people read: logs, errors, what the doctor prints."""

import re

_TOKEN = re.compile(r"gpf_[\w-]+")
HIDDEN = "gpf_..."


def without_tokens(text: str) -> str:
    """The text with every token in it cut to its beginning: for what somebody wrote in the wrong place."""
    return _TOKEN.sub(HIDDEN, text)
