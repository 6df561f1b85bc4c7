"""What all WebSocket clients of one collector have in common."""

from dataclasses import dataclass

from gpufleet_collector.live.live import Live
from gpufleet_collector.selfmetrics import SelfMetrics
from gpufleet_collector.web.events import Encoder
from gpufleet_collector.web.frames.views import FrameViews
from gpufleet_collector.web.settings import WebSettings


@dataclass(frozen=True, slots=True)
class Shared:
    """Every client has the same one."""

    live: Live
    encoder: Encoder
    views: FrameViews
    metrics: SelfMetrics
    settings: WebSettings

    def sent(self, size: int) -> None:
        self.metrics.websocket_bytes.inc(size)

    def frame_sent(self) -> None:
        self.metrics.websocket_frames.inc()

    def frame_superseded(self) -> None:
        self.metrics.websocket_frames_superseded.inc()
