"""Training: the loss falls, a stopped run goes on, and what comes out loads."""

from pathlib import Path

import pytest
import torch

from stream.find.speakers.net import PyanNetHousehold, load
from stream.train.batches import Mixtures, load_stock
from stream.train.objective import Objective
from stream.train.rooms import make_bank
from stream.train.speakers import Run, learning_rate, train_speakers, train_step

SMALL = {"audio_s": 12.0, "workers": 0, "clips_per_length": 1, "room_shards": 2, "rooms_per_shard": 2}


@pytest.fixture(autouse=True)
def small_net(monkeypatch: pytest.MonkeyPatch) -> None:
    """Training builds a net small enough for a test."""
    monkeypatch.setattr(
        "stream.train.speakers.PyanNetHousehold", lambda: PyanNetHousehold(16, (4, 4), 2, {"hidden_size": 16})
    )


def test_loss_falls_on_one_batch(tiny_corpora: Path, tmp_path: Path) -> None:
    """Forty steps on one batch lower its loss by a third."""
    make_bank(tmp_path, 2, 1, rooms=2)
    batch = Mixtures(load_stock(tiny_corpora, tmp_path, held_out=False), seed=1, first=0, audio_s=60.0).batch(0)
    assert batch.addressed.any()
    run = Run.start(torch.device("cpu"), seed=1)
    losses = [train_step(run, batch, 5e-3)["frames"] for _ in range(40)]
    assert losses[-1] < 0.67 * losses[0]


def test_voice_loss_knows_voices(tiny_corpora: Path, tmp_path: Path) -> None:
    """The voice part of the loss is lower for vectors that follow the talkers than for random ones."""
    make_bank(tmp_path, 2, 1, rooms=2)
    batch = Mixtures(load_stock(tiny_corpora, tmp_path, held_out=False), seed=1, first=0, audio_s=40.0).batch(2)
    objective = Objective(PyanNetHousehold(16, (4, 4), 2, {"hidden_size": 16}))
    torch.manual_seed(1)
    with torch.no_grad():
        objective.voice.weight.copy_(torch.eye(48, 32))
    told = torch.nn.functional.pad(batch.talkers.float().transpose(1, 2), (0, 28))
    random = torch.randn(told.shape)
    assert objective.same_voice(told, batch.talkers).item() < 0.5 * objective.same_voice(random, batch.talkers).item()


def test_trains_exports_and_resumes(tiny_corpora: Path, tmp_path: Path) -> None:
    """Three steps leave model, checkpoint and curve; two more go on from them; seeds reproduce the weights."""
    model = train_speakers(tiny_corpora, tmp_path / "a", steps=3, device="cpu", seed=2, **SMALL)
    assert {"checkpoint.pt", "curve.csv", "curve.png", "model", "rooms"} == {
        path.name for path in (tmp_path / "a").iterdir()
    }
    first = load(model)
    train_speakers(tiny_corpora, tmp_path / "a", steps=5, resume=True, device="cpu", seed=2, **SMALL)
    assert 5 == torch.load(tmp_path / "a" / "checkpoint.pt", weights_only=True)["step"]
    again = load(train_speakers(tiny_corpora, tmp_path / "b", steps=3, device="cpu", seed=2, **SMALL))
    assert all(torch.equal(one, two) for one, two in zip(first.parameters(), again.parameters(), strict=True))


def test_limit_is_minutes_or_steps(tiny_corpora: Path, tmp_path: Path) -> None:
    """Without a limit, or with two, nothing is trained."""
    with pytest.raises(ValueError, match="either"):
        train_speakers(tiny_corpora, tmp_path)
    with pytest.raises(ValueError, match="either"):
        train_speakers(tiny_corpora, tmp_path, minutes=1, steps=1)


def test_missing_corpora_are_refused(tmp_path: Path) -> None:
    """A folder without voices, rooms and noises ends in ValueError, not in an endless loop."""
    with pytest.raises(ValueError, match="voices"):
        train_speakers(tmp_path / "empty", tmp_path / "out", steps=1, room_shards=1, rooms_per_shard=1)


def test_learning_rate_warms_up_and_ends_low() -> None:
    """The rate rises, stays, and falls in the last third."""
    assert learning_rate(0, 0.0) < learning_rate(50, 0.1) < learning_rate(500, 0.3)
    assert learning_rate(500, 0.3) == learning_rate(5_000, 0.66)
    assert pytest.approx(0.02 * learning_rate(500, 0.3)) == learning_rate(9_000, 1.0)
