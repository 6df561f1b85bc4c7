"""The processes behind the work of a simulated GPU: one set per segment of its day, with the memory that it holds."""

from hashlib import sha256

from gpufleet_agent.readings import GpuProcess

MICROSECONDS = 1_000_000
FIRST_PID, PIDS = 1_000, 4_000_000

PROGRAMS: dict[str, tuple[tuple[tuple[str, float], ...], ...]] = {
    "training": (
        (("python train.py --config llama-8b.yaml", 1.0),),
        (("python -m torch.distributed.run pretrain.py", 1.0),),
        (("python finetune_lora.py", 1.0),),
    ),
    "inference": (
        (("VLLM::EngineCore", 0.9), ("python -m vllm.entrypoints.openai.api_server", 0.1)),
        (("tritonserver", 0.7), ("trtllm_worker", 0.3)),
    ),
    "idle_held": ((("python -m ipykernel_launcher", 1.0),), (("python debug.py", 1.0),)),
}
"""For each kind of work sets of programs, each with its share of memory and utilization."""

SHARES = {name: share for programs in PROGRAMS.values() for program in programs for name, share in program}
"""Of memory and utilization, by the name of the program."""


def sm_percent(utilization: int, share: float) -> int:
    """What a process with this share takes of a GPU's utilization in percent."""
    return round(utilization * share)


def processes_of(gpu_uuid: str, work: str, started_us: int, memory_mb: int, utilization: int) -> tuple[GpuProcess, ...]:
    """Who does the work that began on the GPU at `started_us`, and holds `memory_mb` MiB; `utilization` in percent."""
    programs = PROGRAMS.get(work)
    if programs is None or not memory_mb:
        return ()
    drawn = int.from_bytes(sha256(f"{gpu_uuid}/{started_us}".encode()).digest()[:8])
    found: list[GpuProcess] = []
    for position, (name, share) in enumerate(programs[drawn % len(programs)]):
        found.append(
            GpuProcess(
                gpu_uuid=gpu_uuid,
                pid=FIRST_PID + (drawn + position) % PIDS,
                started_at_us=started_us + position * MICROSECONDS,
                name=name,
                memory_used_mb=round(memory_mb * share),
                sm_utilization_percent=sm_percent(utilization, share),
            )
        )
    return tuple(found)
