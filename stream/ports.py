"""What the pipeline and the worker need from the world, as Protocols: each has a real and, where useful, an embedded
implementation that passes the same contract tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from stream.clip import (
    AgeEvidence,
    AnonymizedClip,
    AudioObject,
    Clip,
    ClipEvent,
    Coordinates,
    Header,
    Job,
    Label,
    Outcome,
    Published,
    Reason,
    Receipt,
    Record,
    Refusal,
    Samples,
    Segment,
    SpeakerEvidence,
    Transcript,
    WakeWord,
    Withheld,
    WordEvidence,
)
from stream.whose import Head


# ------------------------------------------------------------------ for pipeline.py, inside one inference process
class Decoder(Protocol):
    """Bytes to values. Both methods raise Refusal and nothing else on bad input."""

    def event(self, job: Job) -> ClipEvent:
        """The Avro event, projected on our reader schema."""

    def samples(self, event: ClipEvent) -> Samples:
        """The audio, decoded within bounds, as read-only mono float32 at 16 kHz; finite, not silent, not too long."""


class SpeakerFinder(Protocol):
    """Who speaks when."""

    def find(self, samples: Samples, wake_word: WakeWord | None, transcript: Transcript | None) -> SpeakerEvidence: ...


@dataclass(frozen=True, eq=False)
class Hearing:
    """What a speaker finder is given of one clip."""

    samples: Samples = field(repr=False)
    wake_word: WakeWord | None
    transcript: Transcript | None = field(repr=False)


class BatchSpeakerFinder(SpeakerFinder, Protocol):
    """A speaker finder that hears several clips at once, which a GPU does in the time of one."""

    def find_many(self, hearings: Sequence[Hearing]) -> Sequence[SpeakerEvidence | Refusal]:
        """Of each clip what ``find`` would give or raise for it alone."""


class WordFinder(Protocol):
    """Which words identify somebody; the event's own identifiers (name, city, ...) count when they are spoken."""

    def find(self, clip: Clip) -> WordEvidence: ...


class VoiceAges(Protocol):
    """Whether a voice is a child's. None is built in; a clip that a configured one can't judge is withheld."""

    def find(self, samples: Samples, turns: Sequence[Segment]) -> AgeEvidence:
        """Of the voice that speaks in ``turns`` (seconds). Where it can't say, its receipt is not complete."""


class WordTimer(Protocol):
    """When words are said that came without times, and whether those that came with times are said then."""

    @property
    def receipt(self) -> Receipt:
        """What made, or confirmed, the times of a clip for which it did."""

    def timed(self, clip: Clip) -> Clip:
        """The same clip with times for every word. Raises Refusal(WORDS_WITHOUT_TIMES, WORDS_NOT_ALIGNED) rather than
        give times that are not sure."""

    def confirm(self, clip: Clip) -> Clip:
        """The same clip where the sound says that all its words' times are right; a clip whose words have larger
        errors where nobody can say. Raises Refusal(WORDS_OUT_OF_BOUNDS) where they are shifted, and
        Refusal(WORDS_NOT_ALIGNED) where it would take too long to say."""


class Recogniser(Protocol):
    """What is said, where the device sent no transcript."""

    @property
    def receipt(self) -> Receipt:
        """What heard a transcript."""

    def transcribe(self, samples: Samples, locale: str) -> Transcript:
        """All words, with times and confidences. Raises Refusal(NO_TRANSCRIPT, TRANSCRIPT_UNCERTAIN) rather than
        guess."""


class Encoder(Protocol):
    """Anonymized clip to Avro body (audio as FLAC) and back; the gate judges what comes back."""

    def encode(self, clip: AnonymizedClip) -> bytes: ...

    def decode(self, body: bytes) -> AnonymizedClip: ...


@dataclass(frozen=True)
class Parts:
    """All that an inference process is made of; built once per process."""

    decoder: Decoder
    speakers: SpeakerFinder
    words: WordFinder
    encoder: Encoder
    timer: WordTimer | None = None  # without one, words without times are withheld
    recogniser: Recogniser | None = None  # without one, so are clips without a transcript
    ages: VoiceAges | None = None  # without one, nobody says which voices are children's


# ------------------------------------------------------------------ for worker.py, on the event loop
@dataclass(frozen=True, order=True)
class Partition:
    """One partition of a topic, of those that a worker owns."""

    topic: str
    number: int


@dataclass(frozen=True)
class Message:
    """A record to be written; ``value`` None is a tombstone. No headers: there is nothing to say in them."""

    topic: str
    key: bytes | None = field(repr=False)
    value: bytes | None = field(repr=False)
    timestamp_ms: int | None = None
    partition: int | None = None


class Engine(Protocol):
    """De-identifies off the event loop, under a time limit. Never raises for what a clip contains."""

    async def run(self, job: Job) -> Outcome: ...


class RegistryUnavailable(Exception):
    """The schema registry does not answer: nothing is known of the record, so try again, and withhold nothing."""


class Schemas(Protocol):
    """Writer schemas by what a wire-format header says. Raises Refusal(UNKNOWN_SCHEMA) where there is none, and
    RegistryUnavailable where nobody can tell."""

    async def writer_schema(self, reference: int | str) -> str:
        """Avro JSON text for a schema id (int) or GUID (str)."""


class ObjectsUnavailable(OSError):
    """An object store does not answer, or not as it should: try again. Carries a class name or a word of ours."""


class Objects(Protocol):
    """Audio that does not lie in the records."""

    @property
    def fetched(self) -> int:
        """How many objects were read so far: by this an object that can't be read is told from a store that is away."""

    async def fetch(self, audio: AudioObject) -> bytes:
        """The very bytes that the event tells of. Raises ObjectsUnavailable, and Refusal(AUDIO_ELSEWHERE,
        AUDIO_MISSING, AUDIO_CHANGED, AUDIO_TOO_LARGE)."""

    async def publish(self, outcome: Published) -> Published:
        """The outcome as it is to be written: its audio is in the store, and durably so, where it is too large for a
        record. The same outcome may come again. Raises ObjectsUnavailable."""


class StoreMeter(Protocol):
    """What is counted of requests to object stores; ``request`` is ``fetch`` or ``put``."""

    def stored(self, request: str, seconds: float, size_bytes: int) -> None:
        """One that was answered as it should be."""

    def store_failed(self, request: str, cause: str) -> None:
        """One that was not, or that was not even made. ``cause`` is what Refusal or ObjectsUnavailable says."""


@dataclass(frozen=True)
class Settled:
    """What one transaction holds: the outcomes as they are in the end, and everything that is written of them."""

    outcomes: tuple[Outcome, ...]
    messages: tuple[Message, ...]


class Intake(Protocol):
    """What becomes of the records of one input partition while this worker owns it. Made anew whenever a lane opens."""

    @property
    def waiting(self) -> bool:
        """Whether some record waits for what is out of reach for now, and without which nothing is known of it."""

    @property
    def held(self) -> int:
        """Bytes that records under way hold beside their own values."""

    async def open(self) -> int:
        """Restores what former records left behind (counts, the end of the audit chain). Called after the outbox has
        started, so that nothing of a predecessor is under way. Returns the offset before which everything is done, as
        far as is known. Raises CommitFailed where it can't be read."""

    async def finish(self, record: Record) -> Outcome:
        """The outcome, for now. Records are given in order, and many are under way at once. Never raises for what a
        record contains."""

    async def settle(self, outcomes: Sequence[Outcome]) -> Settled:
        """The last word on outcomes that are next in line, right before their transaction. Raises StandingUnknown where
        nobody can say now whether they may still be published: ask again, nothing was changed."""

    def committed(self, settled: Settled) -> None:
        """Their transaction is final."""


class Outbox(Protocol):
    """The transactional producer of one input partition. Start it before reading: that fences its predecessor."""

    async def start(self) -> None:
        """Raises ClusterAway where no broker answers, CommitFailed otherwise; either way this outbox is spent."""

    async def commit(self, messages: Sequence[Message], next_offset: int) -> None:
        """One transaction: all messages, and the group's offset of the input partition. Returns when it is final;
        readers may see it a moment later, and whoever starts the partition's next outbox has surely waited for it.

        Raises Fenced when a newer owner exists, CommitFailed otherwise; either way this outbox is spent.
        """

    async def stop(self) -> None: ...


class Copier(Protocol):
    """Appends records to their topic anew. Of all copiers of one group the newest alone can."""

    async def start(self) -> None:
        """Fences the copier before, and settles what that one left open. Raises CommitFailed."""

    async def copy(
        self, of: Sequence[Coordinates], told: Callable[[Coordinates, Coordinates], Message]
    ) -> Sequence[Coordinates]:
        """One transaction: of every record that is still there a copy at the end of its partition, with the same key,
        value, headers and time, and the message that ``told`` makes of where both lie. Returns what was still there.

        Raises Fenced when a newer copier exists, CommitFailed or BrokerUnavailable otherwise; any way this copier is
        spent.
        """

    async def stop(self) -> None: ...


class Fenced(Exception):
    """A newer owner has the partition, or what else was owned: drop all work on it."""


class CommitFailed(Exception):
    """The transaction was not committed as far as we know; start again from the committed offset.

    ``cause`` is one word for the log, of a closed set: the class name of an error, or a word of ours. The message may
    say in brackets what a right is missing for.
    """

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause.partition(" ")[0]


class ClusterAway(CommitFailed):
    """There was nobody to begin a transaction with: try until there is."""


class NotDelivered(Exception):
    """A plain send that the cluster did not take, or not entirely."""


class BrokerUnavailable(Exception):
    """The cluster did not answer, or refused. Carries the class name of the cause, never its message."""


class NoRight(BrokerUnavailable):
    """It answered, and we may not: somebody has to grant what is missing, which its brackets name as far as it is
    known, such as ``(Read on topic clips.raw)``."""


class SourceLost(Exception):
    """The membership of the group is beyond repair. Carries the class name of the cause, never its message."""


class Source(Protocol):
    """A member of the consumer group.

    The two callbacks are awaited with the partitions gained or lost. Of a gained partition ``poll`` returns nothing
    until ``seek_to_committed`` has been called for it; every later call drops what was fetched before it.
    """

    async def start(
        self,
        on_assigned: Callable[[frozenset[Partition]], Awaitable[None]],
        on_revoked: Callable[[frozenset[Partition]], Awaitable[None]],
    ) -> None: ...

    async def poll(self, max_records: int, timeout_s: float) -> Mapping[Partition, Sequence[Record]]:
        """Next records of unpaused partitions, in order; read_committed. Empty after ``timeout_s``. Await it directly:
        what it returns must be taken over before anything else runs. Raises SourceLost where membership is beyond
        repair (no authorization, for example)."""

    async def seek_to_committed(self, partition: Partition) -> int:
        """Position = the group's committed offset (or the beginning); returns it. Raises CommitFailed where the
        cluster does not say, or where that offset lies behind the end of the log."""

    async def commit(self, next_offsets: Mapping[Partition, int]) -> None:
        """The group's offsets, outside of any transaction: for readers whose work is done elsewhere. Raises
        CommitFailed, where the partitions are somebody else's by now as well."""

    def pause(self, partition: Partition) -> None: ...

    def resume(self, partition: Partition) -> None: ...

    async def gone(self) -> Mapping[Partition, int]:
        """Records that their topic forgot before they were polled, by partition, since the last call."""

    async def lag(self) -> Mapping[Partition, int]:
        """Records between position and end, by assigned partition."""

    async def stop(self) -> None: ...


class Tail(Protocol):
    """Follows a topic, without a group: read_committed, every partition, from given offsets on."""

    async def poll(self, timeout_s: float) -> Sequence[Record]:
        """Next records, by partition in order; empty after ``timeout_s``. Raises BrokerUnavailable."""

    async def positions(self) -> Mapping[int, int]:
        """By partition the offset of the next record; it passes what has no record, such as control markers."""

    async def ends(self) -> Mapping[int, int]:
        """By partition the end as of now (the last stable offset). Raises BrokerUnavailable."""

    async def written(self) -> Mapping[int, int]:
        """By partition the end as of now, open transactions included: everything acknowledged lies before it. Raises
        BrokerUnavailable."""

    async def stop(self) -> None: ...


class Broker(Protocol):
    """One Kafka cluster, or the embedded stand-in: makes the above, and serves produce, tail and the tests.

    All but ``send``, which raises NotDelivered, raise BrokerUnavailable where the cluster does not answer.
    """

    def source(self, topic: str, group: str) -> Source: ...

    def outbox(self, partition: Partition, group: str) -> Outbox: ...

    def copier(self, group: str) -> Copier: ...

    async def create_topics(self, topics: Mapping[str, int], compacted: frozenset[str] = frozenset()) -> None:
        """Topic -> number of partitions; those that exist are left alone."""

    async def send(self, messages: Sequence[Message]) -> None:
        """Plain, idempotent produce; returns when all are acknowledged. For producers of clip events and for tests.
        Raises NotDelivered."""

    def read(
        self, topic: str, *, from_end: bool = False, follow: bool = False, partition: int | None = None
    ) -> AsyncIterator[Record]:
        """All committed records (read_committed), by partition in order; endless when ``follow``; of one partition
        alone where it is named."""

    async def tail(self, topic: str, start: Mapping[int, int]) -> Tail:
        """A follower of the topic. Partitions that ``start`` does not name, or where its offset is not there any more,
        are read from their beginning."""

    async def last(self, topic: str, partition: int) -> Record | None:
        """The last committed record of a partition; None where there is none."""

    async def end_offsets(self, topic: str) -> Mapping[int, int]: ...

    async def committed(self, topic: str, group: str) -> Mapping[int, int]: ...

    async def close(self) -> None: ...


class OutcomeWriter(Protocol):
    """What is written of an outcome: every record ends in ``published`` or ``withheld``, and in ``audit``."""

    def published(self, outcome: Published) -> Message: ...

    def withheld(self, outcome: Withheld) -> Message: ...

    def escalated(self, outcome: Withheld) -> Message: ...

    def audit(self, outcome: Outcome, after: Head) -> tuple[Message, Head]:
        """The next record of the chain that ends at ``after``, and where the chain ends then."""


class Standing(Protocol):
    """Whether a clip's account still lets people hear it: opt-outs, erasures, recalls."""

    async def fresh(self) -> None:
        """Returns when everything that was acknowledged before this call counts. Raises StandingUnknown."""

    def refusal(self, of: Header) -> Reason | None:
        """Why this clip may not be heard, as far as is known now; None where it may."""


class StandingUnknown(Exception):
    """Nobody can say who has opted out: nothing may be published until somebody can."""


class Sampler(Protocol):
    """Which clips are picked for review; one for each input partition, restored with it."""

    def pick(self, of: Header, offset: int) -> Reason | None:
        """None where the clip is picked, else why not; ``offset`` is that of its record. The same clips are picked
        whenever the same records come again in the same order; a record that was picked before is picked again."""

    def changes(self) -> Sequence[Message]:
        """What has to be written for the picks since the last call, in the transaction of the next outcomes."""


class Labels(Protocol):
    """Tokens and coarse values, by the keys of one campaign."""

    def label(self, of: Header) -> Label:
        """Raises Refusal(KEY_MISSING) where the key of its recording is gone, and KeysLapsed where there is none for
        today either."""

    def emitted(self, of: Header, label: Label, length: int) -> None:
        """A clip was published by entry ``length`` of its label: counts for how rare values are."""


class KeysLapsed(Exception):
    """No key is for now: nobody has put the next one in place. Wait for it, and withhold nothing."""


class Index(Protocol):
    """Where erasure and recalls find what was published of an account."""

    def entry(self, of: Header, outcome: Published) -> Message:
        """Sealed; to be written in the transaction that publishes. Raises Refusal(KEY_MISSING)."""


class Meter(Protocol):
    """What the worker counts. Nothing here may become a label with content in it."""

    def polled(self, partition: Partition, records: int, size_bytes: int) -> None: ...

    def committed(self, partition: Partition, outcomes: Sequence[Outcome]) -> None:
        """The outcomes of one transaction, once it is final."""

    def commit_failed(self, fenced: bool) -> None:
        """A transaction, or the start of an outbox, that failed; ``fenced`` where a newer owner exists."""

    def holding(self, records: int, size_bytes: int, partitions: int) -> None:
        """Records and bytes between poll and commit, and the partitions that this worker owns, as of now."""

    def records_gone(self, records: int) -> None:
        """Records that were deleted before anybody read them."""

    def lag(self, lag: Mapping[Partition, int]) -> None: ...
