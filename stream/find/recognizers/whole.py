"""How many characters a number of each type has when no more of it is to come."""

from __future__ import annotations

from stream.find.runs import Run

AGAIN_SIZE = 3  # characters more where a part is taken back or repeated
UNKNOWN_WHOLE = 16  # of a number of unknown type that may have been cut
# Characters with which a number of the type has no more to come.
WHOLE = {
    "CREDIT_CARD": 16,
    "CVV": 4,
    "PIN": 6,
    "US_SSN": 9,
    "US_ITIN": 9,
    "PHONE_NUMBER": 10,
    "US_BANK_NUMBER": 12,
    "ABA_ROUTING_NUMBER": 9,
    "UK_SORT_CODE": 6,
    "IBAN_CODE": 22,
    "US_PASSPORT": 9,
    "US_DRIVER_LICENSE": 13,
    "LICENSE_PLATE": 7,
    "VIN": 17,
    "MEDICAL_RECORD_NUMBER": 10,
    "UK_NHS": 10,
    "HEALTH_PLAN_NUMBER": 11,
    "ACCOUNT_NUMBER": 10,
    "DEVICE_SERIAL": 15,
    "MAC_ADDRESS": 12,
    "ZIP_CODE": 5,
    "NATIONAL_ID": 12,
}


def whole_size(kind: str, first: Run) -> int:
    """With how many characters a number of this kind that begins so has no more to come."""
    begins = first.values[0][:1]
    whole = WHOLE.get(kind, UNKNOWN_WHOLE)
    if kind == "CREDIT_CARD":
        whole -= begins == "3"
    if kind == "PHONE_NUMBER":
        whole += 3 if first.elements[0].written == "+" else begins in ("0", "1")
    if kind == "LICENSE_PLATE" and not first.letters:
        whole = UNKNOWN_WHOLE
    return whole + AGAIN_SIZE * first.repaired
