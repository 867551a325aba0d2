"""Held-out figures during training: voices, rooms and noises that the net never hears; a fixed set of clips."""

from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from stream.find.speakers.net import BOTH, BYSTANDER, MAIN, PyanNetHousehold
from stream.train.batches import Batch, collate
from stream.train.mixtures import Stock, make_mixture

SECONDS = (4.0, 6.0, 9.0, 14.0, 20.0)


@dataclass(frozen=True)
class Figures:
    """``loss`` per frame; over clips with a main speaker, ``leak_85``: share of bystander time kept where 85 % of main
    time (outside overlap) is, and ``kept_2``: share of main time kept where 2 % of bystander time is;
    ``clip_auc``: how well the clip head tells clips with a main speaker from accidental activations."""

    loss: float
    leak_85: float
    kept_2: float
    clip_auc: float

    def row(self) -> dict[str, float]:
        """The figures by name."""
        return {name: round(value, 4) for name, value in asdict(self).items()}


def held_out_clips(stock: Stock, *, seed: int, clips_per_length: int) -> list[Batch]:
    """The fixed set: clips of a few lengths, one batch per clip."""
    return [
        collate([make_mixture(np.random.default_rng([seed, 7, index, clip]), stock, seconds)])
        for index, seconds in enumerate(SECONDS)
        for clip in range(clips_per_length)
    ]


def area_under_curve(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """Probability that a positive scores higher than a negative; 0.5 when either is missing."""
    if positive.all() or not positive.any():
        return 0.5
    ranks = np.empty(len(scores))
    ranks[np.argsort(scores)] = np.arange(1, len(scores) + 1)
    count = int(positive.sum())
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * (len(scores) - count)))


def measure(model: PyanNetHousehold, batches: list[Batch]) -> Figures:
    """The figures of ``model`` on ``batches``."""
    model.eval()
    losses, keep, labels, clips, addressed = [], [], [], [], []
    with torch.inference_mode():
        for batch in batches:
            scores, clip, _ = model.judge(batch.waveforms.to(model.device))
            scores = scores.cpu()
            clips.append(clip.cpu().item())
            addressed.append(bool(batch.addressed.item()))
            if addressed[-1]:
                losses.append(torch.nn.functional.nll_loss(scores.flatten(0, 1), batch.labels.flatten()).item())
                keep.append(scores[0, :, MAIN].exp().numpy())
                labels.append(batch.labels[0].numpy())
    leak, kept = _tradeoff(np.concatenate(keep), np.concatenate(labels))
    auc = area_under_curve(np.array(clips), np.array(addressed))
    return Figures(
        float(np.mean(losses)), float(leak[np.argmax(kept >= 0.85)]), float(kept[leak <= 0.02].max(initial=0.0)), auc
    )


def _tradeoff(keep: NDArray[np.float32], labels: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Leak and kept for thresholds from high to low."""
    order = np.argsort(-keep)
    labels = labels[order]
    bystander = (labels == BYSTANDER) | (labels == BOTH)
    leak = np.cumsum(bystander) / max(int(bystander.sum()), 1)
    kept = np.cumsum(labels == MAIN) / max(int((labels == MAIN).sum()), 1)
    return leak, kept
