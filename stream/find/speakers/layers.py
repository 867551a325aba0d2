"""Parts of the built-in speaker model: log-mel, pitch, contrast with a marked stretch, attention."""

import math

import torch
import torchaudio
from torch import Tensor, nn
from torch.nn import functional

RATE_HZ = 16_000
HOP = 160
FFT = 512
FLAGS = 4
SHRINK = 4  # log-mel frames per LSTM step


def mean_over(values: Tensor, inside: Tensor | None) -> Tensor:
    """(batch, 1, features): the mean of ``values`` (batch, steps, features) over the steps that ``inside`` (batch,
    steps) flags, over all where it is None."""
    if inside is None:
        return values.mean(dim=1, keepdim=True)
    weights = inside.unsqueeze(-1).to(values.dtype)
    return (values * weights).sum(dim=1, keepdim=True) / weights.sum(dim=1, keepdim=True)


class LogMel(nn.Module):
    """Log-mel spectrogram (batch, ceil(samples / 160), mels) of (batch, samples), relative to the clip's mean power."""

    def __init__(self, mels: int) -> None:
        super().__init__()
        bank = torchaudio.functional.melscale_fbanks(FFT // 2 + 1, 40.0, 7_800.0, mels, RATE_HZ)
        self.register_buffer("bank", bank, persistent=False)
        self.register_buffer("window", torch.hann_window(400), persistent=False)

    def forward(self, audio: Tensor, inside: Tensor | None = None) -> Tensor:
        """See the class; ``inside`` (batch, frames) flags the frames of each clip, None where all are."""
        frames = math.ceil(audio.shape[-1] / HOP)
        margin = (FFT - HOP) // 2
        padded = functional.pad(audio.float(), (margin, frames * HOP - audio.shape[-1] + margin))
        window = functional.pad(self.get_buffer("window"), ((FFT - 400) // 2, (FFT - 400) // 2))
        spectrum = torch.fft.rfft(padded.unfold(-1, FFT, HOP) * window)
        power = (spectrum.real.square() + spectrum.imag.square()) @ self.get_buffer("bank")
        mean = mean_over(power.mean(dim=2, keepdim=True), inside)
        return (torch.log(power / (mean + 1e-12) + 1e-5) + 4.0) / 3.0


class Pitch(nn.Module):
    """Normalised autocorrelation (batch, steps, lags) of (batch, samples), for 64 ms around every 40 ms.

    Lags are spaced evenly in log-frequency, 60 to 420 Hz: a step's peaks say how high a voice is.
    """

    def __init__(self, lags: int) -> None:
        super().__init__()
        periods = RATE_HZ / torch.logspace(math.log10(60.0), math.log10(420.0), lags)
        self.register_buffer("periods", periods.round().long(), persistent=False)
        self.register_buffer("window", torch.hann_window(1_024), persistent=False)

    def forward(self, audio: Tensor, steps: int) -> Tensor:
        """See the class."""
        hop = SHRINK * HOP
        margin = (1_024 - hop) // 2
        padded = functional.pad(audio.float(), (margin, steps * hop - audio.shape[-1] + margin))
        framed = padded.unfold(-1, 1_024, hop) * self.get_buffer("window")
        spectrum = torch.fft.rfft(framed, n=2_048)
        correlation = torch.fft.irfft(spectrum.real.square() + spectrum.imag.square())
        peaks: Tensor = correlation[..., self.get_buffer("periods")] / (correlation[..., :1] + 1e-9)
        return peaks


def contrast(sounds: Tensor, loud: Tensor, marked: Tensor) -> Tensor:
    """How the sound around each step differs from that of the ``marked`` steps: (batch, steps, features).

    ``sounds`` (batch, steps, features) and their mean over 0.7 s and over the marked steps, both weighed by ``loud``
    (batch, steps, 1); zero where nothing is marked.
    """
    span = 17
    near = functional.avg_pool1d((sounds * loud).transpose(1, 2), span, 1, span // 2).transpose(1, 2)
    near = near / (functional.avg_pool1d(loud.transpose(1, 2), span, 1, span // 2).transpose(1, 2) + 1e-3)
    weights = loud * marked
    mass = weights.sum(dim=1, keepdim=True)
    there = (sounds * weights).sum(dim=1, keepdim=True) / (mass + 1e-3)
    return (near - there) * (mass > 1e-2).float()


class Attention(nn.Module):
    """Self-attention over the clip; queries and keys also see the device's flags. (batch, steps, width) both ways."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.queries_keys = nn.Linear(width + FLAGS, 2 * width)
        self.values = nn.Linear(width, width)
        self.out = nn.Linear(width, width)

    def forward(self, steps: Tensor, flags: Tensor, inside: Tensor | None = None) -> Tensor:
        """See the class; ``flags`` (batch, steps, 4); ``inside`` (batch, steps) flags the steps of each clip, None
        where all are."""
        normed = self.norm(steps)
        batch, count, width = steps.shape
        queries, keys = self.queries_keys(torch.cat((normed, flags.to(normed.dtype)), dim=-1)).chunk(2, dim=-1)
        query, key, value = (
            part.view(batch, count, self.heads, -1).transpose(1, 2) for part in (queries, keys, self.values(normed))
        )
        heard = None if inside is None else inside[:, None, None, :]
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=heard)
        mixed = mixed.transpose(1, 2).reshape(batch, count, width)
        attended: Tensor = steps + self.out(mixed)
        return attended
