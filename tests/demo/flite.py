"""The flite speech synthesiser (Debian: ``libflite1``) through ctypes: samples, and when each word is said."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

FIRST_SOUND = b"R:SylStructure.daughter1.daughter1.R:Segment.p.end"
LAST_SOUND = b"R:SylStructure.daughtern.daughtern.R:Segment.end"


@dataclass(frozen=True, eq=False)
class Utterance:
    """``samples`` is (sample,) float32 at 16 kHz; ``words`` are (text, start, end) in seconds."""

    samples: npt.NDArray[np.float32] = field(repr=False)
    words: tuple[tuple[str, float, float], ...] = field(repr=False)


class _Wave(ctypes.Structure):
    _fields_ = (
        ("kind", ctypes.c_char_p),
        ("rate_hz", ctypes.c_int),
        ("length", ctypes.c_int),
        ("channels", ctypes.c_int),
        ("samples", ctypes.POINTER(ctypes.c_short)),
    )


@cache
def _flite() -> Any:
    library = ctypes.CDLL("libflite.so.1", mode=ctypes.RTLD_GLOBAL)
    for part in ("cmulex", "usenglish"):
        ctypes.CDLL(f"libflite_{part}.so.1", mode=ctypes.RTLD_GLOBAL)
    pointer, text = ctypes.c_void_p, ctypes.c_char_p
    for name, result, arguments in (
        ("flite_synth_text", pointer, [text, pointer]),
        ("utt_wave", ctypes.POINTER(_Wave), [pointer]),
        ("utt_relation", pointer, [pointer, text]),
        ("relation_head", pointer, [pointer]),
        ("item_next", pointer, [pointer]),
        ("item_feat_string", text, [pointer, text]),
        ("ffeature_float", ctypes.c_float, [pointer, text]),
        ("delete_utterance", None, [pointer]),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    library.flite_init()
    return library


@cache
def _voice(name: str) -> ctypes.c_void_p:
    library = ctypes.CDLL(f"libflite_cmu_us_{name}.so.1", mode=ctypes.RTLD_GLOBAL)
    register = getattr(library, f"register_cmu_us_{name}")
    register.restype, register.argtypes = ctypes.c_void_p, [ctypes.c_char_p]
    return ctypes.c_void_p(register(None))


def say(text: str, voice: str) -> Utterance:
    """Speaks ``text`` with one of flite's 16 kHz voices (slt, rms, awb, kal16); the same text gives the same bytes."""
    library = _flite()
    utterance = library.flite_synth_text(text.encode(), _voice(voice))
    wave = library.utt_wave(utterance).contents
    samples = np.ctypeslib.as_array(wave.samples, (wave.length,)).astype(np.float32) / 32768
    words, item = [], library.relation_head(library.utt_relation(utterance, b"Word"))
    while item:
        start = round(library.ffeature_float(item, FIRST_SOUND), 3)
        end = round(library.ffeature_float(item, LAST_SOUND), 3)
        words.append((library.item_feat_string(item, b"name").decode(), start, end))
        item = library.item_next(item)
    library.delete_utterance(utterance)
    return Utterance(samples, tuple(words))
