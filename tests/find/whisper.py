"""A Whisper of a few random weights, in the layout that faster-whisper reads: for running the real code."""

from __future__ import annotations

from pathlib import Path

import torch
from ctranslate2.converters import TransformersConverter
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    PreTrainedTokenizerFast,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
)

SPECIAL = (
    "<|endoftext|>",
    "<|startoftranscript|>",
    "<|en|>",
    "<|translate|>",
    "<|transcribe|>",
    "<|startoflm|>",
    "<|startofprev|>",
    "<|nospeech|>",
    "<|notimestamps|>",
)


def make_whisper(folder: Path) -> Path:
    """Writes the model below ``folder`` and returns its directory; the same weights every time."""
    torch.manual_seed(0)
    source, directory = folder / "transformers", folder / "whisper"
    tokenizer = _tokenizer()
    size = len(tokenizer)
    special = {name: tokenizer.convert_tokens_to_ids(name) for name in SPECIAL}
    config = WhisperConfig(
        vocab_size=size,
        d_model=32,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        pad_token_id=special["<|endoftext|>"],
        bos_token_id=special["<|endoftext|>"],
        eos_token_id=special["<|endoftext|>"],
        decoder_start_token_id=special["<|startoftranscript|>"],
        suppress_tokens=[],
        begin_suppress_tokens=[],
    )
    model = WhisperForConditionalGeneration(config)
    model.generation_config.lang_to_id = {"<|en|>": special["<|en|>"]}
    model.generation_config.alignment_heads = [[0, 0]]
    model.generation_config.no_timestamps_token_id = special["<|notimestamps|>"]
    model.save_pretrained(source)
    tokenizer.save_pretrained(source)
    WhisperFeatureExtractor().save_pretrained(source)
    TransformersConverter(str(source), copy_files=["tokenizer.json"]).convert(str(directory))
    return directory


def _tokenizer() -> PreTrainedTokenizerFast:
    """Bytes as tokens, Whisper's special tokens, and its times in steps of 20 ms."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({letter: number for number, letter in enumerate(letters)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([*SPECIAL, *(f"<|{step * 0.02:.2f}|>" for step in range(1501))])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|endoftext|>", bos_token="<|endoftext|>")
