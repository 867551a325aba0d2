"""The built-in speaker model: who is heard per 20 ms, and did anyone speak to the device at all.

Input: ``waveforms`` (batch, 3, samples), float32, 16 kHz, a whole clip without padding, from 0.1 s on:

- channel 0, the audio; any level (only levels within the clip count);
- channel 1, the wake-word window: 1 inside, 0 outside; all 0 when the device reports none;
- channel 2, the device's word times: 1 inside a word, 0 outside; all -1 when there are no word times.

``PyanNetHousehold.forward`` gives log-probabilities (batch, frames, 4) in the order of pyannote's ``Powerset(2, 2)``
over ("main", "bystander"): 0 nobody, 1 main alone, 2 bystander(s) alone, 3 both, all given that somebody spoke to the
device. ``judge`` gives the same and two things more: the clip head, (batch,) log-odds that somebody did (low for an
accidental activation), so that a frame is main speech alone with probability sigmoid(clip) * exp(frame[1]); and per
frame how far away whoever speaks seems to be, (batch, frames), as the logarithm of the distance against 2 m. There are
``num_frames(samples) = ceil(samples / 320)`` frames; frame i speaks of samples [320 i, 320 (i + 1)), so step and
receptive field as pyannote counts them are 20 ms; what a frame knows comes from the whole clip.

It is pyannote's PyanNet with four changes: log-mel and two convolutions instead of SincNet; pitch, and how pitch and
spectrum around a frame differ from those of the wake-word window and of the words; attention between the LSTM layers
over the whole clip; two output frames per LSTM step of 40 ms. Weights are safetensors beside a JSON of hyperparameters
and the weights' sha256, which is checked before they are read; nothing is ever unpickled.
"""

import hashlib
import json
import math
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import torch
from pyannote.audio.core.task import Problem, Resolution, Specifications
from pyannote.audio.models.segmentation import PyanNet
from safetensors.torch import load as load_tensors
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from stream.find.speakers.layers import FLAGS, HOP, RATE_HZ, SHRINK, Attention, LogMel, Pitch, contrast, mean_over

FRAME_SAMPLES = 320
CLASSES = ("main", "bystander")
NOBODY, MAIN, BYSTANDER, BOTH = range(4)
WEIGHTS_NAME = "weights.safetensors"
HYPERPARAMETERS_NAME = "hyperparameters.json"
NEARNESS = 3  # direct sound and early sound against the rest, and distance: the first two are for training alone
_LAGS = 48


def specifications() -> Specifications:
    """What the model solves, in pyannote's terms: powerset of main and bystander, per frame."""
    return Specifications(
        problem=Problem.MONO_LABEL_CLASSIFICATION,
        resolution=Resolution.FRAME,
        duration=30.0,
        min_duration=0.5,
        classes=list(CLASSES),
        powerset_max_classes=2,
        permutation_invariant=False,
    )


class Judgement(NamedTuple):
    """What the net says of clips of one length; see the module."""

    frames: Tensor
    clip: Tensor
    distance: Tensor


class PyanNetHousehold(PyanNet):  # type: ignore[misc]
    """See the module. ``mels`` bands, ``channels`` of the two convolutions, ``lstm`` and ``linear`` as in PyanNet."""

    def __init__(
        self,
        mels: int = 80,
        channels: tuple[int, int] = (24, 32),
        heads: int = 4,
        lstm: dict[str, Any] | None = None,
        linear: dict[str, Any] | None = None,
    ) -> None:
        lstm = {"hidden_size": 160, "num_layers": 3, "bidirectional": True, "monolithic": False} | (lstm or {})
        linear = {"hidden_size": 128, "num_layers": 1} | (linear or {})
        super().__init__(lstm=lstm, linear=linear)
        self.architecture = {
            "mels": mels,
            "channels": list(channels),
            "heads": heads,
            "lstm": {"hidden_size": lstm["hidden_size"], "num_layers": lstm["num_layers"]},
            "linear": dict(self.hparams.linear),
        }
        del self.sincnet
        width = 2 * int(lstm["hidden_size"])
        self.mel = LogMel(mels)
        self.convolutions = nn.Sequential(
            nn.Conv2d(1, channels[0], 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels[0], channels[1], 3, stride=2, padding=1),
            nn.ReLU(),
        )
        self.pitch = Pitch(_LAGS)
        self.compare = nn.Linear(2 * mels + 3 * _LAGS, width)  # starts at zero: what it adds is learned from nothing
        nn.init.zeros_(self.compare.weight)
        nn.init.zeros_(self.compare.bias)
        self.project = nn.Linear(channels[1] * math.ceil(mels / 4) + FLAGS, width)
        self.lstm = nn.ModuleList(
            nn.LSTM(width, int(lstm["hidden_size"]), batch_first=True, bidirectional=True)
            for _ in range(int(lstm["num_layers"]))
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in self.lstm)
        self.attention = nn.ModuleList(Attention(width, heads) for _ in range(len(self.lstm) - 1))
        self.drop = nn.Dropout(0.1)
        self.clip_weights = nn.Linear(width, 1)
        self.clip_head = nn.Linear(2 * width, 1)
        self.nearness = nn.Linear(width, NEARNESS)
        self.specifications = specifications()
        self.build()

    def build(self) -> None:
        """The last layer gives two frames per LSTM step."""
        self.classifier = nn.Linear(self.hparams.linear["hidden_size"], 2 * self.dimension)
        self.activation = self.default_activation()

    def num_frames(self, num_samples: int) -> int:
        """Output frames for ``num_samples``."""
        return math.ceil(num_samples / FRAME_SAMPLES)

    def receptive_field_size(self, num_frames: int = 1) -> int:
        """Samples that ``num_frames`` output frames speak of."""
        return FRAME_SAMPLES * num_frames

    def receptive_field_center(self, frame: int = 0) -> int:
        """The sample in the middle of ``frame``."""
        return FRAME_SAMPLES * frame + FRAME_SAMPLES // 2

    @cached_property
    def example_input_array(self) -> Tensor:
        """Five seconds of near-silence, in the model's three channels."""
        example = torch.zeros(1, 3, 5 * RATE_HZ)
        example[:, 0] = 1e-3 * torch.sin(torch.arange(5 * RATE_HZ) / 9.0)
        example[:, 2] = -1.0
        return example

    def encode(self, waveforms: Tensor, lengths: Tensor | None = None) -> list[Tensor]:
        """(batch, steps, width) after each LSTM layer; a step is 40 ms. ``lengths`` as in ``judge``."""
        inside = _inside(lengths, HOP, math.ceil(waveforms.shape[-1] / HOP))
        mel = self.mel(waveforms[:, 0], inside)
        mel = _rounded_up(mel, inside)
        steps_inside = _inside(lengths, HOP * SHRINK, mel.shape[1] // SHRINK)
        flags = self._flags(waveforms[:, 1:], mel.shape[1] // SHRINK)
        maps = self.convolutions(mel.unsqueeze(1)).transpose(1, 2).flatten(2)
        signs = self._signs(waveforms[:, 0], mel, flags, steps_inside)
        steps = self.drop(self.project(torch.cat((maps, flags.to(maps.dtype)), dim=-1)) + self.compare(signs))
        layers = []
        for index, (lstm, norm) in enumerate(zip(self.lstm, self.norms, strict=True)):
            steps = steps + self.drop(_both_ways(lstm, norm(steps), steps_inside))
            if index < len(self.attention):
                steps = self.attention[index](steps, flags, steps_inside)
            layers.append(steps)
        return layers

    def _signs(self, audio: Tensor, mel: Tensor, flags: Tensor, inside: Tensor | None) -> Tensor:
        """(batch, steps, 2 mels + 3 lags): pitch, and how pitch and spectrum differ from those in the wake-word window
        and in the device's words. Comparing voices is what the layers learn slowest by themselves."""
        bands = mel.view(mel.shape[0], flags.shape[1], SHRINK, -1).mean(dim=2)
        pitch = self.pitch(audio, flags.shape[1])
        sounds = torch.cat((bands, pitch), dim=-1)
        power = torch.exp(3.0 * bands).mean(dim=-1, keepdim=True)
        loud = power / (power + 0.2 * mean_over(power, inside))
        if inside is not None:
            loud = loud * inside.unsqueeze(-1)
        return torch.cat(
            (pitch, contrast(sounds, loud, flags[..., :1]), contrast(sounds, loud, flags[..., 1:2])), dim=-1
        )

    def judge(self, waveforms: Tensor, lengths: Tensor | None = None) -> Judgement:
        """All that the module names. ``lengths`` (batch,), on the same device, are the samples of each clip where they
        differ: what follows them in ``waveforms`` must be 0 in the first two channels and -1 in the third, and what
        follows them in the answer means nothing. A clip is judged as it would be alone."""
        return self.decide(self.encode(waveforms, lengths)[-1], waveforms.shape[-1], lengths)

    def decide(self, steps: Tensor, num_samples: int, lengths: Tensor | None = None) -> Judgement:
        """As ``judge``, from the last layer of ``encode``."""
        scores, peaks = self.clip_weights(steps).float(), steps
        inside = _inside(lengths, HOP * SHRINK, steps.shape[1])
        if inside is not None:
            outside = ~inside.unsqueeze(-1)
            scores, peaks = scores.masked_fill(outside, -math.inf), steps.masked_fill(outside, -math.inf)
        pooled = (torch.softmax(scores, dim=1) * steps).sum(dim=1)
        clip = self.clip_head(torch.cat((pooled, peaks.amax(dim=1)), dim=-1)).squeeze(-1)
        count = self.num_frames(num_samples)
        distance = self.nearness(steps)[..., -1].repeat_interleave(2, dim=1)[:, :count]
        for linear in self.linear:
            steps = functional.leaky_relu(linear(steps))
        scores = self.classifier(steps)
        frames = scores.reshape(scores.shape[0], 2 * scores.shape[1], -1)[:, :count]
        return Judgement(self.activation(frames.float()), clip.float(), distance.float())

    def forward(self, waveforms: Tensor) -> Tensor:
        """Log-probabilities (batch, frames, 4); see the module."""
        return self.judge(waveforms).frames

    @staticmethod
    def _flags(flags: Tensor, steps: int) -> Tensor:
        """(batch, steps, 4): share inside the wake window, share inside a word, words known, wake window known."""
        wake, words = flags[:, :1], flags[:, 1:]
        length = steps * SHRINK * HOP
        known = (words >= 0).any(dim=-1, keepdim=True).float().expand(-1, -1, steps)
        woken = (wake > 0).any(dim=-1, keepdim=True).float().expand(-1, -1, steps)
        shares = functional.pad(torch.cat((wake, words), dim=1).clamp(0, 1).float(), (0, length - flags.shape[-1]))
        return torch.cat((shares.view(*shares.shape[:2], steps, -1).mean(dim=-1), known, woken), dim=1).transpose(1, 2)


def _inside(lengths: Tensor | None, hop: int, count: int) -> Tensor | None:
    """(batch, count): which stretches of ``hop`` samples begin inside the clip, of ``lengths`` (batch,) samples; None
    where all do."""
    if lengths is None:
        return None
    return torch.arange(count, device=lengths.device).unsqueeze(0) * hop < lengths.unsqueeze(1)


def _rounded_up(mel: Tensor, inside: Tensor | None) -> Tensor:
    """``mel`` (batch, frames, mels) with whole steps: what is missing in the last step is as quiet as the quietest."""
    short = -mel.shape[1] % SHRINK
    if inside is None:
        return functional.pad(mel, (0, 0, 0, short), value=float(mel.min()) if short else 0.0)
    outside = ~functional.pad(inside, (0, short)).unsqueeze(-1)
    mel = functional.pad(mel, (0, 0, 0, short))
    quietest = mel.masked_fill(outside, math.inf).amin(dim=(1, 2), keepdim=True)
    return torch.where(outside, quietest, mel)


def _both_ways(lstm: nn.Module, steps: Tensor, inside: Tensor | None) -> Tensor:
    """``lstm`` over ``steps`` (batch, steps, width); backwards it begins at the end of each clip."""
    if inside is None:
        heard: Tensor = lstm(steps)[0]
        return heard
    packed = pack_padded_sequence(steps, inside.sum(dim=1).cpu(), batch_first=True, enforce_sorted=False)
    heard, _ = pad_packed_sequence(lstm(packed)[0], batch_first=True, total_length=steps.shape[1])
    return heard


def load(directory: Path) -> PyanNetHousehold:
    """The model of ``directory`` (weights.safetensors, hyperparameters.json) on the CPU, ready to use.

    Raises ValueError when the weights are not those that the JSON names, and OSError when a file is missing.
    """
    described = json.loads((directory / HYPERPARAMETERS_NAME).read_text(encoding="utf-8"))
    weights = (directory / WEIGHTS_NAME).read_bytes()
    if hashlib.sha256(weights).hexdigest() != described["sha256"]:
        raise ValueError("the weights of the speaker model are not those that its description names")
    model = PyanNetHousehold(**described["architecture"])
    model.load_state_dict({name: tensor.float() for name, tensor in load_tensors(weights).items()})
    model.eval()
    return model


def load_builtin() -> PyanNetHousehold:
    """The model that ships with the package, on the CPU, ready to use."""
    with resources.as_file(resources.files("stream") / "models" / "speakers") as directory:
        return load(directory)
