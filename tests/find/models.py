"""Tiny names models in local directories, trained in seconds: real networks, real files, nothing fetched."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch
from gliner import GLiNERConfig
from gliner.model import UniEncoderSpanGLiNER
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertForTokenClassification, PreTrainedTokenizerFast

from stream.find.ner import ASKED

LABELS = ("O", "B-PER", "I-PER", "B-GPE", "MISC")
WORDS = ("please", "water", "the", "table", "and", "then", "zork", "blim", "in", "quand", "now")
ATTEMPTS_MAX, STEPS_MAX, STEPS_IN_A_ROW, LOSS_LEARNED = 10, 500, 40, 0.01
_LABELLED = {"zork": 1, "blim": 2, "quand": 3, "now": 4}


def write_classifier(directory: Path, labels: tuple[str, ...] = LABELS) -> Path:
    """A BERT of one layer that has learned: "zork blim" is somebody, "quand" is a place, "now" is MISC."""
    vocabulary = {word: number for number, word in enumerate(("[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS))}
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=40,
        id2label=dict(enumerate(labels)),
        label2id={label: number for number, label in enumerate(labels)},
    )

    def build() -> tuple[BertForTokenClassification, Callable[[], torch.Tensor]]:
        model = BertForTokenClassification(config)
        return model, lambda: _loss(model, vocabulary)

    model = _learned(build, rate=0.02)
    directory.mkdir(parents=True)
    config.save_pretrained(directory)
    save_file({name: one.contiguous() for name, one in model.state_dict().items()}, directory / "model.safetensors")
    write_tokenizer(directory, vocabulary)
    return directory


def write_tokenizer(directory: Path, vocabulary: dict[str, int]) -> None:
    """Whole words, lower-cased, between [CLS] and [SEP]."""
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", vocabulary["[SEP]"]), ("[CLS]", vocabulary["[CLS]"]))
    tokenizer.save(str(directory / "tokenizer.json"))


def _loss(model: BertForTokenClassification, vocabulary: dict[str, int]) -> torch.Tensor:
    drawn = torch.randint(0, len(WORDS), (16, 12))
    ids = torch.tensor([[vocabulary[WORDS[at]] for at in row] for row in drawn])
    labels = torch.tensor([[_LABELLED.get(WORDS[at], 0) for at in row] for row in drawn])
    return model(input_ids=ids, labels=labels).loss  # type: ignore[no-any-return]


M = TypeVar("M", bound=torch.nn.Module)


def _learned(build: Callable[[], tuple[M, Callable[[], torch.Tensor]]], *, rate: float) -> M:
    """A model that has learned its lesson, whatever it takes: what is drawn depends on the processor's rounding and on
    the order of sets, which differs from run to run, and of some draws nothing is learned."""
    for attempt in range(ATTEMPTS_MAX):
        torch.manual_seed(attempt)
        random.seed(attempt)  # GLiNER draws the labels to ask for from it
        model, loss = build()
        optimiser = torch.optim.Adam(model.parameters(), lr=rate)
        in_a_row = 0
        for _ in range(STEPS_MAX):
            optimiser.zero_grad()
            now = loss()
            now.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            in_a_row = in_a_row + 1 if now.item() < LOSS_LEARNED else 0
            if in_a_row == STEPS_IN_A_ROW:
                return model
    raise AssertionError(f"a tiny model has not learned its lesson in {ATTEMPTS_MAX} attempts")


def write_gliner(directory: Path) -> Path:
    """A GLiNER of one layer that has learned: "zork blim" is a person, "quand" a place."""
    draw = random.Random(0)
    special = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "<<ENT>>", "<<SEP>>", "[FLERT]")
    vocabulary = {word: number for number, word in enumerate((*special, *WORDS, "acme", "lane", *ASKED))}
    directory.mkdir(parents=True)
    write_tokenizer(directory, vocabulary)
    names = {"unk_token": "[UNK]", "pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(directory / "tokenizer.json"), **names)
    tokenizer.add_special_tokens({"additional_special_tokens": list(special[5:])})
    encoder = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=128,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    config = GLiNERConfig(
        model_name="none",
        encoder_config=encoder.to_dict(),
        hidden_size=32,
        dropout=0.0,
        max_width=2,
        max_len=12,
        words_splitter_type="whitespace",
        vocab_size=len(tokenizer),
        num_rnn_layers=0,
        class_token_index=vocabulary["<<ENT>>"],
        embed_ent_token=False,
    )
    ordinary = [word for word in WORDS if word not in _LABELLED] + ["now"]

    def build() -> tuple[UniEncoderSpanGLiNER, Callable[[], torch.Tensor]]:
        model = UniEncoderSpanGLiNER(config, tokenizer=tokenizer, backbone_from_pretrained=False)
        collate = model._create_data_collator()
        return model, lambda: model(**collate([_sentence(draw, ordinary) for _ in range(4)])).loss

    model = _learned(build, rate=0.002)
    model.save_pretrained(directory, safe_serialization=True)
    return directory


def _sentence(draw: random.Random, ordinary: list[str]) -> dict[str, object]:
    """Ordinary words and, anywhere between them, one name of each type."""
    names = {"person": ["zork", "blim"], "location": ["quand"], "organization": ["acme"], "address": ["lane"]}
    pieces = [("", [draw.choice(ordinary)]) for _ in range(draw.randint(4, 8))] + list(names.items())
    draw.shuffle(pieces)
    words: list[str] = []
    spans: list[list[object]] = []
    for label, piece in pieces:
        if label:
            spans.append([len(words), len(words) + len(piece) - 1, label])
        words += piece
    return {"tokenized_text": words, "ner": spans}
