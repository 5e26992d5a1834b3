"""The device that the engine works on: which it is, and the memory of its own."""

from generators.pipelines.memory import Device

try:
    import torch
except ImportError:  # an install without it: what needs no torch works all the same
    torch = None  # type: ignore[assignment]

ALL_THREADS = torch.get_num_threads() if torch else 0


def choose() -> Device:
    """Choose the first CUDA device, or the CPU."""
    if torch and torch.cuda.is_available():
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


def give_memory_back(device: Device) -> None:
    """Let go of the device's memory that nothing is kept in."""
    if device.name == "cuda":
        torch.cuda.empty_cache()
