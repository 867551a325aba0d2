"""No phrase with critical content is in any record that is written, whatever the policy does with its clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

import pytest

from stream.clip import CriticalKind, Job, Outcome, Record
from stream.find.pii import make_word_finder
from stream.intake import ClipIntake
from stream.pipeline import deidentify
from stream.policy import CRITICAL, Operator, Policy
from stream.ports import Message, Partition, Parts, WordFinder
from stream.wire import avro
from stream.wire.clips import CLIP_SCHEMA, Decoder, Encoder
from stream.wire.outcomes import ESCALATION_SCHEMA, OUTPUT_SCHEMAS, Destination, Outcomes
from tests import events
from tests.contract.stand_ins import OneSchema
from tests.leak.test_metadata import bytes_of, ways_to_write
from tests.offices import real_office
from tests.values import HERE
from tests.withheld.parts import ScriptedSpeakers

SAID = {
    CriticalKind.HEALTH: ("set the lights to green they say my tumor is back", ("tumor",)),
    CriticalKind.DISTRESS: ("set the lights to green he says he wants to strangle me", ("strangle",)),
    CriticalKind.FINANCIAL: ("set the lights to green my card is four one one one one one one one", ("one", "four")),
    CriticalKind.CREDENTIALS: ("set the lights to green my password is capital tangerine", ("tangerine",)),
}
TOPICS = {name: f"clips.{name}" for name in (*OUTPUT_SCHEMAS, ESCALATION_SCHEMA)}
WRITTEN = {
    Operator.REDACT: ["clips.anonymized_clip", "clips.index", "clips.audit"],
    Operator.WITHHOLD: ["clips.withheld", "clips.audit"],
    Operator.ESCALATE: ["clips.withheld", "clips.escalation", "clips.audit"],
}


class OneClipEvent(OneSchema):
    """Every id is our schema's."""

    async def writer_schema(self, reference: int | str) -> str:
        return avro.schema_text("clip_event")


@dataclass(frozen=True)
class Here:
    """ports.Engine in the test's own process: all real but the speaker finder."""

    parts: Parts
    policy: Policy

    async def run(self, job: Job) -> Outcome:
        return deidentify(job, self.parts, self.policy)


@pytest.fixture(scope="module")
def words() -> WordFinder:
    """Takes a moment to make."""
    return make_word_finder()


async def written(words: WordFinder, kind: CriticalKind, operator: Operator) -> Sequence[Message]:
    """All that is written of a clip in which content of the kind is said."""
    policy = Policy(critical=MappingProxyType({**CRITICAL, kind: operator}))
    writer = Outcomes({name: Destination(topic, number) for number, (name, topic) in enumerate(TOPICS.items(), 1)})
    engine = Here(Parts(Decoder(policy), ScriptedSpeakers(), words, Encoder()), policy)
    intake = ClipIntake(real_office(engine, OneClipEvent(), writer, policy), Partition(HERE.topic, HERE.partition))
    await intake.open()
    said = [{"text": "", "confidence": 0.9, "words": events.words(SAID[kind][0])}]
    audio = {"content": events.encoded(events.sound(6.0)), "codec": "wav"}
    record = Record(HERE, events.value(events.event(transcripts=said, audio=audio)), b"key", 0)
    return (await intake.settle([await intake.finish(record)])).messages


@pytest.mark.parametrize("operator", Operator)
@pytest.mark.parametrize("kind", SAID)
async def test_no_critical_phrase_is_written(words: WordFinder, kind: CriticalKind, operator: Operator) -> None:
    """Only the topics that the operator names get a record, and none has the phrase; a published one is marked."""
    messages = await written(words, kind, operator)
    assert WRITTEN[operator] == [message.topic for message in messages]
    everything = b"\n".join(bytes_of(message) for message in messages)
    long = [phrase for phrase in SAID[kind][1] if len(phrase) >= 5]  # shorter ones turn up in sound by chance
    assert [] == [phrase for phrase in long if any(way in everything for way in ways_to_write(phrase))]
    if operator is Operator.REDACT:
        clip = Encoder().decode(avro.unframe(messages[0].value or b"")[1])
        assert (kind.value,) == clip.critical
        left = {word.text for word in clip.words}
        assert set() == left & set(SAID[kind][1])
        assert {"lights", "green"} <= left


@pytest.mark.parametrize("operator", [Operator.WITHHOLD, Operator.ESCALATE])
async def test_only_an_escalation_names_kinds_of_what_is_withheld(words: WordFinder, operator: Operator) -> None:
    """Those who read why clips are withheld, or the audit, don't learn what was in them."""
    for message in await written(words, CriticalKind.HEALTH, operator):
        named = any(kind.value.encode() in (message.value or b"") for kind in CriticalKind)
        assert (message.topic == TOPICS[ESCALATION_SCHEMA]) == named


async def test_a_phrase_would_be_seen(words: WordFinder) -> None:
    """The test above can fail: where nothing is looked for, the phrase is published."""

    class Deaf:
        def find(self, clip: object) -> object:
            found = words.find(clip)  # type: ignore[arg-type]
            return type(found)((), found.receipt)

    messages = await written(Deaf(), CriticalKind.HEALTH, Operator.WITHHOLD)  # type: ignore[arg-type]
    clip = avro.read(avro.schema_text(CLIP_SCHEMA), CLIP_SCHEMA, avro.unframe(messages[0].value or b"")[1])
    assert "tumor" in [word["text"] for word in clip["words"]]
    assert any(way in bytes_of(messages[0]) for way in ways_to_write("tumor"))
