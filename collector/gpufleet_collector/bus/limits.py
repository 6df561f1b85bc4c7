"""Every bound of the bus by name, with what happens at it."""

INTERVAL_SECONDS = 1.0
"""So often a collector tells what is new."""

MAX_MESSAGE_BYTES = 512 * 1024
"""What is told is cut into messages below this; NATS takes 1 MiB unless it is told otherwise."""

MAX_HOST_BYTES = 256 * 1024
"""A host whose record is larger is told without its processes, and counted."""

MAX_RECEIVED_BYTES = 8 * 1024 * 1024
"""A larger message is not read, and counted."""

MAX_WAITING_BYTES = 64 * 1024 * 1024
MAX_WAITING_MESSAGES = 4_096
"""Received and not yet taken in; past either, messages are dropped and counted, and asked for again."""

SEND_SECONDS = 5.0
"""A bus that does not take a message for so long counts as away."""

AWAY_SECONDS = 3.0
"""A bus that comes back sooner was not away: nothing is said, and nothing is taken for unknown."""

PEER_SILENT_SECONDS = 10.0
"""A collector that says nothing for so long is no peer any more; what is known of its hosts stays, and grows old."""

MAX_PEERS = 64
"""Further collectors are not listened to, and counted."""

ASK_SECONDS = 2.0
"""A peer is asked for everything that it knows at most so often."""

MAX_ASKERS = 64
"""Peers that wait for everything; further ones are not answered, and ask again."""

MAX_EVENTS = 1_000
"""Events of peers that are still to be read from the database; past it the oldest is not told to WebSocket clients."""

EVENT_SECONDS = 60.0
"""An event that the database does not have after so long is not told."""

EVENTS_AT_ONCE = 500
"""So many events are read with one question."""
