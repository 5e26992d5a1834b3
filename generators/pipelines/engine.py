"""The engine: a process that holds torch and draws, so that its death is only a job's.

Started by the local worker (``generators.providers.local.engine_client``) as ``python
-m generators.pipelines.engine PARENT_PID LIMIT_MB IDLE_SECONDS``; orders come on
standard input, news go out on what was standard output.
"""

import os
import sys

from generators.pipelines import process
from generators.pipelines.outbox import Outbox


def main() -> None:
    """Start the engine on the pipes it was given."""
    parent_pid, limit_mb, idle_seconds = sys.argv[1:]
    process.die_with_parent(int(parent_pid))
    outbox = Outbox(os.fdopen(os.dup(1), "wb"))
    os.dup2(2, 1)  # whatever a library prints must not get between our messages
    outbox.keep_alive()
    from generators.pipelines.workshop import Workshop

    Workshop(
        sys.stdin.buffer,
        outbox,
        limit_mb=int(limit_mb),
        idle_seconds=float(idle_seconds),
    ).run()


if __name__ == "__main__":
    main()
