"""How much drawing a picture takes, so that times of different settings compare."""

from generators.capabilities import Capabilities


def effort(steps: int | None, *, width: int, height: int) -> int:
    """Return steps times pixels, with which time grows; 0 where no steps are known."""
    return (steps or 0) * width * height


def usual_effort(able: Capabilities) -> int:
    """Return the effort of one picture by a model's usual settings."""
    steps, size = able.num_inference_steps, able.usual_size()
    if steps is None or size is None:
        return 0
    return effort(int(steps.default), width=size.width, height=size.height)
