"""What one input may take, and where a child writes down which one it is at."""

from __future__ import annotations

import resource
import struct

INPUT_S_MAX = 10.0
GROWTH_MAX = 512 * 2**20
STATE = struct.Struct("<QQI")  # inputs begun, when the last did (monotonic, ns; 0 when it ended), its length
STATE_BYTES = STATE.size + 4096


def resident_peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
