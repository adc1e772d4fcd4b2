"""A call that runs beside the main thread."""

import threading
from collections.abc import Callable


class Background:
    """Run a call in a daemon thread; an executor's would delay the end of a refused study."""

    def __init__(self, call: Callable[[], None]) -> None:
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(call,), daemon=True)
        self._thread.start()

    def _run(self, call: Callable[[], None]) -> None:
        try:
            call()
        except BaseException as error:
            self._error = error

    def wait(self, timeout: float | None = None) -> None:
        """Wait for the call, at most ``timeout`` seconds, and raise what it raised."""
        self._thread.join(timeout)
        if self._error is not None:
            raise self._error
