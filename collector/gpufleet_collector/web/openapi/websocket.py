"""What the document says of /ws, which OpenAPI has no words for."""

from gpufleet_collector.web.parameters import MAX_ITEMS
from gpufleet_collector.web.settings import WebSettings
from gpufleet_collector.web.stream import STALLED
from gpufleet_collector.web.subscriptions import MAX_INTERVAL_SECONDS, MAX_MESSAGE_BYTES

_DEFAULTS = WebSettings()

WEBSOCKET = f"""
## Live: the WebSocket at `/ws`

On connect come the current state of every GPU and host, and from then on one message for each change. All are JSON
text:

* `{{"type": "gpu_stats", "data": {{…}}}}`: a sample of one GPU, or what is left of it when values became too old to
  be called now (its `timestamp` stays). `data` has `gpu_index`, `gpu_name`, the first eight
  metrics of `/api/v1/catalog`, `timestamp` (when they were read, or null), then `host`, `gpu_uuid`, `state`,
  `host_state`, `simulated`, `parent_uuid`, `mig_profile`, `mig_instance` and the other metrics.
* `{{"type": "host_state", "data": {{"host", "state", "since"}}}}`: a host came, went or fell silent.
* `{{"type": "event", "data": {{…}}}}`: something happened; `data` is an object of `/api/v1/events`.
* `{{"type": "error", "data": {{"title", "detail", "parameter"}}}}`: a message that was not understood, or too much was
  asked for. It never closes the socket.

A client may say, and say again to replace, what it wants to hear of:

```json
{{"type": "subscribe", "format": "events", "hosts": ["host-001"], "gpus": [], "metrics": ["power_watts"],
 "interval_seconds": 5}}
```

Empty lists are everything; a list has at most {MAX_ITEMS:,} items, a message {MAX_MESSAGE_BYTES // 1024} KiB, and
`interval_seconds` goes from 0 (every sample) to {MAX_INTERVAL_SECONDS:.0f}. Nothing is answered: the messages simply
follow, beginning with the current state. Above `GPUFLEET_WS_EVENTS_MAX_GPUS` ({_DEFAULTS.events_max_gpus:,}) GPUs a
client that filters nothing gets an `error` that says how. At most one message per GPU waits for a client, the newest;
one that has not read for {_DEFAULTS.stall_seconds:.0f} s is closed with {STALLED}. Above
{_DEFAULTS.max_websocket_clients:,} clients the answer is 503.
"""
