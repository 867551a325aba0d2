"""Checksums of cards and bank accounts. They name a type; that one does not hold never unmasks anything."""

from __future__ import annotations


def is_luhn(digits: str) -> bool:
    """ISO/IEC 7812-1, annex B."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def is_iban(value: str) -> bool:
    """ISO 13616: 15 to 34 characters, modulo 97."""
    if not (15 <= len(value) <= 34 and value.isascii() and value.isalnum() and value[:2].isalpha()):
        return False
    rotated = value[4:] + value[:4]
    return int("".join(str(int(character, 36)) for character in rotated)) % 97 == 1
