"""What training minimises: who is heard when, whether anyone spoke to the device, and which frames share a voice."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from stream.find.speakers.net import PyanNetHousehold
from stream.train.batches import Batch

FRAMES_PER_CLIP = 48
CLIP_WEIGHT = 0.8
VOICE_WEIGHT = 0.4
EVERYWHERE_WEIGHT = 0.5
NEARNESS_WEIGHT = 0.3
CLASS_COSTS = (0.6, 1.0, 1.0, 2.0)  # a bystander under the main speaker is what leaks most


class Objective(nn.Module):
    """Loss of a batch.

    The frames' part asks who the main speaker is in clips that have one; whether there is one is left to the clip
    head, so that doubt about the one does not blur the other. Three parts are for training only. One asks the frames
    of all clips, accidental activations too. One asks how near the one who is heard sounds: that is most of what tells
    an accidental activation. The third makes a small vector per 40 ms from the middle layer, near for frames of one
    voice and far for frames of two: the labels alone tell too little about voices.
    """

    def __init__(self, model: PyanNetHousehold) -> None:
        super().__init__()
        self.model = model
        self.voice = nn.Linear(model.project.out_features, 48)
        self.unconditional = nn.Linear(model.project.out_features, 2 * model.dimension)
        self.register_buffer("costs", torch.tensor(CLASS_COSTS), persistent=False)
        self.scale = nn.Parameter(torch.tensor([6.0, -2.0]))

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, float]]:
        """The loss (a scalar) and its parts by name."""
        layers = self.model.encode(batch.waveforms)
        log_probabilities, clip, _ = self.model.decide(layers[-1], batch.waveforms.shape[-1])
        frames = self._frames(log_probabilities, batch)
        unconditional = self.unconditional(layers[-1]).unflatten(-1, (2, -1)).flatten(1, 2)[:, : batch.labels.shape[1]]
        everywhere = functional.cross_entropy(unconditional.float().flatten(0, 1), batch.labels.flatten())
        addressed = functional.binary_cross_entropy_with_logits(clip, batch.addressed, batch.addressed_weight)
        voices = self.same_voice(layers[len(layers) // 2], batch.talkers)
        near = self.nearness(layers[-1], batch)
        loss = frames + EVERYWHERE_WEIGHT * everywhere + CLIP_WEIGHT * addressed + VOICE_WEIGHT * voices
        loss = loss + NEARNESS_WEIGHT * near
        return loss, {
            "frames": frames.item(),
            "everywhere": everywhere.item(),
            "clip": addressed.item(),
            "voices": voices.item(),
            "nearness": near.item(),
        }

    def _frames(self, log_probabilities: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy of the frames of clips with a main speaker: who is it, given that there is one."""
        costs = self.get_buffer("costs")[batch.labels] * batch.addressed.unsqueeze(1)
        losses = -log_probabilities.gather(-1, batch.labels.unsqueeze(-1)).squeeze(-1)
        return (losses * costs).sum() / costs.sum().clamp(min=1.0)

    def nearness(self, steps: Tensor, batch: Batch) -> Tensor:
        """Smooth absolute error of how near the talker is, over the steps with exactly one."""
        count = min(steps.shape[1], batch.talkers.shape[2])
        talkers = batch.talkers[:, :, :count].float()
        alone = (talkers.sum(dim=1) == 1).unsqueeze(-1)
        truth = torch.einsum("bts,btn->bsn", talkers, batch.nearness.nan_to_num())
        known = alone & (torch.einsum("bts,btn->bsn", talkers, batch.nearness.isnan().float()) == 0)
        losses = functional.smooth_l1_loss(
            self.model.nearness(steps[:, :count]).float(), truth, reduction="none", beta=0.3
        )
        return (losses * known).sum() / known.sum().clamp(min=1)

    def same_voice(self, steps: Tensor, talkers: Tensor) -> Tensor:
        """Cross-entropy of "same voice" over pairs of steps with exactly one talker, both answers weighing the same."""
        alone = talkers.sum(dim=1) == 1
        draw = torch.rand(alone.shape, device=alone.device).masked_fill(~alone, -1.0)
        values, picked = draw.topk(min(FRAMES_PER_CLIP, draw.shape[1]), dim=1)
        valid = values >= 0
        vectors = functional.normalize(
            self.voice(torch.gather(steps, 1, picked.unsqueeze(-1).expand(-1, -1, steps.shape[-1]))).float(), dim=-1
        )
        who = torch.gather(talkers.float().argmax(dim=1), 1, picked)
        same = (who.unsqueeze(1) == who.unsqueeze(2)).float()
        pairs = (valid.unsqueeze(1) & valid.unsqueeze(2)).float()
        logits = self.scale[0] * vectors @ vectors.transpose(1, 2) + self.scale[1]
        losses = functional.binary_cross_entropy_with_logits(logits, same, reduction="none") * pairs
        like, unlike = pairs * same, pairs * (1 - same)
        return 0.5 * (
            (losses * like).sum() / like.sum().clamp(min=1) + (losses * unlike).sum() / unlike.sum().clamp(min=1)
        )
