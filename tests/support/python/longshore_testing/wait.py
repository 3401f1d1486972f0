"""Waiting for something that others bring about, with a limit.

until() asks again and again; it never assumes that time alone made something true. A condition that raises one of the
errors of a connection that is not there yet counts as "not yet".
"""

import http.client
import time

NOT_YET = (ConnectionError, TimeoutError, http.client.HTTPException, OSError)


class TimedOut(AssertionError):
    pass


def until(condition, what, seconds=30.0, every=0.02):
    """The first true value of condition(); TimedOut, naming what and the last failure, after so many seconds."""
    deadline = time.monotonic() + seconds
    last = None
    while True:
        try:
            value = condition()
            if value:
                return value
            last = f"last value: {value!r}"
        except NOT_YET as failure:
            last = f"last failure: {failure!r}"
        if time.monotonic() >= deadline:
            raise TimedOut(f"not within {seconds} s: {what} ({last})")
        time.sleep(every)
