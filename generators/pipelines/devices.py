"""The device that the engine works on: which it is, and the memory of its own."""

import torch

from generators.pipelines.memory import Device

ALL_THREADS = torch.get_num_threads()


def choose() -> Device:
    """Choose the first CUDA device, or the CPU."""
    if torch.cuda.is_available():
        return Device(name="cuda", float_bytes=2)
    return Device(name="cpu", float_bytes=4)


def total(device: Device) -> int | None:
    """Return the device's own memory in bytes, ``None`` for the machine's."""
    if device.name == "cuda":
        return int(torch.cuda.get_device_properties(0).total_memory)
    return None


def free(device: Device) -> int | None:
    """Return the device's own free bytes, ``None`` for the machine's."""
    if device.name == "cuda":
        return int(torch.cuda.mem_get_info()[0])
    return None
