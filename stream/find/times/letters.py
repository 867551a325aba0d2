"""English letters to sounds, by rules: how a name may be said that no dictionary has.

Sounds are the phones of the CMU pronouncing dictionary. The rules are ours; they need not be right, only near enough
for an aligner to find the word in the sound.
"""

from __future__ import annotations

from collections.abc import Iterator

VOWELS = "aeiouy"

# letters -> phones; "^" is the word's beginning, "$" its end. The longest that fits at a place is taken.
_RULES: dict[str, str] = {
    # vowels together
    "ai": "EY", "ay": "EY", "au": "AO", "aw": "AO", "augh": "AO", "aa": "AA", "ae": "IY",
    "ea": "IY", "ee": "IY", "ei": "EY", "eigh": "EY", "ey": "EY", "ey$": "IY", "eu": "UW", "ew": "UW",
    "ia": "IY AH", "ie": "IY", "ie$": "IY", "io": "IY OW", "iu": "IY AH", "igh": "AY",
    "oa": "OW", "oe": "OW", "oi": "OY", "oy": "OY", "oo": "UW", "ou": "AW", "ough": "AO", "ow": "OW", "ow$": "OW",
    "ua": "W AA", "ue": "UW", "ui": "UW IY", "uy": "AY", "ya": "Y AA", "ye$": "AY",
    # vowels before r
    "ar": "AA R", "er": "ER", "ir": "ER", "or": "AO R", "ur": "ER", "air": "EH R", "ear": "IH R", "eer": "IH R",
    "oor": "UH R", "our": "AW R", "ari": "AA R IY", "ero": "EH R OW", "era": "EH R AH", "ira": "IH R AH",
    "ora": "AO R AH",
    "ura": "UH R AH", "ire": "AY R", "are$": "EH R", "ere$": "IH R", "ore$": "AO R", "ure$": "Y UH R",
    # single vowels
    "a": "AE", "^a": "AE", "a$": "AH", "e": "EH", "e$": "", "i": "IH", "i$": "IY", "o": "AA", "o$": "OW", "u": "AH",
    "u$": "UW", "y": "IH", "^y": "Y", "y$": "IY",
    # long by a silent e
    "ade$": "EY D", "ake$": "EY K", "ale$": "EY L", "ame$": "EY M", "ane$": "EY N", "ate$": "EY T", "ave$": "EY V",
    "ace$": "EY S", "age$": "IH JH", "ase$": "EY S", "ide$": "AY D", "ike$": "AY K", "ile$": "AY L", "ime$": "AY M",
    "ine$": "IY N", "ice$": "AY S", "ite$": "AY T", "ive$": "IH V", "ise$": "AY Z", "ize$": "AY Z", "ode$": "OW D",
    "oke$": "OW K", "ole$": "OW L", "ome$": "OW M", "one$": "OW N", "ose$": "OW Z", "ote$": "OW T", "ove$": "OW V",
    "ude$": "UW D", "uke$": "UW K", "ule$": "UW L", "une$": "UW N", "ute$": "UW T", "ette$": "EH T", "elle$": "EH L",
    # endings
    "tion": "SH AH N", "sion": "ZH AH N", "cia": "SH AH", "tia": "SH AH", "ture$": "CH ER", "ed$": "D",
    "ted$": "T IH D",
    "ded$": "D IH D", "es$": "Z", "ses$": "S IH Z", "le$": "AH L", "ism$": "IH Z AH M", "ski$": "S K IY",
    "sky$": "S K IY",
    "ez$": "EH Z", "ia$": "IY AH", "io$": "IY OW", "ina$": "IY N AH", "ita$": "IY T AH", "ino$": "IY N OW",
    "ito$": "IY T OW", "ana$": "AA N AH", "ano$": "AA N OW", "ania$": "AA N IY AH", "ing$": "IH NG", "son$": "S AH N",
    "man$": "M AH N", "ton$": "T AH N", "burg$": "B ER G", "ville$": "V IH L", "stein$": "S T AY N",
    # consonants together
    "bb": "B", "cc": "K", "ck": "K", "dd": "D", "ff": "F", "gg": "G", "kk": "K", "ll": "L", "mm": "M", "nn": "N",
    "pp": "P",
    "rr": "R", "ss": "S", "tt": "T", "vv": "V", "zz": "Z", "ch": "CH", "chr": "K R", "^kn": "N", "^gn": "N",
    "^wr": "R",
    "^ps": "S", "^pf": "F", "dg": "JH", "dge": "JH", "gh": "G", "ght": "T", "mb$": "M", "ng": "NG", "nk": "NG K",
    "ngs$": "NG Z",
    "ph": "F", "qu": "K W", "rh": "R", "sch": "SH", "sh": "SH", "sc": "S K", "sce": "S EH", "sci": "S IH",
    "tch": "CH",
    "th": "TH", "wh": "W", "^who": "HH UW", "cz": "CH", "sz": "SH", "dz": "D Z", "ts": "T S", "tz": "T S", "zh": "ZH",
    "kh": "K", "dj": "JH", "tsch": "CH", "wa": "W AA", "bh": "B", "dh": "D", "jh": "JH",
    # soft c and g
    "ce": "S EH", "ci": "S IH", "cy": "S IY", "ce$": "S", "ge": "JH EH", "gi": "JH IH", "gy": "JH IY", "ge$": "JH",
    # single consonants
    "b": "B", "c": "K", "d": "D", "f": "F", "g": "G", "h": "HH", "j": "JH", "k": "K", "l": "L", "m": "M", "n": "N",
    "p": "P", "q": "K", "r": "R", "s": "S", "t": "T", "v": "V", "w": "W", "x": "K S", "^x": "Z", "z": "Z",
    "ah$": "AH", "eh$": "EH", "oh$": "OW", "uh$": "AH", "w$": "", "'": "",
}  # fmt: skip
_LONGEST = max(len(letters.strip("^$")) for letters in _RULES)

LETTER_NAMES: dict[str, str] = {
    "a": "EY", "b": "B IY", "c": "S IY", "d": "D IY", "e": "IY", "f": "EH F", "g": "JH IY", "h": "EY CH", "i": "AY",
    "j": "JH EY", "k": "K EY", "l": "EH L", "m": "EH M", "n": "EH N", "o": "OW", "p": "P IY", "q": "K Y UW",
    "r": "AA R",
    "s": "EH S", "t": "T IY", "u": "Y UW", "v": "V IY", "w": "D AH B AH L Y UW", "x": "EH K S", "y": "W AY",
    "z": "Z IY",
}  # fmt: skip


def sounds(word: str) -> str:
    """Phones of a lower-case word of a-z and apostrophes, by the rules; empty where none of its letters is said."""
    return " ".join(phones for phones in _said(word) if phones)


def _said(word: str) -> Iterator[str]:
    at = 0
    while at < len(word):
        size, phones = _longest(word, at)
        yield phones
        at += size


def _longest(word: str, at: int) -> tuple[int, str]:
    for size in range(min(_LONGEST, len(word) - at), 0, -1):
        letters = word[at : at + size]
        first, last = "^" if at == 0 else "", "$" if at + size == len(word) else ""
        for rule in (f"{first}{letters}{last}", f"{first}{letters}", f"{letters}{last}", letters):
            if rule in _RULES:
                return size, _RULES[rule]
    return 1, ""


def is_pronounceable(word: str) -> bool:
    """Whether it has a vowel; what has none is said letter by letter."""
    return any(letter in VOWELS for letter in word)
