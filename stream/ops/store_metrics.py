"""The metrics of requests to object stores: those that fetch what events name, and those that put what is published."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from prometheus_client import CollectorRegistry

from stream.clip import Reason
from stream.ops.registered import Registered

REQUESTS: Final = ("fetch", "put")
_REFUSED: Final = (Reason.AUDIO_MISSING, Reason.AUDIO_CHANGED, Reason.AUDIO_TOO_LARGE, Reason.AUDIO_ELSEWHERE)
_OTHER: Final = "unavailable"
_CAUSES: Final = MappingProxyType(  # what the store's client says -> what we call it
    {reason.value: reason.value for reason in _REFUSED}
    | {"TimeoutError": "timed_out", "Truncated": "truncated"}
    | {"PermissionDeniedError": "forbidden", "UnauthenticatedError": "forbidden"}
)
CAUSES: Final = (*dict.fromkeys(_CAUSES.values()), _OTHER)
_SECONDS: Final = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)


class StoreMetrics(Registered):
    """ports.StoreMeter. A cause that is not on the list counts as ``unavailable``: no label holds a name or a URI."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        super().__init__(registry)
        seconds = "Wall time of requests to object stores that were answered as they should be."
        self._object_seconds = self._histogram("object_seconds", seconds, _SECONDS, "request")
        self._object_bytes = self._counter("object_bytes", "Bytes of audio fetched and put.", "request")
        failed = "Requests that failed, or were not even made, by cause; those that may pass are made again."
        self._object_failures = self._counter("object_failures", failed, "request", "cause")
        for request in REQUESTS:
            self._object_seconds.labels(request)
            self._object_bytes.labels(request)
            for cause in CAUSES:
                self._object_failures.labels(request, cause)

    def stored(self, request: str, seconds: float, size_bytes: int) -> None:
        self._object_seconds.labels(request).observe(seconds)
        self._object_bytes.labels(request).inc(size_bytes)

    def store_failed(self, request: str, cause: str) -> None:
        self._object_failures.labels(request, _CAUSES.get(cause, _OTHER)).inc()
