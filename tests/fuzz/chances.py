"""Hypothesis' inputs of a target: any bytes, short and long, and its seeds with more behind them or bytes changed."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.fuzz.target import Target


def inputs(target: Target) -> st.SearchStrategy[bytes]:
    seeds = st.sampled_from(target.seeds())
    change = st.tuples(st.integers(0, target.length_max - 1), st.integers(0, 255))
    return st.one_of(
        st.binary(max_size=target.length_max),
        st.binary(min_size=target.length_max // 2, max_size=target.length_max),
        st.builds(bytes.__add__, seeds, st.binary(max_size=120)),
        st.builds(_changed, seeds, st.lists(change, min_size=1, max_size=12)),
    )


def _changed(data: bytes, changes: list[tuple[int, int]]) -> bytes:
    out = bytearray(data)
    for at, value in changes:
        out[at % len(out)] = value
    return bytes(out)
