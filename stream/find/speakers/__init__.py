"""Who speaks when: the built-in model and pyannote pipelines, turned into evidence.

pyannote reports usage and asks its hub for files unless told otherwise, and it reads both settings when it is imported:
they are made here, before anything of this package can import it.
"""

import os

os.environ["PYANNOTE_METRICS_ENABLED"] = "0"
os.environ["HF_HUB_OFFLINE"] = "1"
