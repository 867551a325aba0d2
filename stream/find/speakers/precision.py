"""Half the precision on a CPU: a network of pyannote's in bfloat16, with what then is left to compute."""

from __future__ import annotations

import torch
from pyannote.audio import Model
from torch.nn.utils.fusion import fuse_conv_bn_eval

NORMS = {"conv1": "bn1", "conv2": "bn2", "conv3": "bn3"}  # what follows which convolution in WeSpeaker's ResNet


def has_bfloat16() -> bool:
    """Whether this processor multiplies in bfloat16; one without only emulates it, which is slower than float32."""
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def run_in_bfloat16(model: Model) -> None:
    """Replaces ``forward`` of a model in evaluation mode; what comes out is float32 again."""
    exact = model.forward

    def forward(*tensors: torch.Tensor, **named: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            scores: torch.Tensor = exact(*tensors, **named)
        return scores.float()

    model.forward = forward
    _fold_norms(model)
    model.to(memory_format=torch.channels_last)  # only convolutions over two axes care; these take half the time


def _fold_norms(model: Model) -> None:
    """Makes batch normalisations part of the convolutions before them, a tenth of the ResNet's time."""
    for block in model.modules():
        for convolution, norm in NORMS.items():
            weights, scale = getattr(block, convolution, None), getattr(block, norm, None)
            if isinstance(weights, torch.nn.Conv2d) and isinstance(scale, torch.nn.BatchNorm2d):
                setattr(block, convolution, fuse_conv_bn_eval(weights, scale))
                setattr(block, norm, torch.nn.Identity())
