"""Evidence: who speaks when, and which words identify somebody. Models may be wrong; nothing is decided here.

Libraries that finders import report how they are used, or ask a hub for files, unless they are told otherwise before
they are imported: they are told here, whatever the environment says, before anything of this package imports one.
"""

import os
from types import MappingProxyType

QUIET = MappingProxyType(
    {
        "PYANNOTE_METRICS_ENABLED": "0",
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "ORT_DISABLE_TELEMETRY": "1",  # onnxruntime, which presidio imports where gliner is installed
    }
)
os.environ.update(QUIET)
