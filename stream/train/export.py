"""From a trained net to files: safetensors with hyperparameters and a hash, and the picture of the learning curve."""

import hashlib
import json
from pathlib import Path

import torch
from safetensors.torch import save

from stream.find.speakers.net import (
    CLASSES,
    FRAME_SAMPLES,
    HYPERPARAMETERS_NAME,
    WEIGHTS_NAME,
    PyanNetHousehold,
)


def export(model: PyanNetHousehold, directory: Path) -> None:
    """Writes the weights (as float16: half the size) and their description into ``directory``.

    The weights come first: ``net.load`` refuses a half-written pair, since the hash no longer fits.
    """
    directory.mkdir(parents=True, exist_ok=True)
    weights = save(
        {name: tensor.detach().cpu().to(torch.float16).contiguous() for name, tensor in model.state_dict().items()}
    )
    described = {
        "architecture": model.architecture,
        "classes": list(CLASSES),
        "sample_rate_hz": model.hparams.sample_rate,
        "frame_samples": FRAME_SAMPLES,
        "sha256": hashlib.sha256(weights).hexdigest(),
    }
    for name, content in (
        (WEIGHTS_NAME, weights),
        (HYPERPARAMETERS_NAME, (json.dumps(described, indent=2) + "\n").encode()),
    ):
        partial = directory / f"{name}.partial"
        partial.write_bytes(content)
        partial.replace(directory / name)


def draw_curve(rows: list[dict[str, float]], path: Path) -> None:
    """The learning curve: loss in training and held out, and the held-out figures, over minutes."""
    import matplotlib  # only training draws

    matplotlib.use("Agg")
    from matplotlib import pyplot

    minutes = [row["minutes"] for row in rows]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4))
    left.plot(minutes, [row.get("frames", float("nan")) for row in rows], label="training")
    left.plot(minutes, [row["loss"] for row in rows], label="held out")
    left.set(xlabel="minutes", ylabel="cross-entropy per frame", ylim=(0, None))
    right.plot(minutes, [row["leak_85"] for row in rows], label="leak at 85 % kept")
    right.plot(minutes, [row["kept_2"] for row in rows], label="kept at 2 % leak")
    right.plot(minutes, [row["clip_auc"] for row in rows], label="clip head, area under curve")
    right.set(xlabel="minutes", ylim=(0, 1))
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
