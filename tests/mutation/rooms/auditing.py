"""The audit: chain, signed heads, what verifies them, and receipts."""

from __future__ import annotations

from tests.mutation.mutant import Mutation as M
from tests.mutation.mutant import room

CHAIN = room(
    "stream/lifecycle/chain.py",
    "tests/lifecycle/test_chain.py tests/lifecycle/test_verifying.py",
    M("previous", "RECORD_DOMAIN + previous + canonical(record)", "RECORD_DOMAIN + canonical(record)", "a digest is over the one before", "tests/lifecycle/test_chain.py"),
    M("domain", "RECORD_DOMAIN + previous + canonical(record)", "previous + canonical(record)", "a digest has its domain", "tests/lifecycle/test_chain.py"),
    M("all-fields", 'for name, value in record.items() if name != "digest"})', 'for name, value in record.items() if name not in ("digest", "reason")})', "a digest is over all fields", quick=True),
    M("other-chain", "if (of.topic, of.number) != (record.get(\"topic\"), record.get(\"partition\")):", "if False:", "a chain is that of its partition", "tests/lifecycle/test_chain.py tests/wire/test_outcomes.py"),
    M("own-digest", "if len(previous) != len(found) or found.hex() != digest:", "if len(previous) != len(found):", "a record's digest is its own"),
    M("previous-length", "if len(previous) != len(found) or found.hex() != digest:", "if found.hex() != digest:", "a digest is whole"),
    M("sequence", 'if not isinstance(sequence, int) or sequence < 1:', "if False:", "a record has a place"),
    M("integers", "        if not -INTEGER_MAX <= value <= INTEGER_MAX:  # type: ignore[operator]\n", "        if False:\n", "numbers that all languages can hold"),
    M("ascii", "if type(name) is not str or not name.isascii():", "if type(name) is not str:", "keys whose order is one"),
    M("floats", '        raise ValueError("a value with more than one way to write it")\n', "        return\n", "no floats"),
)

HEADS = room(
    "stream/lifecycle/heads.py",
    "tests/lifecycle/test_verifying.py tests/lifecycle/test_notary.py tests/lifecycle/test_chain.py",
    M("verified", "        key.verify(bytes.fromhex(str(head.get(\"signature\"))), signed_bytes(head))\n", "        pass\n", "a head is signed", quick=True),
    M("unknown-key", "    if key is None:\n        return False\n    try:", "    if key is None:\n        return True\n    try:", "by a key that is known"),
    M("domain", "return HEAD_DOMAIN + canonical_json(", "return canonical_json(", "a signature has its domain", "tests/lifecycle/test_notary.py tests/lifecycle/test_chain.py tests/lifecycle/test_verifying.py tests/wire/test_audits.py"),
    M("all-fields", 'for name, value in head.items() if name != "signature"})', 'for name, value in head.items() if name not in ("signature", "published")})', "a signature is over all fields"),
    M("refused", "            self.refused.append(f\"head {head.get('number')} of {source} is not signed by a known key\")\n", "            pass\n", "a strange head is told"),
    M("lacking", "            self.refused.append(f\"head {head.get('number')} of {source} lacks something\")\n", "            pass\n", "a head that lacks something is told"),
    M("holes", "            if len(missing):\n", "            if False:\n", "heads that are missing are told"),
    M("private-kind", "    if not isinstance(key, Ed25519PrivateKey):\n", "    if False:\n", "one kind of key", "tests/lifecycle/test_notary.py tests/lifecycle/test_verifying.py tests/lifecycle/test_chain.py tests/commands/test_audit.py"),
    M("public-kind", "        if not isinstance(key, Ed25519PublicKey):\n", "        if False:\n", "one kind of key", "tests/lifecycle/test_notary.py tests/lifecycle/test_verifying.py tests/lifecycle/test_chain.py tests/commands/test_audit.py"),
    M("digest-length", 'if len(digest) != 32 or head["sequence"] < 1:', "if False:", "a head is the end of a chain"),
)

NOTARY = room(
    "stream/lifecycle/notary.py",
    "tests/lifecycle/test_notary.py",
    M("sound-only", "if chain.check.problem is None and at.sequence > chain.signed:", "if at.sequence > chain.signed:", "a broken chain is not signed", quick=True),
    M("moved-only", "if chain.check.problem is None and at.sequence > chain.signed:", "if chain.check.problem is None:", "what has not moved is not signed again"),
    M("met", "met = end_at(record, Partition(topic, int(partition))) == awaited", "met = bool(end_at(record, Partition(topic, int(partition))))", "what was signed is met again"),
    M("missing", '        _spoil(chain, awaited.sequence, f"record {awaited.sequence} is missing, though signed")\n', "        pass\n", "what was signed is there"),
    M("changed", '        _spoil(chain, awaited.sequence, f"record {awaited.sequence} is not what was signed")\n', "        pass\n", "what was signed is unchanged"),
    M("shorter", '                _spoil(chain, last, f"record {last} is missing, though signed: the chain is shorter than it was")\n', "                pass\n", "a chain is never shorter"),
    M("unreadable", "        _spoil(known, expected, f\"what stands in the place of record {expected} can't be read\")\n", "", "what can't be read breaks a chain"),
    M("from-start", "check = ChainCheck(head[\"chain\"], head=at, counts=counts, signed=at.sequence)", "check = ChainCheck(head[\"chain\"], head=at, signed=at.sequence)", "counts go on"),
    M("number", "            self._number = head[\"number\"]\n", "", "heads are numbered without holes"),
)

VERIFYING = room(
    "stream/lifecycle/verifying.py",
    "tests/lifecycle/test_verifying.py",
    M("missing", "        elif sequence > expected:\n            self._break(expected, f\"{_are(expected, sequence - 1)} missing: record {sequence} comes next\")\n", "", "no record is missing"),
    M("changed", "        elif not digest:\n            self._break(expected, f\"record {expected} was changed: its digest is not that of what it says\")\n", "", "no record is changed", quick=True),
    M("again", "            self._break(expected, what, since=max(sequence, self.signed + 1))\n", "            pass\n", "no record comes twice"),
    M("follows", 'elif record["previous"] != self.head.digest.hex():', "elif False:", "each follows the one before"),
    M("nonsense", '            self._break(sequence, f"record {sequence} {what}")\n', "            pass\n", "no writer of ours writes nonsense"),
    M("offset-order", "if type(offset) is not int or offset <= self.offset:", "if type(offset) is not int:", "each input once, in order"),
    M("published-what", 'return "" if _is_digest(hashed) and reason is None else "says published, and not what"', 'return ""', "published says what"),
    M("withheld-why", 'return "" if reason and hashed is None else "says withheld, and not why"', 'return ""', "withheld says why"),
    M("outcome-kinds", "if outcome not in REQUESTS or type(record.get(\"records\")) is not int:", "if False:", "only what can become of an input"),
    M("when", '        if type(record.get("decided_at")) is not int:\n            return "does not say when it was decided"\n', "", "when is said"),
    M("end-missing", "            self._break(first, what, since=self.signed + 1)  # those", "            pass  # those", "nothing is missing from the end"),
    M("anchors", "            self._compare(self._anchor)\n", "", "signed heads are compared"),
    M("anchor-digest", "        if anchor.digest != self.head.digest:\n", "        if False:\n", "nobody wrote the chain anew"),
    M("anchor-counts", "elif (anchor.published, anchor.withheld) != (self.counts.published, self.counts.withheld):", "elif False:", "counts are those that were signed"),
    M("refused-heads", "for what in (*self.anchors.refused, *self.anchors.holes())]", "for what in self.anchors.holes()]", "strange heads are told"),
    M("holes", "for what in (*self.anchors.refused, *self.anchors.holes())]", "for what in self.anchors.refused]", "missing heads are told"),
    M("gone-chains", "            self.chains[name] = ChainCheck(name, self.anchors.of(name))\n        known_ms", "            pass\n        known_ms", "no chain is gone"),
    M("unsigned", "now_ms - check.unsigned_since_ms > self.unsigned_ms_max", "False", "somebody vouches for the rest in time"),
    M("ahead", "or 0 < known_ms < check.unsigned_since_ms - self.unsigned_ms_max", "or False", "nobody stamps ahead"),
    M("unreadable", '        self.problems.append(Problem("", 0, f"{where} is no audit record that can be read"))\n', "        pass\n", "what can't be read is told"),
    M("own-digest", 'return digest if len(previous) == len(digest) and record.get("digest") == digest.hex() else b""', "return digest", "a digest is that of the record"),
    M("gaps", "            self._gap(self.offset + 1, record[\"offset\"] - 1)\n", "            pass\n", "offsets without record are told"),
)

RECONCILING = room(
    "stream/lifecycle/reconciling.py",
    "tests/lifecycle/test_reconciling.py",
    M("unaccounted", "        if self._unaccounted:\n", "        if False:\n", "nothing is published beside the audit", quick=True),
    M("gone", "        if len(self._gone) > self._taken_back:\n", "        if False:\n", "nothing audited is gone"),
    M("withheld-count", "        if audited.count != there.count:\n", "        if False:\n", "what is withheld is audited"),
    M("withheld-mixed", "elif audited.mixed != there.mixed:", "elif False:", "for the same reasons"),
    M("unwritten", "        if self._unwritten[name]:\n", "        if False:\n", "what the audit has is there"),
    M("passed-over", "            if committed > check.offset + 1 and check.problem is None:\n", "            if False:\n", "no input is passed over"),
    M("unreadable", "        if self._world.unreadable:\n", "        if False:\n", "what can't be read is told"),
    M("world-unreadable", "            self.unreadable += 1\n", "            pass\n", "what can't be read is counted"),
)

RECEIPTS = room(
    "stream/lifecycle/receipts.py",
    "tests/lifecycle/test_receipts.py",
    M("verified", "            key.verify(self.signature, self.signed_bytes())\n", "            pass\n", "a receipt is signed", quick=True),
    M("key-id", "        if self.key_id != key_id(key):\n            return False\n", "", "by the key that it names"),
    M("domain", "return _DOMAIN + canonical_json(self.statement())", "return canonical_json(self.statement())", "a signature has its domain"),
    M("copies", '                {"topic": copy.topic, "token": copy.token, "objects": list(copy.objects)} for copy in self.copies\n', '                {"topic": copy.topic, "objects": list(copy.objects)} for copy in self.copies\n', "what was erased is signed"),
    M("unreadable", '            "unreadable": self.unreadable,\n', "", "what nobody could look at is signed"),
    M("when", '            "requested_at": _milliseconds(self.requested_at),\n', "", "when it was asked is signed"),
    M("key-kind", "    if not isinstance(key, Ed25519PrivateKey):\n", "    if False:\n", "one kind of key"),
    M("parts", "range(0, len(whole.copies), most)] or [()]", "range(0, most, most)] or [()]", "all copies are listed"),
    M("none", "for first in range(0, len(whole.copies), most)] or [()]", "for first in range(0, len(whole.copies), most)]", "who had none gets a receipt too"),
)

REQUESTS = room(
    "stream/lifecycle/requests.py",
    "tests/lifecycle/test_erasing.py tests/lifecycle/test_erasing_crashes.py tests/lifecycle/test_receipts.py",
    M("fault-message", "fault=type(fault).__name__)", "fault=str(fault))", "no exception's message is told"),
    M("audited", "messages += [*answer.messages, told]", "messages += [*answer.messages]", "requests are audited"),
    M("answered", "messages += [*answer.messages, told]", "messages += [told]", "answers are written"),
    M("chained", "told, self._head = self._audit.request_audit(", "told, _ = self._audit.request_audit(", "the audit is a chain"),
    M("refusal", "            return Answer(REFUSED, reason=refusal.reason.value)\n", "            return Answer(ERASED)\n", "what is no request is refused"),
)

REPORTING = room(
    "stream/lifecycle/reporting.py",
    "tests/lifecycle/test_reporting.py",
    M("taken-back", '            day.taken_back += record["records"]\n', "            pass\n", "what was taken back is told"),
    M("withheld", '            day.withheld[str(record["reason"])] += 1\n', "            pass\n", "what was withheld is told"),
    M("published", "            day.published += 1\n            day.inputs += 1\n", "            day.published += 1\n", "inputs are counted"),
    M("policy", 'key = (date, str(record["policy_version"]))', 'key = (date, "")', "by policy"),
)

REALISED = room(
    "stream/lifecycle/realised.py",
    "tests/lifecycle/test_realised.py",
    M("not-asked", "    if reason in _BEFORE:\n        return Decision.NOT_ASKED\n", "", "who was not asked does not count"),
    M("refused", 'return _REFUSED.get(reason or "", Decision.PICKED)', "return Decision.PICKED", "who was not picked was not"),
)

AUDITS = room(
    "stream/wire/audits.py",
    "tests/wire/test_audits.py tests/commands/test_audit.py",
    M("vouched", "if head is None or not vouched(head) or head.get(\"number\") != number:", "if head is None or head.get(\"number\") != number:", "a file's heads are signed"),
    M("number", " or head.get(\"number\") != number:", ":", "a file lost no head"),
    M("cut-off", "            if whole < len(text):\n                file.truncate(whole)\n", "", "half a line is taken away"),
    M("twice", "    if len(found) != len(pairs):\n        raise ValueError(\"a name comes twice\")\n", "", "no line says one thing twice"),
    M("unreadable", "yield _row(line) or {UNREADABLE: f\"line {number} of {path.name}\"}", "if row := _row(line):\n                yield row", "no line is passed over"),
)

MUTANTS = (
    *(CHAIN + HEADS + NOTARY + VERIFYING + RECONCILING),
    *(RECEIPTS + REQUESTS + REPORTING + REALISED + AUDITS),
)
