"""Labels, keys, how rare values are, and which clips are picked."""

from __future__ import annotations

from tests.mutation.mutant import Mutation as M
from tests.mutation.mutant import room

KEYRING = room(
    "stream/lifecycle/keyring.py",
    "tests/lifecycle/test_keyring.py tests/lifecycle/test_labels.py",
    M("until", "return self.first <= moment < self.until", "return self.first <= moment", "a key is for its epoch alone"),
    M("first", "return self.first <= moment < self.until", "return moment < self.until", "a key is for its epoch alone"),
    M("missing", "        if not covering:\n            raise Refusal(Reason.KEY_MISSING)\n        return max(covering,", "        return max(covering or self.epochs,", "without its key a clip is withheld", quick=True),
    M("newest", "return max(covering, key=lambda", "return min(covering, key=lambda", "the epoch that began last counts"),
    M("seal-missing", "            if known.id == epoch:\n                return known.seal_key\n", "            return known.seal_key\n", "a destroyed key opens nothing"),
    M("purpose", "info=framed(\"clipveil\", *purpose))", "info=framed(\"clipveil\"))", "no key is used for two purposes", quick=True),
    M("token-epoch", 'token_key=TokenKey(campaign, name, derived(secret, "token", campaign, name)),', 'token_key=TokenKey(campaign, name, derived(secret, "token", campaign)),', "campaign, epoch and purpose are bound into a key"),
    M("seal-purpose", 'seal_key=derived(secret, "seal", campaign, name),', 'seal_key=derived(secret, "token", campaign, name),', "no key is used for two purposes"),
    M("mac-key", 'return derived(self.account_key, "account mac", self.campaign)', "return self.account_key", "no key is used for two purposes"),
    M("sampling-key", 'return derived(self.account_key, "sampling", self.campaign)', 'return derived(self.account_key, "account mac", self.campaign)', "no key is used for two purposes"),
    M("token-kinds", "message = framed(kind, key.campaign, key.epoch, name)", "message = framed(key.campaign, key.epoch, name)", "an account's token is no clip's"),
    M("token-bound", "message = framed(kind, key.campaign, key.epoch, name)", "message = framed(kind, name)", "campaigns give unrelated tokens"),
    M("framed", 'len(part.encode()).to_bytes(4, "big") + part.encode()', "part.encode()", "'ab, c' is not 'a, bc'"),
    M("only", "for epoch in self.epochs if epoch.id in kept)", "for epoch in self.epochs)", "a key that is not listed is forgotten"),
    M("secret-shown", "    seal_key: bytes = field(repr=False)", "    seal_key: bytes = field()", "no key is shown"),
    M("account-key-shown", "    account_key: bytes = field(repr=False)", "    account_key: bytes = field()", "no key is shown"),
)

RING_FILE = room(
    "stream/lifecycle/ring_file.py",
    "tests/lifecycle/test_keyring.py",
    M("unknown", "if unknown := [field for field in values if field not in fields]:", "if unknown := [field for field in () if field not in fields]:", "a misspelt 'until' is no epoch without end"),
    M("same-name", "    if name and name in read.names:\n", "    if False:\n", "an epoch is listed once"),
    M("backwards", "if first and until and first >= until:", "if False:", "an epoch ends after it begins"),
    M("short-secret", "if len(secret) < SECRET_BYTES_MIN:", "if False:", "no short key"),
    M("same-secret", "elif secret in self._secrets:", "elif False:", "no two fields share a key"),
    M("utc", "moment.utcoffset() == timedelta(0)", "True", "times are in UTC"),
    M("look-forgets", "                self._ring = self._ring.only(broken.listed)\n", "                pass\n", "what is not listed is forgotten though the file is broken"),
    M("successor", "        if not same:\n", "        if False:\n", "keys that others went by do not change under them"),
    M("error-quoted", 'raise RingBroken(["is not YAML" + (f" (line {mark.line + 1})" if mark else "")]) from None', "raise RingBroken([str(error)]) from None", "no error quotes a key", quick=True),
    M("no-epochs", "    if not rows:\n        read.problems.append", "    if False:\n        read.problems.append", "a ring has a key"),
    M("quoted-id", "shown = raw if isinstance(raw, str) and _QUOTED.fullmatch(raw) else number", "shown = raw", "a key in a name's place is not repeated"),
    M("size", "return content if len(content) <= FILE_BYTES_MAX else b\"\"", "return content", "of a part nobody knows what it lacks"),
)

LABELS = room(
    "stream/lifecycle/labels.py",
    "tests/lifecycle/test_labels.py",
    M("lapsed", "if not any(epoch.covers(self._today()) for epoch in ring.epochs):", "if False:", "no clip is labelled while the ring has lapsed"),
    M("key-of-recording", "key = ring.key_for(of.captured_at)\n        values", "key = ring.key_for(self._today())\n        values", "a late clip gets the key of its recording"),
    M("scope", "linking = account_token(of.account_id, key) if ring.scope is Scope.ACCOUNT else None", "linking = account_token(of.account_id, key)", "clips of one account are not linked", quick=True),
    M("epoch-told", 'told = key.epoch if self._is_told(ring, key.epoch, self._account(of)) else ""', "told = key.epoch", "a late clip does not stand out by its epoch"),
    M("epoch-crowd", "or self._epochs.crowded((epoch,), account)", "or True", "an epoch is told where enough share it"),
    M("lengths", "if rule.lengths[-1] < policy.audio_seconds_max:", "if False:", "the longest length holds the longest clip"),
    M("emitted-counts", "        self._anonymizer.emitted(self._own(of), seconds, self._account(of), coarse)\n", "", "what is published makes values less rare"),
    M("epoch-counts", "            self._epochs.add(self._ring().key_for(of.captured_at).epoch, self._account(of))\n", "            pass\n", "what is published makes epochs less rare"),
    M("family-listed", "policy.device_families.get(of.device_model.lower(), OTHER_FAMILY)", "policy.device_families.get(of.device_model.lower(), of.device_model)", "no device model that the policy does not list", "tests/lifecycle/test_labels.py tests/leak/test_metadata.py tests/test_pipeline.py"),
    M("emitted-destroyed", "        with suppress(Refusal):  # its key", "        with suppress(KeyError):  # its key", "a key destroyed meanwhile stops nothing"),
)

ANONYMITY = room(
    "stream/lifecycle/anonymity.py",
    "tests/lifecycle/test_anonymity.py",
    M("own-crowd", "                if self._own.crowded((numbered,), account):\n                    return numbered[1]\n", "                return numbered[1]\n", "what is published could be that of k accounts", quick=True),
    M("published-crowd", "        if self._published.crowded((last, *steps), account):\n", "        if True:\n", "a known clip hides among k published ones"),
    M("window", "since = self._clock() - self._window_s\n        crowd", "since = self._clock() - 1000 * self._window_s\n        crowd", "only the last window counts"),
    M("enough", "return len(crowd) >= self._enough", "return len(crowd) >= self._enough - 1", "k accounts, not fewer"),
    M("enough-early", "            if len(crowd) >= self._enough:\n", "            if len(crowd) >= self._enough - 1:\n", "k accounts, not fewer"),
    M("accounts", "        accounts.pop(account, None)\n        accounts[account] = now\n", "        accounts[account + len(accounts) + 1] = now\n", "accounts count, not clips"),
    M("forget", "        self._forget(now - self._window_s)\n", "", "memory is bounded"),
    M("last-year", "year = seconds_since_1970(began(today, Precision.YEAR))", "year = seconds_since_1970(began(today, Precision.DAY))", "the last step tells nothing of the clip"),
    M("last-length", "NO_LANGUAGE, OTHER_FAMILY, self.coarse_length(length))", "NO_LANGUAGE, OTHER_FAMILY, length)", "the last step tells a coarse length"),
    M("began-minute", "replace(minute=0, second=0, microsecond=0)", "replace(second=0, microsecond=0)", "no minute is told"),
    M("began-utc", "hour = moment.astimezone(UTC).replace(", "hour = moment.replace(", "hours are in UTC"),
    M("numbered", "self._own.add(numbered, account)", "self._own.add(numbered[1], account)", "one step's values are not another's"),
    M("emitted-with", "        self._published.add(value_of(published), account)\n", "", "what was published counts"),
)

SAMPLING = room(
    "stream/lifecycle/sampling.py",
    "tests/lifecycle/test_sampling.py tests/lifecycle/test_sampling_limits.py tests/lifecycle/test_sampling_replay.py",
    M("unwoken", "        if self._rules.unwoken(of):\n            return Reason.NO_WAKE_WORD\n", "", "nobody who did not speak to the device is heard", quick=True),
    M("wake-score", "return not (of.woken and score >= self.wake_score_min)", "return not of.woken", "what the device doubts is not heard"),
    M("wake-score-nan", "return not (of.woken and score >= self.wake_score_min)", "return not of.woken or score < self.wake_score_min", "NaN is no score"),
    M("wake-score-untold", "of.wake_score if of.wake_score is not None else 0.0", "of.wake_score if of.wake_score is not None else 1.0", "a score that is not told is below every minimum"),
    M("rate", "        if not chosen(self._key, of.clip_id, self._rules.rate_for(of.locale, of.device_model)):\n            return Reason.NOT_SAMPLED\n", "", "no more than the rate is heard"),
    M("keyed", 'int.from_bytes(_mac(key, b"clip", clip_id)[:8], "big")', 'int.from_bytes(_mac(b"", b"clip", clip_id)[:8], "big")', "nobody without the key knows what is picked"),
    M("place", "return self._place(of, offset) if self._rules.limited else None", "return None", "quota and cap hold"),
    M("limited-cap", "return self.account_per_day_max > 0 or self.per_hour_max > 0", "return self.account_per_day_max > 0", "a cap is a limit"),
    M("limited-quota", "return self.account_per_day_max > 0 or self.per_hour_max > 0", "return self.per_hour_max > 0", "a quota is a limit"),
    M("future-day", "if hour // 24 > self._now_s() // (24 * _HOUR_S) + 1:", "if False:", "a wrong clock shuts nobody out"),
    M("place-account", 'of.clip_id, of.account_id, captured, str(offset))', "of.clip_id, captured, str(offset))", "two accounts' clips take two places"),
    M("place-offset", 'of.clip_id, of.account_id, captured, str(offset))', "of.clip_id, of.account_id, captured)", "one id for all clips gets nobody past the quota"),
    M("account-day", '_mac(self._key, b"account", of.account_id, str(hour // 24))', '_mac(self._key, b"account", of.account_id)', "an account's days can't be told to be one's"),
    M("lower-rate", "return of_family[1] if of_family[0] >= told else min(rate, of_family[1])", "return of_family[1]", "where neither rule is closer the lower rate counts"),
    M("share", "return cap * (turn + 1) // partitions - cap * turn // partitions", "return cap // partitions + 1", "the shares of a cap are the cap"),
    M("short-key", "if len(key) < KEY_BYTES_MIN:", "if False:", "no short key"),
    M("changelog-unreadable", "except (BrokerUnavailable, Unreadable) as error:", "except BrokerUnavailable as error:", "a changelog that can't be read stops", "tests/lifecycle/test_sampling_changelog.py tests/lifecycle/test_sampling_limits.py tests/lifecycle/test_sampling_replay.py"),
    M("restored", "                sampler.restore(record)\n", "                pass\n", "a restart forgets no place"),
    M("rate-bound", "        if not 0.0 <= self.rate <= 1.0:\n", "        if False:\n", "a rate is 0 to 1", "tests/lifecycle/test_sampling.py tests/lifecycle/test_sampling_settings.py"),
)

PLACES = room(
    "stream/lifecycle/places.py",
    "tests/lifecycle/test_sampling_limits.py tests/lifecycle/test_sampling_replay.py tests/lifecycle/test_sampling_changelog.py",
    M("quota", "len(of_account) >= quota * DIGEST_BYTES or", "", "an account's quota holds", quick=True),
    M("cap", "        if cap is not None and not in_hour and len(of_hour) >= cap:\n            return Reason.CAP_REACHED\n", "", "an hour's cap holds"),
    M("again", "        if in_account and in_hour:\n            return None\n", "", "a clip that comes again takes no place anew"),
    M("floor", "        if place.day < self._floor:  # its", "        if False:  # its", "a day whose places are gone takes nobody"),
    M("accounts-bound", "or (not of_account and self._full(place.day))", "", "memory is bounded"),
    M("floor-rises", "        self._raise_floor(place.day - self._days_kept + 1)\n", "", "old days go"),
    M("floor-written", "            self._changed[_FLOOR] = floor\n", "", "a restart knows the floor"),
    M("account-written", "            self._changed[key] = place.day\n", "", "a restart knows the quotas"),
    M("hour-written", "            self._changed[chunk] = place.day\n", "", "a restart knows the caps"),
    M("version", "        if value is not None and value[:1] != _VERSION:\n            raise Unreadable(\"a value of another version\")\n", "", "another version's places are not guessed"),
    M("cut-off", "if not digests or len(digests) % DIGEST_BYTES:", "if not digests:", "a bucket that is cut off is seen"),
    M("strange-record", '            raise Unreadable("a record that is of no bucket")\n', "            return\n", "a strange record is seen"),
    M("border", "return any(digest == clip for digest in _each(digests))", "return clip in digests", "only whole digests count"),
    M("remembered", "if self._asked - self._below.setdefault(number, self._asked) < REMEMBERED:", "if False:", "places stay while records are in flight"),
)

MUTANTS = KEYRING + RING_FILE + LABELS + ANONYMITY + SAMPLING + PLACES
