"""Benchmarks. One thread a process, set before numpy is imported: idle threads of its spin, and would be counted."""

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
