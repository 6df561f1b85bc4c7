"""Which settings there are, for those who look whether deploy/ names others."""

import re
from collections.abc import Iterator

from gpufleet_agent.settings import SETTINGS as AGENT_SETTINGS
from gpufleet_collector.settings import SETTINGS as COLLECTOR_SETTINGS

AGENT = frozenset(setting.variable for setting in AGENT_SETTINGS)
FROM_FILES = frozenset(f"{setting.variable}_FILE" for setting in COLLECTOR_SETTINGS if setting.is_secret)
COLLECTOR = frozenset(setting.variable for setting in COLLECTOR_SETTINGS) | FROM_FILES

_LIKE_A_SETTING = re.compile(
    r"\b(?:GPUFLEET_[A-Z0-9_]*[A-Z0-9]|GPU_[A-Z_]+|DATABASE_URL(?:_FILE)?|PG_BIN|RETENTION_[A-Z_]+|PACK_[A-Z_]+)\b"
)


def named_in(text: str) -> Iterator[str]:
    """What looks like the name of a setting of ours."""
    yield from _LIKE_A_SETTING.findall(text)
