"""Mixtures: the truth is true, seeds reproduce, and no voice plays two parts."""

import math
from pathlib import Path

import numpy as np
import pytest

from stream.train.batches import Mixtures, collate, load_stock
from stream.train.device import as_owned, wake_window, word_times
from stream.train.mixtures import Scene, Stock, _recast, make_mixture, make_scene, render
from stream.train.rooms import Response, make_bank
from stream.train.turns import PATTERNS, plan_turns
from stream.train.voices import GATE_HOP, active_frames, load_voices


@pytest.fixture(scope="module")
def stock(tiny_corpora: Path, tmp_path_factory: pytest.TempPathFactory) -> Stock:
    """The training side of the tiny corpora, with two shards of rooms (the first one is held out)."""
    bank = tmp_path_factory.mktemp("rooms")
    make_bank(bank, 2, 1, rooms=2)
    return load_stock(tiny_corpora, bank, held_out=False)


def test_seed_reproduces_to_the_bit(stock: Stock) -> None:
    """The same seed gives the same clip, another seed another."""
    first, again, other = (make_mixture(np.random.default_rng(seed), stock, 3.0) for seed in (4, 4, 5))
    assert np.array_equal(first.audio, again.audio)
    assert np.array_equal(first.active, again.active)
    assert not np.array_equal(first.audio, other.audio)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_only_the_addressed_have_a_main_speaker(stock: Stock, pattern: str) -> None:
    """Accidents have no main speech, a lone main speaker has no bystanders, every other pattern has a main speaker."""
    clips = [make_mixture(np.random.default_rng([9, seed]), stock, 6.0, pattern) for seed in range(6)]
    assert all(clip.active.shape[1] == 600 and len(clip.audio) == 96_000 for clip in clips)
    assert all(np.isfinite(clip.audio).all() and np.abs(clip.audio).max() <= 1.01 for clip in clips)
    if pattern == "accident":
        assert not any(clip.active[0].any() for clip in clips)
    elif pattern == "nobody":
        assert not any(clip.active[1:].any() for clip in clips)
    else:
        assert any(clip.active[0].any() and clip.active[1:].any() for clip in clips)


def test_bystanders_are_silent_outside_their_turns(stock: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without noise, room and device colour, there is sound exactly where the truth has a talker."""
    dry = np.zeros(64, np.float32)
    dry[0] = 1
    monkeypatch.setattr("stream.train.mixtures._background", lambda _rng, _stock, count: np.zeros(count, np.float32))
    monkeypatch.setattr("stream.train.mixtures._responses", lambda *_, **__: [Response(dry, math.nan)] * 4)
    monkeypatch.setattr("stream.train.mixtures.colour", lambda _rng, audio: audio)
    monkeypatch.setattr("stream.train.mixtures.spectral_tilt", lambda _rng, bins, _db: np.ones(bins, np.float32))
    for seed in range(12):
        clip = make_mixture(np.random.default_rng([2, seed]), stock, 5.0, "both")
        power = np.mean(clip.audio.reshape(-1, GATE_HOP) ** 2, axis=1)
        silent = ~clip.active.any(axis=0)
        assert silent.any()
        assert 0.02 * power[~silent].mean() > power[silent].max()


def test_pauses_of_a_fifth_of_a_second_are_cut_out() -> None:
    """A pause of 0.3 s is silence in the truth, one of 0.1 s is speech."""
    tone = np.sin(np.arange(16_000) * 0.2).astype(np.float32)
    tone[4_000:8_800] = 0
    tone[11_200:12_800] = 0
    active = active_frames(tone)
    assert not active[26:54].any()
    assert active[56:98].all()


def test_split_shares_no_voice(tiny_corpora: Path) -> None:
    """Held-out voices are not trained on, and both sides together are all voices."""
    heard = {take.tobytes() for voice in load_voices(tiny_corpora / "speech", held_out=False) for take in voice.takes}
    kept = {take.tobytes() for voice in load_voices(tiny_corpora / "speech", held_out=True) for take in voice.takes}
    assert not heard & kept
    assert heard
    assert kept
    assert 60 == len(heard | kept)


def test_turns_fit_the_clip() -> None:
    """No turn starts after the clip's end, and accidents plan no main speaker."""
    for seed in range(200):
        rng = np.random.default_rng(seed)
        pattern = PATTERNS[seed % len(PATTERNS)]
        turns = plan_turns(rng, pattern, 5.0)
        assert all(0 <= turn.start < 5.0 and turn.seconds > 0 for turn in turns)
        assert pattern != "accident" or all(turn.talker > 0 for turn in turns)


def test_batches_follow_from_seed_and_step(stock: Stock) -> None:
    """A run that goes on at step 3 sees the batch that step 3 had."""
    batches = iter(Mixtures(stock, seed=6, first=2, audio_s=8.0))
    next(batches)
    third = next(batches)
    resumed = next(iter(Mixtures(stock, seed=6, first=3, audio_s=8.0)))
    assert bool((third.waveforms == resumed.waveforms).all())
    assert bool((third.labels == resumed.labels).all())


def test_labels_are_the_truth(stock: Stock) -> None:
    """A 20 ms label says main, bystander, both or nobody as the 10 ms truth does, and absent words are -1."""
    clip = make_mixture(np.random.default_rng(31), stock, 4.0, "overlap")
    batch = collate([clip])
    main, bystander = clip.active[0].reshape(-1, 2).any(1), clip.active[1:].any(0).reshape(-1, 2).any(1)
    assert np.array_equal(main + 2 * bystander, batch.labels[0].numpy())
    assert (clip.words is None) == bool((batch.waveforms[0, 2] == -1).all())


def test_louder_bystanders_get_more_words() -> None:
    """The device reports words on most of the main speech, and on bystanders the more the louder they are."""
    active = np.zeros((4, 800), np.bool_)
    active[0, 50:350], active[1, 400:750] = True, True
    shares = {level: np.zeros(2) for level in (-18.0, 0.0)}
    for level, share in shares.items():
        for seed in range(120):
            words = word_times(np.random.default_rng(seed), active, "both", level)
            share += 0 if words is None else (words[50:350].mean(), words[400:750].mean())
    assert shares[0.0][1] > 3 * shares[-18.0][1]
    assert shares[0.0][0] > 1.2 * shares[0.0][1]


def test_a_television_is_one_place(stock: Stock) -> None:
    """Its voices sound equally near, in half of the accidental activations too; people stand where they like."""
    scenes = {
        pattern: [make_scene(np.random.default_rng([3, seed]), stock, 4.0, pattern) for seed in range(60)]
        for pattern in ("tv", "accident", "after")
    }
    assert all(scene.television for scene in scenes["tv"])
    assert not any(scene.television for scene in scenes["after"])
    assert 15 < sum(scene.television for scene in scenes["accident"]) < 45
    for scene in [*scenes["tv"], *scenes["accident"]]:
        if scene.television:
            assert np.array_equal(scene.nearness[1], scene.nearness[2], equal_nan=True)
            assert np.array_equal(scene.nearness[1], scene.nearness[3], equal_nan=True)
    assert any(not np.array_equal(scene.nearness[1], scene.nearness[2]) for scene in scenes["after"])


def test_who_is_heard_by_accident_is_as_loud_as_the_others(stock: Stock) -> None:
    """Nobody stands out as a main speaker would; levels of one television differ least."""
    active = np.zeros((4, 400), np.bool_)
    active[1, :200], active[2, 200:] = True, True
    tone = np.sin(np.arange(64_000) * 0.3).astype(np.float32) * np.float32(100.0)
    heard = {talker: tone * np.repeat(active[talker], 160) for talker in (1, 2)}
    apart: dict[bool, list[float]] = {True: [], False: []}
    for television, found in apart.items():
        for seed in range(40):
            scene = Scene(heard, active, np.zeros((4, 3), np.float32), "accident", television)
            audio = render(np.random.default_rng(seed), stock, scene).audio.astype(np.float64)
            found.append(10 * np.log10(np.mean(audio[4_000:28_000] ** 2) / np.mean(audio[36_000:60_000] ** 2)))
    assert np.std(apart[True]) < np.std(apart[False]) < 8.0
    assert abs(np.mean(apart[True])) < 2.0


def test_recast_moves_the_part_with_the_voice() -> None:
    """When another one at the table speaks to the device, sound and truth change places together."""
    active, nearness = np.zeros((4, 100), np.bool_), np.repeat(np.arange(4, dtype=np.float32)[:, None], 3, axis=1)
    heard = {talker: np.full(16_000, talker, np.float32) for talker in range(3)}
    for talker in range(3):
        active[talker, 30 * talker : 30 * talker + 20] = True
    for seed in range(8):
        recast = _recast(np.random.default_rng(seed), Scene(heard, active, nearness, "conversation"))
        for part, wet in recast.heard.items():
            assert np.array_equal(active[int(wet[0])], recast.active[part])
            assert recast.nearness[part, 0] == wet[0]


def test_device_takes_a_bystander_for_its_owner() -> None:
    """In most accidental activations the device reports a bystander as it reports a main speaker: wake-word window in
    his speech, often amid it, and as many of his words; where there is a main speaker, nobody is taken for one."""
    active = np.zeros((4, 600), np.bool_)
    active[1, 50:300], active[2, 320:560] = True, True
    addressed = np.concatenate((active[1:2], active[:1], active[2:]))
    covered, amid, owners = [], 0, set()
    for seed in range(300):
        rng = np.random.default_rng(seed)
        owned = as_owned(rng, active)
        owners.add(int(np.flatnonzero((active == owned[0]).all(axis=1))[0]))
        assert np.array_equal(as_owned(rng, addressed), addressed)
        if not owned[0].any():
            continue
        assert np.array_equal(owned.sum(axis=0), active.sum(axis=0))
        words, wake = word_times(rng, owned, "accident", -10.0), wake_window(rng, owned, "accident")
        if words is not None:
            covered.append(words[owned[0]].mean())
        amid += bool(wake.any() and np.flatnonzero(wake)[0] > np.flatnonzero(owned[0])[0] + 20)
    main = [word_times(np.random.default_rng([7, seed]), addressed, "after", -10.0) for seed in range(300)]
    of_main = np.mean([words[addressed[0]].mean() for words in main if words is not None])
    assert {0, 1, 2} == owners
    assert len(covered) > 40
    assert abs(float(np.mean(covered)) - float(of_main)) < 0.05
    assert amid > 25
