"""The keep-list on samples."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stream.clip import SAMPLE_RATE_HZ, Segment
from stream.edit.sound import FADE_S, keep_only, lengthened
from tests.values import clip, noise


@given(st.lists(st.tuples(st.floats(0, 1.8), st.floats(0.01, 0.5)), max_size=4))
def test_no_sample_outside_the_kept_segments_is_copied(pairs: list[tuple[float, float]]) -> None:
    """Whatever the bounds, a sample not wholly inside a kept segment is an exact zero."""
    samples = noise(2.0)
    keep = [Segment(start, start + length) for start, length in pairs]
    output = keep_only(samples, keep)
    time = np.arange(len(samples)) / SAMPLE_RATE_HZ
    inside = np.zeros(len(samples), dtype=bool)
    for segment in keep:
        inside |= (time >= segment.start - 1e-9) & (time + 1 / SAMPLE_RATE_HZ <= segment.end + 1e-9)
    assert not output[~inside].any()
    assert len(samples) == len(output)


def test_kept_sound_is_unchanged_but_for_short_fades() -> None:
    """Between the fades the samples are bit-equal; a fade is FADE_S long."""
    samples = noise(2.0)
    output = keep_only(samples, [Segment(0.5, 1.5)])
    fade = int(FADE_S * SAMPLE_RATE_HZ)
    first, end = 8000 + fade, 24000 - fade
    assert np.array_equal(samples[first:end], output[first:end])
    assert abs(output[8000]) < abs(samples[8000]) / 10


def test_the_output_is_a_new_read_only_array() -> None:
    """The input stays as it was and the output can't be changed by accident."""
    samples = noise(1.0)
    before = samples.copy()
    output = keep_only(samples, [Segment(0.0, 1.0)])
    assert np.array_equal(before, samples)
    assert not output.flags.writeable


def test_a_clip_is_filled_up_with_silence() -> None:
    """The sound stays, what is added is exact zeros, and the length tells nothing but the bucket."""
    short = clip(duration=2.3)
    longer = lengthened(short, 5.0)
    assert 5.0 == longer.duration
    assert np.array_equal(short.samples, longer.samples[: len(short.samples)])
    assert not longer.samples[len(short.samples) :].any()
    assert not longer.samples.flags.writeable


def test_a_clip_is_never_cut() -> None:
    """Zero seconds, or fewer than it has, leave it as it is."""
    long = clip(duration=2.3)
    assert lengthened(long, 0.0) is lengthened(long, 2.0) is long
