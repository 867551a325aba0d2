"""The order of things: worker, intake, and what carries their transactions."""

from __future__ import annotations

from tests.mutation.mutant import Mutation as M
from tests.mutation.mutant import room

_LOCAL = (
    "tests/contract/test_transactions.py@[embedded tests/contract/test_groups.py@[embedded"
    " tests/contract/test_exactly_once.py@[embedded"
)

WORKER = room(
    "stream/worker.py",
    "tests/test_worker.py",
    M("fault-reasons", "        Reason.INFERENCE_DIED,\n", "", "processes that die count as faults"),
    M("fault-reasons-timed-out", "        Reason.TIMED_OUT,\n", "", "clips that take too long count as faults"),
    M("fault-reasons-internal", "        Reason.INTERNAL_ERROR,\n", "", "errors of ours count as faults"),
    M("fault-reasons-detector", "        Reason.DETECTOR_FAILED,\n", "", "detectors that fail count as faults"),
    M("outbox-started", "        await outbox.start()\n        self._intake", "        self._intake", "the predecessor is fenced first", quick=True),
    M("fence-first", "        await outbox.start()\n        self._intake = self._worker.intake(self.partition)\n        await self._intake.open()\n", "        self._intake = self._worker.intake(self.partition)\n        await self._intake.open()\n        await outbox.start()\n", "the predecessor is fenced before its state is read"),
    M("intake-opened", "        await self._intake.open()\n", "", "what the predecessor left is restored"),
    M("new-intake", "        self._intake = self._worker.intake(self.partition)\n        await", "        await", "nothing of a failed try is kept"),
    M("seek-last", "        await self._intake.open()\n        await self._worker.source.seek_to_committed(self.partition)\n", "        await self._worker.source.seek_to_committed(self.partition)\n        await self._intake.open()\n", "records come only when all is restored"),
    M("sought", "        await self._worker.source.seek_to_committed(self.partition)\n", "", "work goes on at the committed offset"),
    M("paused", "        self._worker.source.pause(self.partition)\n        await outbox", "        await outbox", "nothing is polled while a lane opens"),
    M("head-first", "finished = takewhile(lambda pending: pending.done.done(), self._pending)", "finished = (pending for pending in self._pending if pending.done.done())", "outcomes are committed in the order of the input", quick=True),
    M("head-awaited", "        await asyncio.wait([self._pending[0].done])\n", "        await asyncio.sleep(0)\n", "the first record is waited for"),
    M("offset", "batch[-1].coordinates.offset + 1)", "batch[-1].coordinates.offset)", "the offset is the one behind the batch"),
    M("offset-far", "batch[-1].coordinates.offset + 1)", "batch[-1].coordinates.offset + 2)", "the offset is the one behind the batch"),
    M("batch-bound", "islice(finished, self._worker.limits.batch_records)", "finished", "a transaction is bounded"),
    M("settled-late", "        settled = await self._settled([pending.done.result() for pending in batch])\n", "        settled = await self._intake.settle([pending.done.result() for pending in batch])\n", "who knows not who may be heard waits"),
    M("committed-once", "        for _ in batch:\n            self._pending.popleft()\n", "        self._pending.popleft()\n", "what is committed is not committed again"),
    M("intake-told", "        self._intake.committed(settled)\n", "", "what was published counts once it is committed"),
    M("fenced-goes-on", "pause_s = self._worker.limits.fenced_s", "pause_s = 0.0", "a fenced lane keeps away"),
    M("failures-end", "if failures >= self._worker.limits.failures_in_a_row:", "if False:", "transactions that fail for ever end the worker"),
    M("failures-reset", "                    failures = 0\n", "                    pass\n", "failures count in a row"),
    M("abandoned", "            finally:\n                self._abandon()\n", "            finally:\n", "what is not committed is done again"),
    M("abandoned-cancelled", "            pending.done.cancel()\n", "            pass\n", "what is given up is not heard further"),
    M("closed", "        self.open = False\n        for pending", "        for pending", "a lane that is given up takes nothing"),
    M("outbox-new", "        while True:\n            outbox = self._worker.outbox(self.partition)\n", "        outbox = self._worker.outbox(self.partition)\n        while True:\n", "a failed outbox is never used again"),
    M("outbox-stopped", "                self._worker.discard(outbox)\n", "                pass\n", "a failed outbox is stopped"),
    M("closed-lanes", "if lane is not None and lane.open:", "if lane is not None:", "a closed lane takes no records"),
    M("lane-bound", "or lane.records >= self.limits.lane_records:", "or False:", "a lane holds so many records"),
    M("held-records", "over = records >= self.limits.held_records or size", "over = size", "the worker holds so many records"),
    M("held-bytes", "over = records >= self.limits.held_records or size >= self.limits.held_bytes", "over = records >= self.limits.held_records", "the worker holds so many bytes"),
    M("resumed", "                self.source.resume(lane.partition)\n", "                pass\n", "what was paused goes on"),
    M("faults-stop", "if faults >= self.limits.faults_in_a_row:", "if False:", "faults in a row stop the worker", quick=True),
    M("faults-reset", "faults = faults + 1 if faulty else 0", "faults = faults + 1 if faulty else faults", "faults count in a row"),
    M("faults-kept", "        self._faults = faults\n        self._progressed_at", "        self._progressed_at", "faults count over batches"),
    M("faults-before", "        faults = self._worker.faults_with([pending.done.result() for pending in batch])\n        settled = await self._settled([pending.done.result() for pending in batch])\n        await outbox.commit(settled.messages, batch[-1].coordinates.offset + 1)\n", "        settled = await self._settled([pending.done.result() for pending in batch])\n        await outbox.commit(settled.messages, batch[-1].coordinates.offset + 1)\n        faults = self._worker.faults_with([pending.done.result() for pending in batch])\n", "clips that a fault withheld are not committed"),
    M("stopping-gains", "        if self._stopping.is_set():\n            return\n        for partition", "        for partition", "a worker that stops takes no partition"),
    M("lost-ended", "        await _end(*(self._lanes.pop(partition)[1] for partition in partitions if partition in self._lanes))\n", "        for partition in partitions:\n            self._lanes.pop(partition, None)\n", "a lost lane ends at once"),
    M("lane-failure", "            task.add_done_callback(self._lane_ended)\n", "", "a lane that ends stops the worker"),
    M("died-message", "(fault if ours else Died(type(fault).__name__))", "(fault if ours else Died(str(fault)))", "no exception's message is told"),
    M("drained", "            if self._failure is None:\n                await self._drain()\n", "", "what is begun is finished"),
    M("drain-bound", "await asyncio.wait(drained, timeout=self.limits.drain_s)", "await asyncio.wait(drained)", "a drain ends"),
    M("stop-bound", "await asyncio.wait(ending, timeout=self.limits.stop_s)", "await asyncio.wait(ending)", "a stop ends"),
    M("end-again", "    while running:\n        for task in running:\n            task.cancel()\n        _, running = await asyncio.wait(running, timeout=0.2)\n", "    for task in running:\n        task.cancel()\n    if running:\n        await asyncio.wait(running, timeout=0.2)\n", "a cancellation that got lost is sent again"),
)

INTAKE = room(
    "stream/intake.py",
    "tests/test_intake.py tests/contract/test_exactly_once.py@[embedded",
    M("no-value", "        if record.value is None:\n            raise Refusal(Reason.NO_VALUE)\n", "        assert record.value is not None\n", "a tombstone is withheld as such"),
    M("size", "if len(record.value) > office.event_bytes_max:", "if False:", "a large event is withheld"),
    M("consent", "if not header.consent.human_review:", "if False:", "no clip is heard without consent", quick=True),
    M("ahead", "if header.captured_at > office.now() + AHEAD_MAX:", "if False:", "no clip is from the future"),
    M("standing", "if reason := office.standing.refusal(header) or self._sampler.pick(", "if reason := self._sampler.pick(", "who objected is not heard"),
    M("sampled", "office.standing.refusal(header) or self._sampler.pick(header, record.coordinates.offset):", "office.standing.refusal(header):", "only what is picked is heard"),
    M("standing-first", "office.standing.refusal(header) or self._sampler.pick(header, record.coordinates.offset):", "self._sampler.pick(header, record.coordinates.offset) or office.standing.refusal(header):", "who objected takes no place in a quota"),
    M("in-order", "            async with self._in_order:\n                job = await self._admitted(record)\n", "            job = await self._admitted(record)\n", "picks are made in the order of the input"),
    M("coordinates", "if outcome.coordinates != job.coordinates:", "if False:", "nothing of another clip goes out under this one's coordinates"),
    M("token", "outcome.token != job.label.token or not", "not", "nothing of another clip goes out under this one's token"),
    M("length", "or not 0 <= outcome.length < len(job.label.by_length)", "", "a published length is one of the label's"),
    M("too-large", 'if len(office.writer.published(outcome).value or b"") <= office.message_bytes_max:', "if outcome:", "what a broker would refuse for ever is withheld"),
    M("fault-message", "office.policy_version, type(fault).__name__)", "office.policy_version, str(fault))", "no exception's message is told"),
    M("given-up", "            if asyncio.current_task().cancelling():  # type: ignore[union-attr]\n                raise  # the lane is given up; otherwise it was the engine that gave up\n", "", "a lane that is given up ends"),
    M("engine-gave-up", "            if asyncio.current_task().cancelling():  # type: ignore[union-attr]\n                raise  # the lane is given up; otherwise it was the engine that gave up\n            return", "            raise\n            return", "an engine that gives up withholds"),
    M("registry-waits", "            except RegistryUnavailable:\n                get().warning(Event.REGISTRY_UNAVAILABLE)\n", "            except RegistryUnavailable:\n                raise Refusal(Reason.UNKNOWN_SCHEMA) from None\n", "nothing is withheld while the registry is down"),
    M("keys-wait", "            except KeysLapsed:\n                get().error(Event.KEY_RING_LAPSED)\n", "            except KeysLapsed:\n                raise Refusal(Reason.KEY_MISSING) from None\n", "nothing is lost while the ring has lapsed"),
    M("fresh", "            await self._office.standing.fresh()\n", "            pass\n", "consent is looked at as of now", quick=True),
    M("fresh-escalated", "if any(isinstance(outcome, Published) or outcome.escalated for outcome in outcomes):", "if any(isinstance(outcome, Published) for outcome in outcomes):", "also for who is told"),
    M("last-word", "        if reason := self._office.standing.refusal(picked.header):\n            raise Refusal(reason)\n        messages", "        messages", "an opt-out stops a clip in flight", quick=True),
    M("last-word-escalated", "elif outcome.escalated and picked and (reason := self._office.standing.refusal(picked.header)):", "elif False and picked and (reason := self._office.standing.refusal(picked.header)):", "nobody is led to the clip of who said no"),
    M("unlabelled", "        if picked is None:  # nothing of ours was heard without a label\n            raise Refusal(Reason.INTERNAL_ERROR)\n", "        assert picked is not None\n", "nothing is published without a label"),
    M("audited", "messages += [*written, audit]", "messages += [*written]", "everything is audited"),
    M("chained", "audit, self._head = self._office.writer.audit(settled, self._head)", "audit, _ = self._office.writer.audit(settled, self._head)", "the audit is a chain"),
    M("audit-settled", "audit, self._head = self._office.writer.audit(settled, self._head)", "audit, self._head = self._office.writer.audit(outcome, self._head)", "the audit says what became of it at last"),
    M("indexed", "messages = [self._office.writer.published(outcome), self._office.index.entry(picked.header, outcome)]", "messages = [self._office.writer.published(outcome)]", "what is published can be found again"),
    M("places-written", "        messages += self._sampler.changes()\n", "", "picks are written with the outcomes"),
    M("escalated", "escalated = [self._office.writer.escalated(outcome)] if outcome.escalated else []", "escalated: list[Message] = []", "who must be told is told"),
    M("escalated-only", "if outcome.escalated else []", "if True else []", "and of nothing else"),
    M("withheld-written", "return outcome, [self._office.writer.withheld(outcome), *escalated]", "return outcome, [*escalated]", "what is withheld is written"),
    M("emitted", "            self._office.labels.emitted(picked.header, picked.label, length)\n", "            pass\n", "what is committed counts for how rare values are"),
    M("emitted-once", "        self._emitting.clear()\n", "        pass\n", "and counts once"),
    M("chain-opened", "        self._head = await self._office.chain(self._partition)\n", "        self._head = Head(0, bytes(32))\n", "a chain is continued"),
)

OUTBOX = room(
    "stream/wire/kafka_outbox.py",
    "tests/contract/test_transactions.py@[kafka",
    M("delivered", "    await asyncio.gather(*deliveries)\n", "    await asyncio.sleep(0)\n", "every delivery is awaited", "tests/wire/test_kafka.py::test_a_message_that_only_the_broker_refuses_fails_the_commit"),
    M("fenced", "        except (ProducerFenced, InvalidProducerEpoch):\n            raise Fenced(", "        except (ProducerFenced, InvalidProducerEpoch):\n            raise CommitFailed(", "who is fenced knows it"),
    M("identity", 'transactional_id=f"{group}-{partition.topic}-{partition.number}"', 'transactional_id=f"{group}-{partition.topic}-{partition.number}-{id(self)}"', "a new owner fences the old one"),
    M("offsets", "                await self._producer.send_offsets_to_transaction(offset, self._group)\n", "", "the offset is part of the transaction"),
)

SOURCE = room(
    "stream/wire/kafka_source.py",
    "tests/contract/test_groups.py@[kafka",
    M("unsought", "if (partition := Partition(here.topic, here.partition)) in self._sought", "if (partition := Partition(here.topic, here.partition))", "nothing is polled before the seek", "tests/contract/test_groups.py@[kafka tests/wire/test_kafka.py::test_nothing_is_polled_during_a_seek"),
    M("ready", "ready = self._sought - self._paused", "ready = set(self._sought)", "nothing is polled while paused"),
    M("beginning", "                    offset = (await self._consumer.beginning_offsets([here]))[here]\n", "                    return 0\n", "without committed offset it begins at the beginning"),
    M("forgets", "        self._source.forget()\n        if revoked", "        if revoked", "what is revoked is not polled"),
    M("header-schema", 'value = b"".join(content for name, content in record.headers if name == SCHEMA_HEADER) + value', "value = value + b\"\"", "a schema's id in a header is read", "tests/wire/test_kafka_record.py"),
)

CONNECTION = room(
    "stream/wire/kafka_connection.py",
    "tests/contract/test_transactions.py@[kafka",
    M("read-committed", '"isolation_level": "read_committed"', '"isolation_level": "read_uncommitted"', "only committed records are read"),
    M("silence", "logging.getLogger(name).setLevel(logging.WARNING)", "logging.getLogger(name)", "the library logs no records", "tests/wire/test_kafka.py::test_nothing_is_logged_of_what_is_sent"),
    M("bounded", "await asyncio.wait({task}, timeout=timeout_s)", "await asyncio.wait({task})", "a stop that hangs is left", "tests/wire/test_kafka.py::test_a_stop_that_hangs_is_left_behind"),
)

LOCAL = room(
    "stream/wire/local.py",
    _LOCAL,
    M("epoch", "        if self._epoch != self._broker.epoch(self._transactional_id):\n            raise Fenced(", "        if False:\n            raise Fenced(", "an old owner is fenced"),
    M("left-open", "            self.end_transaction(transactional_id, _State.ABORTED)\n", "            pass\n", "what was left open is aborted"),
    M("stable", "return min([end, *(open_.first_offsets.get(partition, end) for open_ in self._open.values())])", "return end", "open transactions are not read"),
    M("aborted", "if entry.message is not None and not aborted:", "if entry.message is not None:", "aborted records are not read"),
    M("spent", "        if self._spent:\n            raise CommitFailed(\"spent\")\n", "", "a failed outbox is not used again"),
)

MUTANTS = WORKER + INTAKE + OUTBOX + SOURCE + CONNECTION + LOCAL
