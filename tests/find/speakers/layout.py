"""A directory in pyannote's pipeline layout with small or community-1-sized networks of random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import yaml
from pyannote.audio import Model
from pyannote.audio.core.task import Problem, Resolution, Specifications
from pyannote.audio.models.embedding import WeSpeakerResNet34
from pyannote.audio.models.segmentation import PyanNet

from stream.clip import SAMPLE_RATE_HZ

COMMUNITY_LSTM = {"hidden_size": 128, "num_layers": 4, "bidirectional": True, "monolithic": True}
SMALL_LSTM = {"hidden_size": 16, "num_layers": 1, "bidirectional": True, "monolithic": True}
SEGMENTATION_DURATION_S = 10.0


def write_directory(directory: Path, *, small: bool = True, segmentation_step: float = 0.1, seed: int = 1) -> Path:
    """Writes config.yaml, segmentation/, embedding/ and plda/ with random weights of ``seed``."""
    torch.manual_seed(seed)
    segmentation = PyanNet(lstm=SMALL_LSTM if small else COMMUNITY_LSTM)
    segmentation.specifications = Specifications(
        problem=Problem.MONO_LABEL_CLASSIFICATION,
        resolution=Resolution.FRAME,
        duration=SEGMENTATION_DURATION_S,
        classes=["a", "b", "c"],
        powerset_max_classes=2,
        permutation_invariant=True,
    )
    segmentation.build()
    with torch.no_grad():
        segmentation.classifier.weight.mul_(40.0)  # so that random weights hear more than one voice
    embedding = WeSpeakerResNet34()
    embedding.specifications = Specifications(
        problem=Problem.REPRESENTATION, resolution=Resolution.CHUNK, duration=SEGMENTATION_DURATION_S, classes=["x"]
    )
    _save(segmentation, directory / "segmentation")
    _save(embedding, directory / "embedding")
    _save_plda(directory / "plda", seed)
    config = {
        "dependencies": {"pyannote.audio": "4.0.0"},
        "pipeline": {
            "name": "pyannote.audio.pipelines.SpeakerDiarization",
            "params": {
                "clustering": "VBxClustering",
                "segmentation": "$model/segmentation",
                "segmentation_batch_size": 1,
                "segmentation_step": segmentation_step,
                "embedding": "$model/embedding",
                "embedding_batch_size": 1,
                "embedding_exclude_overlap": True,
                "plda": "$model/plda",
            },
        },
        "params": {
            "clustering": {"threshold": 0.6, "Fa": 0.07, "Fb": 0.8},
            "segmentation": {"min_duration_off": 0.0},
        },
    }
    (directory / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    return directory


def _save(model: Model, folder: Path) -> None:
    folder.mkdir(parents=True)
    checkpoint: dict[str, Any] = {
        "state_dict": model.state_dict(),
        "hyper_parameters": dict(model.hparams),
        "pytorch-lightning_version": "2.5.0",
    }
    model.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, folder / "pytorch_model.bin")


def _save_plda(folder: Path, seed: int) -> None:
    """Random but valid: 256-dimensional embeddings, 128 dimensions after the projection."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    np.savez(
        folder / "xvec_transform.npz",
        mean1=np.zeros(256),
        mean2=np.zeros(128),
        lda=np.linalg.qr(rng.standard_normal((256, 128)))[0],
    )
    np.savez(folder / "plda.npz", mu=np.zeros(128), tr=np.eye(128), psi=np.linspace(4.0, 0.1, 128))


def speechlike(seconds: float, seed: int = 0) -> npt.NDArray[np.float32]:
    """Noise in bursts of different colours: enough for random networks to change their mind over time."""
    rng = np.random.default_rng(seed)
    sound = rng.standard_normal(round(seconds * SAMPLE_RATE_HZ))
    times = np.arange(len(sound)) / SAMPLE_RATE_HZ
    bursts = np.sin(2 * np.pi * 0.7 * times) > -0.3
    tone = np.sin(2 * np.pi * (200 + 150 * np.floor(times)) * times)
    return np.asarray((0.02 * sound + 0.2 * tone) * bursts, np.float32)
