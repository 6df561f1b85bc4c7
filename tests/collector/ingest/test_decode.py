"""Strings from outside are cleaned, cut and counted; identities are kept or left out, never altered."""

from hypothesis import given
from hypothesis import strategies as st

from gpufleet_collector.ingest.decode import Cleaner, agent_of, cost_of, inventory_of
from gpufleet_collector.ingest.limits import IngestLimits
from gpufleet_proto import telemetry_pb2 as pb
from gpufleet_proto.catalog import BY_NAME

NOW = 1_790_000_000_000_000


def cleaner() -> Cleaner:
    return Cleaner(IngestLimits())


def test_nul_is_removed_and_ten_kilobytes_are_cut_and_both_are_counted() -> None:
    clean = cleaner()
    hello = pb.Hello(agent_id="a\0b", platform="x" * 10_000, agent_version="1.0")
    agent = agent_of(hello, clean)
    assert agent.agent_id == "ab"
    assert len(agent.platform) == IngestLimits().string_length
    assert agent.version == "1.0"
    assert clean.trimmed == 2


@given(st.text(max_size=600))
def test_whatever_is_sent_what_is_kept_is_short_and_printable(text: str) -> None:
    clean = cleaner()
    kept = clean.text(text)
    assert kept.isprintable()
    assert len(kept) <= IngestLimits().string_length
    assert (kept != text) == bool(clean.trimmed)


def test_labels_past_the_limit_are_left_out_and_counted() -> None:
    clean = cleaner()
    agent = agent_of(pb.Hello(labels={f"k{n}": "v" for n in range(70)}), clean)
    assert len(agent.labels) == 64
    assert clean.trimmed == 6


def test_gpus_without_a_usable_identity_or_listed_twice_are_left_out() -> None:
    clean = cleaner()
    message = pb.Inventory(gpus=[pb.Gpu(gpu_uuid=uuid) for uuid in ("GPU-1", "", "GPU-1", "bad\0", "GPU-2")])
    inventory = inventory_of(message, clean, NOW)
    assert [gpu.uuid for gpu in inventory.gpus] == ["GPU-1", "GPU-2"]
    assert clean.trimmed == 3


def test_a_whole_gpu_keeps_what_was_sent_and_what_was_not_is_none() -> None:
    absence = pb.Absence(metric=BY_NAME["fan_speed_percent"].number, reason=pb.Absence.NOT_SUPPORTED)
    unknown = pb.Absence(metric=999, reason=pb.Absence.ERROR)
    gpu = pb.Gpu(gpu_uuid="GPU-1", gpu_index=0, gpu_name="A, B", state=pb.Gpu.LOST, absences=[absence, unknown])
    (read,) = inventory_of(pb.Inventory(observed_at_us=5, gpus=[gpu]), cleaner(), NOW).gpus
    assert (read.index, read.name, read.state, read.serial) == (0, "A, B", "lost", None)
    assert read.absent == {"fan_speed_percent": "NOT_SUPPORTED"}


def test_a_state_of_a_newer_agent_is_unknown_and_an_absurd_instant_is_now() -> None:
    gpu = pb.Gpu(gpu_uuid="GPU-1", state=77, gpu_index=2**32 - 1)  # type: ignore[arg-type]
    inventory = inventory_of(pb.Inventory(observed_at_us=2**62, gpus=[gpu]), cleaner(), NOW)
    assert inventory.observed_at == NOW
    assert (inventory.gpus[0].state, inventory.gpus[0].index) == ("unknown", None)


def test_a_cost_that_was_not_sent_is_none() -> None:
    cost = cost_of(pb.AgentCost(probe_rss_bytes=5, samples_taken_total=9, hung_call="f\0"), cleaner())
    assert (cost.probe_rss_bytes, cost.supervisor_rss_bytes, cost.samples_taken_total, cost.hung_call) == (
        5,
        None,
        9,
        "f",
    )
