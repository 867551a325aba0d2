"""Training the built-in speaker model: ``train_speakers`` from the corpora to a folder that ``net.load`` reads.

The learning rate warms up, stays, and falls to zero over the last third; what is exported is a running mean of the
weights. Everything drawn comes from (seed, step), so a run that was stopped goes on with the same batches.
"""

import copy
import csv
import math
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from stream.find.speakers.net import PyanNetHousehold, load
from stream.train.batches import Batch, Mixtures, load_stock
from stream.train.export import draw_curve, export
from stream.train.objective import Objective
from stream.train.rooms import ROOMS_PER_SHARD, make_bank
from stream.train.validate import held_out_clips, measure

LEARNING_RATE = 1.5e-3
FURTHER_RATE_SHARE = 2 / 3  # of it, in a run that starts from trained weights: those are not to be lost first
WARM_UP_STEPS = 150
MEAN_DECAY = 0.998
AUDIO_S = 112.0
ROOM_SHARDS = 44
CHECKPOINT_MINUTES = 4.0


@dataclass
class Run:
    """What a checkpoint holds: the objective with the net in it, the running mean of the net, the optimiser."""

    objective: Objective
    mean: PyanNetHousehold
    optimiser: torch.optim.Optimizer
    step: int = 0
    seconds: float = 0.0
    rows: list[dict[str, float]] = field(default_factory=list)

    @classmethod
    def start(cls, device: torch.device, seed: int, start_from: Path | None = None) -> "Run":
        """A fresh run from the weights in the folder ``start_from``, or from weights that depend on the seed alone."""
        torch.manual_seed(seed)
        model = PyanNetHousehold() if start_from is None else load(start_from)
        objective = Objective(model).to(device)
        mean = copy.deepcopy(model).to(device).requires_grad_(False)
        return cls(objective, mean, torch.optim.AdamW(objective.parameters(), lr=LEARNING_RATE, weight_decay=1e-2))

    def save(self, path: Path) -> None:
        """Writes the checkpoint in one go: a stop in the middle leaves the old one."""
        partial = path.with_suffix(".partial")
        torch.save(
            {
                "objective": self.objective.state_dict(),
                "mean": self.mean.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "step": self.step,
                "seconds": self.seconds,
                "rows": self.rows,
            },
            partial,
        )
        partial.replace(path)

    def restore(self, path: Path) -> None:
        """Takes up a checkpoint (tensors and numbers alone: nothing else is unpickled)."""
        state: dict[str, Any] = torch.load(path, map_location=self.mean.device, weights_only=True)
        self.objective.load_state_dict(state["objective"])
        self.mean.load_state_dict(state["mean"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.seconds, self.rows = state["step"], state["seconds"], state["rows"]


def learning_rate(step: int, part_done: float, peak: float = LEARNING_RATE) -> float:
    """Warm-up by ``step``, then ``peak``, then a straight line down to 2 % of it over the last third of the run."""
    return peak * min((step + 1) / WARM_UP_STEPS, 1.0) * min(1.0, max((1.0 - part_done) * 3, 0.02))


def train_step(run: Run, batch: Batch, rate: float) -> dict[str, float]:
    """One step of the optimiser and of the running mean; the parts of the loss."""
    device = run.mean.device
    run.objective.train()
    for group in run.optimiser.param_groups:
        group["lr"] = rate
    batch = batch.to(device)
    with torch.autocast(device.type, torch.bfloat16):
        loss, parts = run.objective.forward(batch)
    run.optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(run.objective.parameters(), 1.0)
    run.optimiser.step()
    run.step += 1
    keep = min(MEAN_DECAY, (run.step + 1) / (run.step + 10))
    with torch.no_grad():
        for mean, now in zip(run.mean.parameters(), run.objective.model.parameters(), strict=True):
            mean.lerp_(now, 1 - keep)
    return parts


def _note(run: Run, out: Path, figures: dict[str, float], parts: dict[str, float]) -> None:
    run.rows.append({"step": run.step, "minutes": round(run.seconds / 60, 1)} | parts | figures)
    run.save(out / "checkpoint.pt")
    with (out / "curve.csv").open("w", newline="", encoding="utf-8") as sink:
        writer = csv.DictWriter(sink, list(run.rows[-1]))
        writer.writeheader()
        writer.writerows(run.rows)
    draw_curve(run.rows, out / "curve.png")
    export(run.mean, out / "model")


def train_speakers(
    corpora: Path,
    out: Path,
    *,
    minutes: float | None = None,
    steps: int | None = None,
    resume: bool = False,
    start_from: Path | None = None,
    device: str | None = None,
    seed: int = 1,
    audio_s: float = AUDIO_S,
    workers: int | None = None,
    clips_per_length: int = 40,
    room_shards: int = ROOM_SHARDS,
    rooms_per_shard: int = ROOMS_PER_SHARD,
) -> Path:
    """Trains for ``minutes`` or ``steps`` (one of them) and returns the folder of the exported model, ``out``/model.

    ``out`` also holds the checkpoint, curve.csv and curve.png, and the bank of rooms, which is simulated first if it is
    not there. ``resume`` goes on from the checkpoint; a run without one begins with the weights in the folder
    ``start_from``, or with random ones. ``device`` defaults to a GPU when there is one. Only speech/,
    noise/ and rir/ of ``corpora`` are read; ``workers`` processes make clips (by default one beside a CPU, up to twelve
    beside a GPU), and how many there are changes no clip. Raises ValueError when folders are missing, or when not
    exactly one limit is given.
    """
    if (minutes is None) == (steps is None):
        raise ValueError("give either minutes or steps")
    out.mkdir(parents=True, exist_ok=True)
    make_bank(out / "rooms", room_shards, 1, rooms=rooms_per_shard)
    chosen = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    if chosen.type == "cpu":
        torch.set_num_threads(1)  # two threads spin against each other and against the process that makes the clips
    if workers is None:
        workers = 1 if chosen.type == "cpu" else min(max((os.cpu_count() or 2) - 1, 1), 12)
    run = Run.start(chosen, seed, start_from)
    if resume and (out / "checkpoint.pt").exists():
        run.restore(out / "checkpoint.pt")
    clips = held_out_clips(load_stock(corpora, out / "rooms", held_out=True), seed=1, clips_per_length=clips_per_length)
    batches = iter(
        Mixtures(load_stock(corpora, out / "rooms", held_out=False), seed=seed, first=run.step, audio_s=audio_s).loader(
            workers
        )
    )
    limit = float(steps) if steps is not None else 60.0 * (minutes or 0.0)
    peak = LEARNING_RATE * (1.0 if start_from is None else FURTHER_RATE_SHARE)
    _loop(run, batches, out, limit, by_steps=steps is not None, clips=clips, peak=peak)
    return out / "model"


def _loop(run: Run, batches: Any, out: Path, limit: float, *, by_steps: bool, clips: list[Batch], peak: float) -> None:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
    )
    sums: dict[str, float] = {}
    count, saved = 0, run.seconds
    with Progress(*columns) as progress:
        bar = progress.add_task("training", total=limit)
        while (done := run.step if by_steps else run.seconds) < limit:
            began = time.monotonic()
            parts = train_step(run, next(batches), learning_rate(run.step, done / limit, peak))
            run.seconds += time.monotonic() - began
            sums = {name: sums.get(name, 0.0) + value for name, value in parts.items()}
            count += 1
            progress.update(bar, completed=done, description=f"step {run.step}, loss {sums['frames'] / count:.3f}")
            if not math.isfinite(parts["frames"]):
                raise ArithmeticError("the loss is not finite")
            if run.seconds - saved > 60 * CHECKPOINT_MINUTES:
                _note(
                    run,
                    out,
                    measure(run.mean, clips).row(),
                    {name: round(value / count, 4) for name, value in sums.items()},
                )
                sums, count, saved = {}, 0, run.seconds
    _note(
        run,
        out,
        measure(run.mean, clips).row(),
        {name: round(value / max(count, 1), 4) for name, value in sums.items()},
    )
