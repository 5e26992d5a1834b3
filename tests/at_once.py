"""Does something in many threads at the same moment."""

import threading
from concurrent.futures import ThreadPoolExecutor

from django.db import connection


def at_once(function, times):
    """Call a function that many times in as many threads, all starting together."""
    barrier = threading.Barrier(times)

    def call(number):
        try:
            barrier.wait()
            return function(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=times) as pool:
        return list(pool.map(call, range(times)))
