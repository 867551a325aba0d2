"""Rooms, disguises and noises: lengths, levels, and that near sounds nearer than far."""

from pathlib import Path

import numpy as np
import pytest

from stream.train.noises import babble, coloured, load_noises, recorded, synthetic
from stream.train.rooms import load_bank, make_bank, simulate_room
from stream.train.voices import Disguise, coded, load_voices, resample_by, reshape_formants, speak
from tests.train.conftest import buzz


def test_responses_begin_with_the_direct_path() -> None:
    """The strongest tap of a near talker comes within the first 5 ms, so that the truth needs no delay."""
    for seed in range(4):
        room = simulate_room(np.random.default_rng(seed))
        assert all(np.argmax(np.abs(response.taps)) < 80 for response in room.near if response.distance_m < 1.0)


def test_near_is_drier_than_far() -> None:
    """Over many rooms, more of a near talker's energy is in the first 10 ms."""
    rooms = [simulate_room(np.random.default_rng([1, seed])) for seed in range(8)]

    def early(taps: np.ndarray[tuple[int], np.dtype[np.float32]]) -> float:
        return float(np.sum(taps[:170] ** 2) / np.sum(taps**2))

    near = np.mean([early(response.taps) for room in rooms for response in room.near])
    far = np.mean([early(response.taps) for room in rooms for response in room.far if response.distance_m > 2])
    assert near > far + 0.1


def test_bank_is_split_and_kept(tmp_path: Path) -> None:
    """A bank is made once, its first shard of ten is held out, and responses come back with unit energy."""
    make_bank(tmp_path, 2, 3, rooms=2)
    stamps = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    make_bank(tmp_path, 2, 3, rooms=2)
    assert stamps == {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    held, heard = load_bank(tmp_path, held_out=True), load_bank(tmp_path, held_out=False)
    assert held
    assert heard
    distances = {response.distance_m for room in held for response in room.near}
    assert not distances & {response.distance_m for room in heard for response in room.near}
    assert all(float(np.sum(r.taps**2)) == pytest.approx(1, rel=1e-3) for room in heard for r in room.near + room.far)


def test_formants_move_and_length_stays() -> None:
    """Warping by 1 changes next to nothing; warping by 1.2 moves the spectrum's weight upwards."""
    sound = buzz(8)
    same, moved = reshape_formants(sound, 1.0), reshape_formants(sound, 1.2)
    assert len(sound) == len(same) == len(moved)
    assert 0.03 > float(np.abs(same - sound)[800:-800].max() / np.abs(sound).max())

    def middle(samples: np.ndarray[tuple[int], np.dtype[np.float32]]) -> float:
        power = np.abs(np.fft.rfft(samples)) ** 2
        return float(np.sum(power * np.arange(len(power))) / np.sum(power))

    assert middle(moved) > 1.03 * middle(sound)


def test_speed_changes_length() -> None:
    """Played 1.25 times as fast, a sound is 0.8 times as long."""
    assert pytest.approx(0.8, abs=0.01) == len(resample_by(buzz(1), 1.25)) / len(buzz(1))


def test_codecs_keep_length() -> None:
    """Every codec that is drawn gives back as many samples, and nearly the same sound."""
    sound = buzz(2)
    for seed in range(12):
        heard = coded(sound, np.random.default_rng(seed))
        assert len(sound) == len(heard)
        assert np.isfinite(heard).all()


def test_speech_and_its_truth_have_one_length(tiny_corpora: Path) -> None:
    """A disguised voice comes with one flag per 10 ms, true somewhere."""
    voice = load_voices(tiny_corpora / "speech", held_out=False)[0]
    for seed in range(8):
        rng = np.random.default_rng(seed)
        speech = speak(rng, voice, Disguise.draw(rng), 1.5)
        assert len(speech.samples) // 160 == len(speech.active)
        assert speech.active.any()


def test_noises_have_unit_power(tiny_corpora: Path) -> None:
    """Recorded and made-up noises are as long and as loud as asked."""
    rng = np.random.default_rng(1)
    voices = load_voices(tiny_corpora / "speech", held_out=False)
    noises = load_noises(tiny_corpora / "noise", held_out=False)
    made = [synthetic(rng, voices, 16_000) for _ in range(20)] + [recorded(rng, noises.recorded, 16_000)]
    made += [coloured(rng, 100_000, 6.0)]
    assert all(float(np.mean(noise**2)) == pytest.approx(1, rel=1e-2) for noise in made)
    assert 16_000 == len(babble(rng, voices, 16_000))
    assert 1 == len(load_noises(tiny_corpora / "noise", held_out=True).recorded)


def test_who_stands_near_sounds_near() -> None:
    """Over several rooms, the nearest talker has more direct sound than the farthest; the distance is as simulated."""
    gains = []
    for seed in range(8):
        room = simulate_room(np.random.default_rng(seed))
        order = sorted((*room.near, *room.far), key=lambda response: response.distance_m)
        gains.append(order[0].nearness[0] - order[-1].nearness[0])
        assert order[0].nearness[2] == pytest.approx(np.log(order[0].distance_m / 2.0))
    assert np.mean(gains) > 0.3  # 3 dB
