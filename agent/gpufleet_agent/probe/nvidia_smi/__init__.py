"""GPUs read through one CSV query of the nvidia-smi command, for hosts where NVML cannot be loaded."""

from gpufleet_agent.probe.nvidia_smi.backend import NvidiaSmiBackend

__all__ = ["NvidiaSmiBackend"]
