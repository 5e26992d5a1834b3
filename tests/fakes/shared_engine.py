"""An engine that providers may close without ending it, so that tests can share it."""

from generators.providers.local.engine_client import EngineClient


class SharedEngine(EngineClient):
    """Ended by the fixture that made it, with ``EngineClient.close``."""

    def close(self) -> None:
        """Stay."""
