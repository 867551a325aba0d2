"""An office whose labels, index and messages are the real ones, in a world in which everybody agreed."""

from __future__ import annotations

from stream.intake import Office
from stream.lifecycle.anonymity import Anonymity
from stream.lifecycle.index import SealedIndex
from stream.lifecycle.keyring import single_ring
from stream.lifecycle.labels import EpochLabels
from stream.policy import Policy
from stream.ports import Engine, Partition, Schemas
from stream.whose import GENESIS, Resume
from stream.wire import avro
from stream.wire.headers import header
from stream.wire.index_records import decode_entry, encode_entry
from stream.wire.outcomes import Outcomes
from tests.contract.stand_ins import Everybody

SECRET = bytes(range(64, 96))
RING = single_ring("spring", "2026-11", SECRET)
INDEX = "clips.index"


def real_office(engine: Engine, schemas: Schemas, writer: Outcomes, policy: Policy, **bounds: float) -> Office:
    """``bounds`` are those of Office. Every clip is one of a crowd: values are as fine as the policy lets them be."""
    everybody = Everybody(INDEX)

    async def sampler(_: Partition) -> Everybody:
        return everybody

    async def chain(_: Partition) -> Resume:
        return Resume(GENESIS, 0)

    return Office(
        engine=engine,
        schemas=schemas,
        unframe=avro.unframe,
        header=header,
        writer=writer,
        standing=everybody,
        sampler=sampler,
        labels=EpochLabels(lambda: RING, policy, Anonymity(k=1)),
        index=SealedIndex(INDEX, lambda: RING, encode_entry, decode_entry),
        chain=chain,
        policy_version=policy.version,
        **bounds,  # type: ignore[arg-type]
    )
