"""What the document says of /ws, which OpenAPI has no words for."""

from gpufleet_collector.web.frames.view import MAX_LAYOUT_SECONDS
from gpufleet_collector.web.frames.views import MAKING_SHARE, MAX_VIEWS
from gpufleet_collector.web.parameters import MAX_ITEMS
from gpufleet_collector.web.settings import WebSettings
from gpufleet_collector.web.stream import STALLED
from gpufleet_collector.web.subscriptions import (
    DEFAULT_FRAME_SECONDS,
    MAX_INTERVAL_SECONDS,
    MAX_MESSAGE_BYTES,
    MIN_FRAME_SECONDS,
)

_DEFAULTS = WebSettings()

WEBSOCKET = f"""
## Live: the WebSocket at `/ws`

On connect comes the current state of every GPU, and from then on one message for each change. All are JSON text:

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
{{"type": "subscribe", "format": "events", "hosts": ["host-001"], "gpus": [], "labels": [], "metrics": ["power_watts"],
 "interval_seconds": 5}}
```

`labels` are those of hosts, as `NAME=VALUE`: several values of one name mean any of them, different names mean all.
Empty lists are everything, and what is not empty has to hold all together; a list has at most {MAX_ITEMS:,} items, a
message {MAX_MESSAGE_BYTES // 1024} KiB, and `interval_seconds` goes from 0 (every sample) to
{MAX_INTERVAL_SECONDS:.0f}. Nothing is answered: the messages simply follow, beginning with the current state. Above
`GPUFLEET_WS_EVENTS_MAX_GPUS` ({_DEFAULTS.events_max_gpus:,}) GPUs a client that names neither hosts nor GPUs gets an
`error` that says how to filter, or to ask for frames. At most one message per GPU waits for a client, the newest.

### Frames: many GPUs by column

```json
{{"type": "subscribe", "format": "frames", "labels": ["pool=train"], "metrics": ["power_watts"], "interval_seconds": 1}}
```

* `{{"type": "layout", "layout": 7, "metrics": ["power_watts"], "interval_seconds": 1, "gpus": [{{"host", "gpu_uuid",
  "gpu_index", "gpu_name", "parent_uuid", "mig_profile", "simulated"}}]}}`: which GPU has which row. It comes first, and
  with another number when GPUs come, go, move or look different; in a large fleet that changes all the while at most
  every {MAX_LAYOUT_SECONDS:.0f} s, and GPUs that went show nothing until then.
* `{{"type": "frame", "layout": 7, "time": "…", "recorded_at": ["…"], "state": ["ok"],
  "values": {{"power_watts": [300.5]}}}}`: every GPU of that layout, in its order, at `time` (the collector's clock).
  `recorded_at` is the instant of the newest core tick, however old, or null; values are current, or null.
* `host_state` for every host that is selected, at first and when it changes, and `event`, both as above.

The first frame comes at once and shows the current state; then one comes every `interval_seconds`
({DEFAULT_FRAME_SECONDS:.0f} when it is not given, at least {MIN_FRAME_SECONDS:g}). Clients that ask for the same get
the same bytes; at most {MAX_VIEWS:,} different views are made, one more is an `error`, and frames come less often where
all views together would take more than {MAKING_SHARE:.0%} of a core to make. Nothing is compressed. Of a client that
does not keep up only the newest frame waits.

In both formats a client that has not read for {_DEFAULTS.stall_seconds:.0f} s is closed with {STALLED}. Above
{_DEFAULTS.max_websocket_clients:,} clients the answer is 503.
"""
