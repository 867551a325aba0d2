"""Rooms: a bank of simulated impulse responses, near the device and far from it.

The first reflections come from the image method (Allen and Berkley 1979, as pyroomacoustics computes it); the tail is
noise that decays as the room does, since images of a high order cost much and sound like noise anyway. Every response
is cut so that its direct path is at the start: the truth of a mixture needs no delay then.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

RATE_HZ = 16_000
TAPS_MAX = 9_600
ROOMS_PER_SHARD = 25
NEAR_M = (0.25, 2.6)
FAR_M = (1.0, 6.5)

Samples = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Response:
    """One impulse response with unit energy: ``taps`` (samples,), and the distance of the talker in metres."""

    taps: Samples = field(repr=False)
    distance_m: float

    @property
    def nearness(self) -> tuple[float, float, float]:
        """How near it sounds, each about 0 +- 1: direct sound (4 ms) against the rest, the first 50 ms against the rest
        (both in tens of dB, at most 30 dB), and the logarithm of the distance against 2 m (nan where unknown)."""
        power = np.cumsum(self.taps.astype(np.float64) ** 2)
        ratios = [power[min(count, len(power)) - 1] / power[-1] for count in (8 + 64, 8 + 800)]
        direct, early = (min(np.log10(share / max(1.0 - share, 1e-3)), 3.0) for share in ratios)
        return float(direct), float(early) - 1.0, float(np.log(self.distance_m / 2.0))


@dataclass(frozen=True, eq=False)
class Room:
    """Responses of one room and one device position, by how far the talker stands."""

    near: tuple[Response, ...]
    far: tuple[Response, ...]


def _tail(rng: np.random.Generator, taps: Samples, rt60_s: float) -> Samples:
    """``taps`` (samples,) with its late part replaced by decaying noise of the same level, TAPS_MAX long."""
    mixing = int(rng.uniform(0.045, 0.075) * RATE_HZ)
    seconds = np.arange(TAPS_MAX) / RATE_HZ
    noise = rng.standard_normal(TAPS_MAX)
    bright = np.exp(-6.91 * seconds / rt60_s)
    dull = np.exp(-6.91 * seconds / (rt60_s * rng.uniform(0.4, 0.8)))
    smooth = np.convolve(noise, np.ones(4) / 4, "same")
    late = (noise - smooth) * dull + smooth * bright * 1.4
    whole = np.zeros(TAPS_MAX)
    whole[: min(len(taps), TAPS_MAX)] = taps[:TAPS_MAX]
    window = slice(max(mixing - 400, 0), mixing + 400)
    level = np.sqrt(float(np.mean(whole[window] ** 2)) / max(float(np.mean(late[window] ** 2)), 1e-20))
    fade = np.clip((np.arange(TAPS_MAX) - mixing + 200) / 400, 0, 1)
    return np.asarray(whole * np.sqrt(1 - fade) + late * level * np.sqrt(fade), np.float32)


def _positions(
    rng: np.random.Generator, size: NDArray[np.float64], device: NDArray[np.float64]
) -> list[NDArray[np.float64]]:
    """Talkers' places, the first three near the device, the others far, where the room has the space."""
    places = []
    for span in [NEAR_M] * 3 + [FAR_M] * 4:
        for _ in range(60):
            angle, height = rng.uniform(0, 2 * np.pi), rng.uniform(0.7, min(1.9, size[2] - 0.2))
            reach = span[0] + (span[1] - span[0]) * rng.beta(1.2, 1.6)
            place = np.array([device[0] + reach * np.cos(angle), device[1] + reach * np.sin(angle), height])
            if np.all(place > 0.15) and np.all(place < size - 0.15):
                places.append(place)
                break
    return places


def simulate_room(rng: np.random.Generator) -> Room:
    """One room of random size, damping and device position, with up to three near and four far talkers."""
    import pyroomacoustics  # only training needs it

    size = np.array([rng.uniform(2.2, 9.0), rng.uniform(2.0, 7.5), rng.uniform(2.2, 3.6)])
    rt60_s = float(np.exp(rng.uniform(np.log(0.09), np.log(1.0))))
    absorption = float(
        np.clip(
            0.161 * np.prod(size) / (rt60_s * 2 * (size[0] * size[1] + size[0] * size[2] + size[1] * size[2])),
            0.02,
            0.97,
        )
    )
    device = np.array([rng.uniform(0.2, size[0] - 0.2), rng.uniform(0.2, size[1] - 0.2), rng.uniform(0.4, 1.6)])
    walls = {
        name: pyroomacoustics.Material(float(np.clip(absorption * rng.uniform(0.5, 1.5), 0.02, 0.98)))
        for name in ("east", "west", "north", "south", "floor", "ceiling")
    }
    shoebox = pyroomacoustics.ShoeBox(size, fs=RATE_HZ, materials=walls, max_order=9, air_absorption=True)
    places = _positions(rng, size, device)
    for place in places:
        shoebox.add_source(place)
    shoebox.add_microphone(device)
    shoebox.compute_rir()
    near: list[Response] = []
    far: list[Response] = []
    for index, (place, taps) in enumerate(zip(places, shoebox.rir[0], strict=True)):
        distance = float(np.linalg.norm(place - device))
        direct = int(distance / 343.0 * RATE_HZ) + 40  # the library's fractional delay filter adds 40 samples
        response = Response(_tail(rng, np.asarray(taps[max(direct - 8, 0) :], np.float32), rt60_s), distance)
        (near if distance < NEAR_M[1] and index < 3 else far).append(response)
    return Room(tuple(near), tuple(far))


def make_bank(folder: Path, shards: int, seed: int, *, rooms: int = ROOMS_PER_SHARD) -> None:
    """Writes shards of simulated rooms that are not there yet into ``folder`` (npz without pickles)."""
    folder.mkdir(parents=True, exist_ok=True)
    for shard in range(shards):
        path = folder / f"rooms-{seed}-{shard:03d}.npz"
        if path.exists():
            continue
        rng = np.random.default_rng([seed, shard])
        simulated = [simulate_room(rng) for _ in range(rooms)]
        rows = [(index, 0, response) for index, room in enumerate(simulated) for response in room.near]
        rows += [(index, 1, response) for index, room in enumerate(simulated) for response in room.far]
        scales = [float(np.abs(response.taps).max()) + 1e-9 for *_, response in rows]
        partial = path.with_suffix(".partial")
        with partial.open("wb") as sink:
            np.savez(
                sink,
                room=np.array([row[0] for row in rows]),
                far=np.array([row[1] for row in rows]),
                distance=np.array([row[2].distance_m for row in rows]),
                taps=np.stack([row[2].taps / scale for row, scale in zip(rows, scales, strict=True)]).astype(
                    np.float16
                ),
            )
        partial.replace(path)


def _unit(taps: NDArray[np.float32]) -> Samples:
    taps = taps.astype(np.float32)
    quiet = np.cumsum(taps[::-1] ** 2)[::-1] < 1e-6 * float(np.sum(taps**2))
    end = int(np.argmax(quiet)) if quiet.any() else len(taps)
    taps = taps[: max(end, 64)]
    taps = taps / np.float32(np.sqrt(np.sum(taps**2)) + 1e-12)
    taps.setflags(write=False)
    return taps


def load_bank(folder: Path, *, held_out: bool) -> list[Room]:
    """Rooms of the shards in ``folder``; every tenth shard is held out. Only rooms with a near and a far talker."""
    rooms: list[Room] = []
    for number, path in enumerate(sorted(folder.glob("rooms-*.npz"))):
        if (number % 10 == 0) != held_out:
            continue
        with np.load(path, allow_pickle=False) as shard:
            taps = shard["taps"].astype(np.float32)
            for index in range(int(shard["room"].max()) + 1):
                sides: list[tuple[Response, ...]] = []
                for side in (0, 1):
                    rows = np.flatnonzero((shard["room"] == index) & (shard["far"] == side))
                    sides.append(tuple(Response(_unit(taps[row]), float(shard["distance"][row])) for row in rows))
                if sides[0] and sides[1]:
                    rooms.append(Room(*sides))
    return rooms


def measured(folder: Path) -> list[Response]:
    """Real responses in ``folder`` (FLAC, mono, 16 kHz), from their strongest tap on, as far talkers."""
    responses = []
    for path in sorted(folder.glob("*.flac")):
        taps, rate = soundfile.read(path, dtype="float32")
        if rate == RATE_HZ and taps.ndim == 1:
            start = max(int(np.argmax(np.abs(taps))) - 8, 0)
            responses.append(Response(_unit(taps[start : start + TAPS_MAX]), 3.0))
    return responses
