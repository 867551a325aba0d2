"""Numbers as they are written: "two thousand five hundred" is 2500, "seventy four" is 74 or 70 and 4."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from stream.find.elements import Element


def readings(elements: Sequence[Element]) -> Iterator[str]:
    """The run written down in several ways: composed ("74"), and as separate numbers ("70 4")."""
    spoken = [element for element in elements if element.shape != "S"]
    if not any(element.shape in "CHX" for element in spoken):
        yield "".join([element.written for element in spoken])
        return
    yield "".join(_composed(spoken))
    if any(a.shape == "X" and b.shape == "U" for a, b in pairwise(spoken)):
        yield "".join(element.written for element in spoken)


def _composed(elements: Sequence[Element]) -> Iterator[str]:
    at = 0
    while at < len(elements):
        element = elements[at]
        if element.shape == "C" or (element.shape in "UTXD" and any(e.shape == "H" for e in elements[at + 1 : at + 4])):
            end, value = _cardinal(elements, at)
            yield str(value)
            at = end
        elif element.shape == "X" and at + 1 < len(elements) and _is_one_to_nine(elements[at + 1]):
            yield str(int(element.written) + int(elements[at + 1].written))
            at += 2
        else:
            yield element.written
            at += 1


def _cardinal(elements: Sequence[Element], at: int) -> tuple[int, int]:
    """The number that starts here, said with hundred and thousand, and where it ends."""
    total, current, end = 0, 0, at
    while end < len(elements):
        element = elements[end]
        if element.shape == "H":
            scale = int(element.written)
            if scale == 100:
                current = max(current, 1) * 100
            else:
                total, current = total + max(current, 1) * scale, 0
        elif element.shape == "C":
            if current or (end > at and not total):
                break
            total, current = (int(element.written), 0) if len(element.written) > 3 else (total, int(element.written))
        elif element.shape in "UTXD" and len(element.written) <= 3:
            value = int(element.written)
            if not _adds_to(current, value) or (not current and end > at and not total):
                break
            if current and value < 10 and end + 1 < len(elements) and elements[end + 1].shape in "UO":
                break  # "eight hundred five five five" is 800 and 555
            current += value
        else:
            break
        end += 1
    return max(end, at + 1), total + current


def _adds_to(current: int, value: int) -> bool:
    """Whether ``value`` goes on with a number whose part below a thousand is ``current``: 100 and 20, 120 and 3."""
    if not current:
        return True
    ones_missing = current % 10 == 0 and current % 100 >= 20 and 0 < value < 10
    return value < 100 and (current % 100 == 0 or ones_missing)


def _is_one_to_nine(element: Element) -> bool:
    return element.shape == "U" and len(element.written) == 1 and element.written != "0"
