"""Batches of mixtures of one length each, made in a process of their own; the step number alone seeds a batch."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from stream.find.speakers.net import BOTH, BYSTANDER, MAIN, NOBODY
from stream.train.mixtures import Mixture, Stock, make_scene, render
from stream.train.noises import load_noises
from stream.train.rooms import load_bank, measured
from stream.train.voices import GATE_HOP, Flags, load_voices

SECONDS = (2.5, 4.0, 5.0, 6.0, 8.0, 10.0, 13.0, 17.0, 22.0)
SHARES = (0.06, 0.12, 0.16, 0.18, 0.18, 0.12, 0.08, 0.06, 0.04)
AT_ONE_TABLE_WEIGHT = 0.15  # the main speaker is anyone, anywhere, there: it would teach that far talkers are addressed
RENDERINGS = 3  # clips of one scene in a batch: rooms and voices cost most, and other levels and parts teach as much


@dataclass(frozen=True, eq=False)
class Batch:
    """``waveforms`` (batch, 3, samples) as the net takes them, ``labels`` (batch, frames of 20 ms), ``talkers`` (batch,
    talker, steps of 40 ms) who is heard, ``addressed`` (batch,) 1 where the clip has a main speaker and
    ``addressed_weight`` (batch,) how much that may be asked, ``nearness`` (batch, talker, 3) as ``rooms.Response`` has
    it."""

    waveforms: Tensor
    labels: Tensor
    talkers: Tensor
    addressed: Tensor
    addressed_weight: Tensor
    nearness: Tensor

    def to(self, device: torch.device) -> "Batch":
        """The same on ``device``."""
        return Batch(**{name: tensor.to(device) for name, tensor in vars(self).items()})


def load_stock(corpora: Path, bank: Path, *, held_out: bool) -> Stock:
    """All that mixtures are made of, from the training folders alone. Raises ValueError when something is missing."""
    stock = Stock(
        tuple(load_voices(corpora / "speech", held_out=held_out)),
        tuple(load_bank(bank, held_out=held_out)),
        tuple(measured(corpora / "rir")),
        load_noises(corpora / "noise", held_out=held_out),
    )
    if len(stock.voices) < 4 or not stock.rooms or not stock.noises.recorded:
        raise ValueError("training needs at least four voices, one room and one noise on either side of the split")
    return stock


def _folded(flags: Flags, by: int) -> Flags:
    """Flags (..., count) per ``by`` of them, true where any is."""
    short = -flags.shape[-1] % by
    padded = np.pad(flags, [(0, 0)] * (flags.ndim - 1) + [(0, short)])
    return np.asarray(padded.reshape(*padded.shape[:-1], -1, by).any(axis=-1), np.bool_)


def collate(mixtures: list[Mixture]) -> Batch:
    """Mixtures of one length as one batch."""
    waveforms, labels = [], []
    for mixture in mixtures:
        words = np.full(mixture.active.shape[1], -1.0) if mixture.words is None else mixture.words.astype(np.float64)
        flags = np.repeat(np.stack((mixture.wake.astype(np.float64), words)), GATE_HOP, axis=1)
        waveforms.append(np.concatenate((mixture.audio[None, : flags.shape[1]], flags)).astype(np.float32))
        main, bystander = (
            _folded(mixture.active[:1], 2)[0],
            _folded(mixture.active[1:], 2).any(axis=0),
        )
        labels.append(np.select([main & bystander, main, bystander], [BOTH, MAIN, BYSTANDER], NOBODY))
    return Batch(
        torch.from_numpy(np.stack(waveforms)),
        torch.from_numpy(np.stack(labels).astype(np.int64)),
        torch.from_numpy(np.stack([_folded(mixture.active, 4) for mixture in mixtures])),
        torch.tensor([float(mixture.addressed) for mixture in mixtures]),
        torch.tensor([AT_ONE_TABLE_WEIGHT if mixture.pattern == "conversation" else 1.0 for mixture in mixtures]),
        torch.from_numpy(np.stack([mixture.nearness for mixture in mixtures])),
    )


class Mixtures(IterableDataset[Batch]):
    """Endless batches from step ``first`` on, each of about ``audio_s`` seconds of audio."""

    def __init__(self, stock: Stock, *, seed: int, first: int, audio_s: float) -> None:
        self.stock, self.seed, self.first, self.audio_s = stock, seed, first, audio_s

    def __iter__(self) -> Iterator[Batch]:
        torch.set_num_threads(1)
        worker = torch.utils.data.get_worker_info()
        step, stride = (self.first, 1) if worker is None else (self.first + worker.id, worker.num_workers)
        while True:
            yield self.batch(step)
            step += stride

    def batch(self, step: int) -> Batch:
        """The batch of one step, the same for the same seed and step."""
        rng = np.random.default_rng([self.seed, step])
        seconds = float(rng.choice(SECONDS, p=SHARES))
        scenes = [
            make_scene(rng, self.stock, seconds) for _ in range(max(round(self.audio_s / seconds / RENDERINGS), 1))
        ]
        return collate([render(rng, self.stock, scene) for scene in scenes for _ in range(RENDERINGS)])

    def loader(self, workers: int) -> "DataLoader[Batch]":
        """Batches in order, made by ``workers`` processes (0: by this one)."""
        return DataLoader(self, batch_size=None, num_workers=workers, prefetch_factor=6 if workers else None)
