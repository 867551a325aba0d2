"""Who may be heard at all, and what is taken back: consent, recalls, erasures, reports, the index."""

from __future__ import annotations

from tests.mutation.mutant import Mutation as M
from tests.mutation.mutant import room

CONSENT = room(
    "stream/lifecycle/consent.py",
    "tests/lifecycle/test_consent.py",
    M("newest", "self._waiting[account] = max(self._waiting.get(account, 0), _word(change))", "self._waiting[account] = _word(change)", "the newest word counts, not the last written", quick=True),
    M("settled-newest", "word = max(self._waiting.get(account, 0), settled or 0)", "word = self._waiting.get(account, 0) or settled or 0", "an older word that waits does not count"),
    M("no-above-yes", "<< 1 | (not change.human_review)", "<< 1 | change.human_review", "'no' where two are as new"),
    M("merged-newest", "np.maximum(merged[1, shifted], words[there])", "words[there]", "the newest word counts after settling"),
    M("forgotten", "                self._forgotten.add(account)\n", "                pass\n", "a tombstone forgets"),
    M("keyed", "self._keyed = blake2b(digest_size=HASH_BYTES, key=self.key)", "self._keyed = blake2b(digest_size=HASH_BYTES)", "the table names nobody"),
    M("settles", "        if len(self._waiting) + len(self._forgotten) > WAITING_MAX:\n            self._settle()\n", "", "what waits is bounded"),
)

STANDING = room(
    "stream/lifecycle/standing.py",
    "tests/lifecycle/test_standing.py",
    M("recalled", "        if recalled := self._recalls.refusal(account, of.captured_at):\n            return recalled\n", "", "what is recalled is not published", quick=True),
    M("before-erasure", "        if self._from_before_an_erasure(account, of.consent.changed_at):\n            return Reason.ERASED\n", "", "nobody is heard by a word of before an erasure"),
    M("undated-erasure", "(told_at is None or milliseconds(told_at) <= until_ms)", "(told_at is not None and milliseconds(told_at) <= until_ms)", "a yes without date is none after an erasure"),
    M("opted-out", "return Reason.OPTED_OUT if self._opted_out(of) else None", "return None", "who opted out is not heard", quick=True),
    M("future-yes", "if told_at is None or told_at > self._now():", "if told_at is None:", "nobody agrees in the future"),
    M("undated-yes", "if told_at is None or told_at > self._now():", "if told_at is None:\n            return False\n        if told_at > self._now():", "a yes without date outweighs no 'no'"),
    M("same-time", "return milliseconds(told_at) <= word.changed_ms", "return milliseconds(told_at) < word.changed_ms", "'no' where two are as new"),
    M("fresh-both", "        await _all(*(follower.fresh(self._fresh_s) for follower in self._followers))\n", "        await self._followers[0].fresh(self._fresh_s)\n", "both topics are read to their ends"),
    M("fresh-readable", "for follower in self._followers))\n        self._check_readable()\n\n    def refusal", "for follower in self._followers))\n\n    def refusal", "a recall that names nobody stops everything"),
    M("start-readable", "            self._check_readable()\n        except", "        except", "a recall that names nobody stops the start"),
)

FOLLOWING = room(
    "stream/lifecycle/following.py",
    "tests/lifecycle/test_following.py",
    M("to-the-end", "                while not all(self._positions.get(number, 0) >= end for number, end in ends.items()):\n                    await self._something_moves()\n", "", "all that was acknowledged is in the table", quick=True),
    M("new-look", "            self._next_look = asyncio.create_task(self._look_after(self._look))\n", "            self._next_look = self._look or asyncio.create_task(self._look_after(self._look))\n", "a look that began before does not count"),
    M("look-under-way", "        if before is not None:\n            await asyncio.wait({before})\n", "", "looks come one after the other"),
    M("applied", "            await self._apply(records[start : start + AT_ONCE])\n", "", "what is read is applied"),
    M("positions-after", "        records = await tail.poll(self._pace.poll_s)\n", "        records = await tail.poll(self._pace.poll_s)\n        self._positions = dict(await tail.positions())\n", "a position is that of the table"),
    M("another-topic", "                self._discard()  # what it covers is not what this topic has\n", "", "a snapshot of another topic is thrown away"),
    M("alive", "        if not self._tasks or self._tasks[0].done():\n            raise StandingUnknown(", "        if False:\n            raise StandingUnknown(", "who is not followed is not known"),
    M("timeout", '            raise StandingUnknown("the topic was not read to its end in time") from None\n', "            return\n", "what is not known in time is not known"),
    M("retries", "            except (BrokerUnavailable, RegistryUnavailable) as error:\n                self._notices", "            except BrokerUnavailable as error:\n                self._notices", "a registry that is down stops nothing for ever"),
    M("answer-bound", "                async with asyncio.timeout(self._pace.answer_s):\n                    return await self._tail.written()\n", "                return await self._tail.written()\n", "a look without answer is given up"),
)

RECALLS = room(
    "stream/lifecycle/recalls.py",
    "tests/lifecycle/test_recalls.py",
    M("last", "and moment <= last]", "]", "a recall ends"),
    M("first", "if (erased or first <= moment) and moment <= last]", "if moment <= last]", "a recall begins"),
    M("erasure-always", "if (erased or first <= moment) and", "if first <= moment and", "an erasure covers a device whose clock was never set"),
    M("erased", "return Reason.ERASED if any(covering) else Reason.RECALLED", "return Reason.RECALLED", "an erasure is called one"),
    M("several", "if window[0] != key_ms]", "if False]", "an account may have several"),
    M("unreadable", "            self._unreadable.add(change.key)\n        else", "            pass\n        else", "a recall that names nobody is noted"),
    M("uncounted", "            self._uncounted = 1\n", "            pass\n", "so are too many of them"),
    M("erased-until", "for _, _, last, erased in windows if erased), default=None)", "for _, _, last, erased in windows), default=None)", "only erasures forget a word"),
)

RECORDS = room(
    "stream/wire/standing_records.py",
    "tests/wire/test_standing_records.py",
    M("unreadable-no", "changes.append((account, change or ConsentChange(account, False, LATEST)))", "changes += [(account, change)] if change else []", "what can't be read is a 'no'", quick=True),
    M("review-true", 'ConsentChange(account, raw["human_review"] is True, changed_at)', "ConsentChange(account, True, changed_at)", "a 'no' is a 'no'"),
    M("unreadable-recall", 'recall = recall or Recall(account or b"", EARLIEST, LATEST, False)', "pass", "what can't be read recalls everything"),
    M("recall-times", 'if last is None or last < first or _moment(raw["first"]) != first:', "if last is None:", "a recall's key and value agree"),
    M("recall-erased", 'return Recall(account, first, last, raw["erased"] is True)', "return Recall(account, first, last, False)", "an erasure is one"),
    M("told", "        if unreadable:\n            self.unreadable(unreadable)\n", "        pass\n", "what can't be read is told"),
    M("account-checked", "    if _account(key) != account_id:\n", "    if False:\n", "no account that no event could have"),
    M("moment-bounds", "if _EARLIEST_MS <= ms <= _LATEST_MS else None", "", "times lie between 2000 and 2100"),
)

INDEX = room(
    "stream/lifecycle/index.py",
    "tests/lifecycle/test_index.py",
    M("bound-token", "parts = [part.encode() for part in (campaign, epoch, token)]", "parts = [part.encode() for part in (campaign, epoch)]", "an entry is sealed for its token", quick=True),
    M("bound-campaign", "parts = [part.encode() for part in (campaign, epoch, token)]", "parts = [part.encode() for part in (epoch, token)]", "an entry is sealed for its campaign"),
    M("nonce", 'field(default=os.urandom, repr=False)', "field(default=bytes, repr=False)", "no nonce is used twice"),
    M("sealed", "AESGCM(self.keys().seal_key(entry.key_epoch)).encrypt(nonce, self.encode(entry), bound)", "self.encode(entry)", "an entry is sealed"),
    M("version", "if len(value) < 2 or value[0] != VERSION:", "if len(value) < 2:", "another version is not guessed"),
    M("locked", "            if refusal.reason is Reason.KEY_MISSING:\n", "            if False:\n", "a key that was not there yet opens it later"),
    M("broken", "                self._broken.add(token)\n", "                pass\n", "what nobody can open is counted"),
    M("dropped", "        self._drop(token)\n", "", "a tombstone takes an entry away"),
    M("drop-account", "            self._tokens[copy.account].discard(token)\n", "            self._tokens[copy.account] = set()\n", "and no other one"),
    M("met", "        self._met(copy, entry)\n", "", "late copies are told"),
    M("key-epoch", "key_epoch=keys.key_for(of.captured_at).epoch,", "key_epoch=keys.key_for(datetime.now(tz=of.captured_at.tzinfo)).epoch,", "sealed by the key of the recording", "tests/lifecycle/test_index.py tests/lifecycle/test_keyring.py"),
)

ERASING = room(
    "stream/lifecycle/erasing.py",
    "tests/lifecycle/test_erasing.py",
    M("other-campaign", '        if request.campaign not in ("", campaign):\n            return Answer(REFUSED, reason=OTHER_CAMPAIGN)\n', "", "another campaign's request is refused"),
    M("recall-first", "        await patiently(lambda: self.remover.send([self.recalled(recall), self.consent_forgotten(request.account_id)]))\n        copies = await self.remover.remove(lambda: _up_to(request.requested_at, self.remover.index.of_account(account)))\n", "        copies = await self.remover.remove(lambda: _up_to(request.requested_at, self.remover.index.of_account(account)))\n        await patiently(lambda: self.remover.send([self.recalled(recall), self.consent_forgotten(request.account_id)]))\n", "the recall comes first: what is in flight stops", quick=True),
    M("recalled", "[self.recalled(recall), self.consent_forgotten(request.account_id)]", "[self.consent_forgotten(request.account_id)]", "an erasure recalls"),
    M("forgotten", "[self.recalled(recall), self.consent_forgotten(request.account_id)]", "[self.recalled(recall)]", "the account's word is forgotten"),
    M("erased", "request.requested_at, erased=True)", "request.requested_at, erased=False)", "an erasure is told from a recall"),
    M("index-forgotten", "messages=(*self.remover.forgotten(copies), *self._receipts(request, copies))", "messages=(*self._receipts(request, copies),)", "copies leave the index"),
    M("receipt", "messages=(*self.remover.forgotten(copies), *self._receipts(request, copies))", "messages=(*self.remover.forgotten(copies),)", "who asked gets a receipt"),
    M("asked", "        self.asked(account, request.request_id)\n", "", "late copies go by their request"),
    M("unreadable", "unreadable=self.remover.index.unreadable,", "unreadable=0,", "a receipt tells what nobody could look at"),
    M("beginning", "return FIRST + (requested_at - FIRST) % YEAR", "return FIRST", "two requests are two recalls"),
    M("up-to", "return (copy for copy in copies if copy.captured_at <= last)", "return (copy for copy in copies)", "what is recorded later stays"),
    M("siblings", "            copies = await self._with_siblings(copy)\n", "            copies = await self.remover.remove(lambda: [copy])\n", "a report takes back what lies around it"),
    M("report-recall", "        await patiently(lambda: self.remover.send([self.recalled(recall)]))\n        index", "        index", "a report stops what is in flight"),
    M("report-window", "if copy.captured_at >= first and copy != reported)", "if copy != reported)", "and nothing of before"),
    M("report-unknown", "if not self.remover.index.is_unreadable(report.token):", "if False:", "an unknown token is refused"),
    M("report-erased", "Recall(reported.account, first, last, erased=False)", "Recall(reported.account, first, last, erased=True)", "a report is no erasure"),
)

REMOVING = room(
    "stream/lifecycle/removing.py",
    "tests/lifecycle/test_erasing.py tests/lifecycle/test_erasing_crashes.py",
    M("settles", "last = time.monotonic() >= settled_at\n            await self._look(must=last)\n            await self._take_back", "last = True\n            await self._look(must=last)\n            await self._take_back", "what was in flight is taken back too"),
    M("last-look", "        if must:\n            await patiently(self.fresh)\n", "        if False:\n            await patiently(self.fresh)\n", "the last look sees everything"),
    M("taken-back", "        await patiently(lambda: self.send([self._tombstone(copy.token) for copy in copies]))\n", "", "copies are taken back at once"),
    M("objects", "            await patiently(partial(self.objects.delete, uri))\n", "            pass\n", "objects are deleted"),
    M("forgotten-copies", "            *(self._tombstone(copy.token) for copy in copies),\n", "", "copies are taken back once more with the answer"),
    M("forgotten-index", "            *(Message(self.index_topic, copy.token.encode(), None) for copy in copies),\n", "", "copies leave the index"),
    M("retry-keys", "        self.index.retry()\n", "", "a key that came late opens entries"),
    M("patiently", "        except PASSING as error:\n            attempt", "        except ValueError as error:\n            attempt", "a request waits for what passes"),
)

SWEEPING = room(
    "stream/lifecycle/sweeping.py",
    "tests/lifecycle/test_erasing.py tests/lifecycle/test_erasing_crashes.py tests/lifecycle/test_recalls.py",
    M("met", "        if reason is not None:\n            self._met", "        if False:\n            self._met", "a late copy is asked for again"),
    M("gone", "                if token not in index:\n", "                if False:\n", "what is gone is not asked for"),
    M("patience", "elif time.monotonic() - met.since >= self._patience_s:", "else:", "what is under way has its time"),
    M("request-id", 'self._requests.get(met.account, f"late-{met.entry.token}")', 'f"late-{met.entry.token}"', "a late copy goes by its request"),
)

MUTANTS = CONSENT + STANDING + FOLLOWING + RECALLS + RECORDS + INDEX + ERASING + REMOVING + SWEEPING
