"""What comes in and what goes out: bounds, allow-lists, the registry, outcomes as records."""

from __future__ import annotations

from tests.mutation.mutant import Mutation as M
from tests.mutation.mutant import room

CLIPS = room(
    "stream/wire/clips.py",
    "tests/wire/test_clips.py tests/test_gate.py tests/test_pipeline.py",
    M("transcripts", "demand(len(raw) <= TRANSCRIPTS_MAX)", "pass", "hypotheses are bounded"),
    M("entries", "demand(len(raw) <= ENTRIES_MAX)", "pass", "slots are bounded"),
    M("value-chars", "text(name): text(value, VALUE_CHARS_MAX)", "text(name): text(value, 10**9)", "a slot is bounded"),
    M("word-chars", 'text(entry["text"], WORD_CHARS_MAX)', 'text(entry["text"], 10**9)', "a word is bounded"),
    M("text-chars", 'text(raw["text"], TEXT_CHARS_MAX)', 'text(raw["text"], 10**9)', "a text is bounded"),
    M("words", "    if len(entries) > words_max:\n        raise Refusal(Reason.WORDS_TOO_MANY)\n", "", "words are bounded before they are built"),
    M("words-glued", "    if len(words) > words_max:\n        raise Refusal(Reason.WORDS_TOO_MANY)\n", "", "words are bounded after they are taken apart"),
    M("glue", '_GLUE.sub(" ", unicodedata.normalize("NFC", text(entry["text"], WORD_CHARS_MAX)))', 'unicodedata.normalize("NFC", text(entry["text"], WORD_CHARS_MAX))', "each word is one word"),
    M("times", "if not (math.isfinite(start) and 0.0 <= start < end <= TIME_S_MAX):", "if not (math.isfinite(start) and 0.0 <= start < end):", "times are bounded"),
    M("times-order", "0.0 <= start < end <= TIME_S_MAX", "0.0 <= start and end <= TIME_S_MAX", "a word ends after it begins"),
    M("latitude", 'number(location["latitude"], -90.0, 90.0)', 'location["latitude"]', "a place is on earth"),
    M("confidence", 'number(transcript["confidence"], 0.0, 1.0)', 'transcript["confidence"]', "a confidence is 0 to 1"),
    M("wake-score", 'number(raw["score"], 0.0, 1.0)', 'raw["score"]', "a score is 0 to 1"),
    M("account", 'account_id=required(raw["account_id"]),', 'account_id=text(raw["account_id"]),', "whose clip it is, is said"),
    M("sha256", "demand(len(sha256) == 64 and set(sha256) <= _HEX_DIGITS)", "pass", "an object is named by its digest"),
    M("object", "            raise Refusal(Reason.AUDIO_NOT_FETCHED)\n        return audio.decode(event", "            return audio.decode(b\"\", 0.0, 1.0)\n        return audio.decode(event", "audio that is not there is refused"),
    M("clip-id", 'clip_id=required(raw["clip_id"]),', 'clip_id=text(raw["clip_id"]),', "which clip it is, is said"),
)

FIELDS = room(
    "stream/wire/fields.py",
    "tests/wire/test_clips.py tests/wire/test_headers.py",
    M("no-consent", "return Consent(human_review=False)", "return Consent(human_review=True)", "nothing said is no consent", quick=True),
    M("consent-true", 'raw["human_review"] is True', "True", "a 'no' is a 'no'"),
    M("required", "    demand(bool(found.strip()))\n", "", "white space names nobody"),
    M("text", "or len(raw) > chars_max:", "or False:", "text is bounded"),
    M("nan", "demand(raw is None or low <= raw <= high)", "demand(raw is None or not (raw < low or raw > high))", "NaN is refused"),
    M("moment", "    demand(_EARLIEST_MS <= raw <= _LATEST_MS)\n", "", "times lie between 2000 and 2100"),
)

HEADERS = room(
    "stream/wire/headers.py",
    "tests/wire/test_headers.py",
    M("woken", "woken=woken is not None,", "woken=True,", "whether somebody called the device"),
    M("score", 'None if woken is None else number(woken["score"], 0.0, 1.0)', "None if woken is None else 1.0", "how sure the device was"),
    M("account", 'account_id=required(raw["account_id"]),', 'account_id=text(raw["account_id"]),', "whose clip it is, is said"),
    M("clip-id", 'clip_id=required(raw["clip_id"]),', 'clip_id=text(raw["clip_id"]),', "which clip it is, is said"),
)

OUTCOMES = room(
    "stream/wire/outcomes.py",
    "tests/wire/test_outcomes.py",
    M("withheld-key", "return Message(to.topic, _partition_key(of), avro.frame(to.schema, body), now_ms)", "return Message(to.topic, None, avro.frame(to.schema, body), now_ms)", "one input partition's records stay in order"),
    M("withheld-fault", '"fault": outcome.fault,', '"fault": "",', "the class of a fault is told"),
    M("withheld-kinds", '            "reason": outcome.reason.value,\n            "fault"', '            "reason": ",".join(outcome.critical) or outcome.reason.value,\n            "fault"', "only the escalation tells kinds"),
    M("audit-partition", "return Message(to.topic, _partition_key(of), value, now_ms, of.partition), head", "return Message(to.topic, _partition_key(of), value, now_ms), head", "a chain lies in one partition"),
    M("audit-digest", "hashlib.sha256(self.published(outcome).value or b\"\").hexdigest()", "hashlib.sha256(outcome.body).hexdigest()", "the audit has the digest of the published record", quick=True),
    M("audit-withheld-counts", 'record |= {"outcome": WITHHELD, "reason": outcome.reason.value}', 'record |= {"outcome": WITHHELD, "reason": outcome.reason.value, "identifiers": dict(outcome.effort.identifiers)}', "of what nobody hears the audit says no more than why"),
    M("audit-withheld-kinds", 'record |= {"outcome": WITHHELD, "reason": outcome.reason.value}', 'record |= {"outcome": WITHHELD, "reason": outcome.reason.value, "critical": sorted(map(str, outcome.critical))}', "nor what was critical"),
    M("published-key", "return Message(to.topic, outcome.token.encode(), avro", "return Message(to.topic, None, avro", "the key is the token"),
    M("published-time", "avro.frame(to.schema, outcome.body), outcome.timestamp_ms)", "avro.frame(to.schema, outcome.body), int(self.now() * 1000))", "a record's time is the coarse one"),
    M("head-gone", "        if committed:\n            raise CommitFailed(", "        if False:\n            raise CommitFailed(", "a chain that is gone is not begun anew"),
    M("head-ahead", 'if committed is not None and record["offset"] >= committed:', "if False:", "an audit ahead of the offset stops"),
    M("head-unreadable", "except (KeyError, Refusal, RegistryUnavailable, ValueError) as error:", "except (KeyError, RegistryUnavailable) as error:", "a chain that can't be continued stops"),
    M("request-outcome", "        if outcome not in REQUEST_OUTCOMES:\n", "        if False:\n", "only what can become of a request"),
    M("schema-missing", "ask = registry.register if register else registry.find", "ask = registry.register", "nothing is registered unless told"),
)

AVRO = room(
    "stream/wire/avro.py",
    "tests/wire/test_avro.py tests/wire/test_clips.py",
    M("size", "if len(value) > VALUE_BYTES_MAX:", "if False:", "a value is bounded"),
    M("magic", 'if value[:1] == b"\\0" and len(value) >= _ID.size:', "if len(value) >= _ID.size:", "a strange value is refused"),
    M("measured", "    measure(bounds, body)\n    try:\n        record = fastavro.schemaless_reader(io.BytesIO(body), writer, _ours(name)", "    try:\n        record = fastavro.schemaless_reader(io.BytesIO(body), writer, _ours(name)", "no hostile body meets a decoder", quick=True),
    M("measured-written", "    measure(bounds, body)\n    try:\n        record = fastavro.schemaless_reader(io.BytesIO(body), writer, None", "    try:\n        record = fastavro.schemaless_reader(io.BytesIO(body), writer, None", "nor in the audit", "tests/wire/test_avro.py tests/wire/test_audits.py"),
    M("reader", "io.BytesIO(body), writer, _ours(name), handle", "io.BytesIO(body), writer, None, handle", "what our schema does not name is never built"),
    M("strict", "record, strict=True)", "record)", "a field too many is not written"),
    M("read-fault", '    except Exception:  # noqa: BLE001 - fastavro raises many types, and their messages quote the record\n        raise Refusal(Reason.EVENT_UNDECODABLE) from None\n', '    except KeyError:\n        raise Refusal(Reason.EVENT_UNDECODABLE) from None\n', "no error quotes the record"),
    M("unicode", '_ours(name), handle_unicode_errors="strict")', '_ours(name), handle_unicode_errors="replace")', "text that is none is refused"),
    M("plain", "    schema = plain(text)\n    try:\n        return schema, fastavro.parse_schema(schema.root)\n", "    schema = plain(text)\n    try:\n        import json\n\n        return schema, fastavro.parse_schema(json.loads(text))\n", "no hostile schema meets a decoder"),
)

BOUNDS = room(
    "stream/wire/bounds.py",
    "tests/wire/test_bounds.py tests/wire/test_avro.py",
    M("chars", "    if len(text) > SCHEMA_CHARS_MAX:\n        raise Refusal(Reason.UNKNOWN_SCHEMA)\n", "", "a schema is bounded"),
    M("deep-text", "except (ValueError, RecursionError):\n        raise Refusal(Reason.UNKNOWN_SCHEMA)", "except ValueError:\n        raise Refusal(Reason.UNKNOWN_SCHEMA)", "a schema too deep to parse is refused"),
    M("nodes", "self._demand(self._nodes <= SCHEMA_NODES_MAX and depth <= SCHEMA_DEPTH_MAX)", "self._demand(depth <= SCHEMA_DEPTH_MAX)", "a schema's parts are bounded"),
    M("depth", "self._demand(self._nodes <= SCHEMA_NODES_MAX and depth <= SCHEMA_DEPTH_MAX)", "self._demand(self._nodes <= SCHEMA_NODES_MAX)", "a schema's depth is bounded"),
    M("union", "0 < len(raw) <= UNION_BRANCHES_MAX and", "0 < len(raw) and", "unions are bounded"),
    M("recursion", "        self._demand(name in self.named)  # a name that is still open would be recursion\n", "", "no schema describes itself"),
    M("twice", "self._demand(name not in self.named and name not in self._open)", "self._demand(name not in self._open)", "a name is one thing"),
    M("fixed", "type(size) is int and 0 <= size <= SCHEMA_CHARS_MAX", "type(size) is int and 0 <= size", "a fixed is bounded"),
    M("fields-twice", '        self._demand(len({entry["name"] for entry in fields}) == len(fields))\n', "", "a field is one thing"),
    M("names", "self._demand(_NAME.fullmatch(full) is not None and full not in _PRIMITIVES)", "self._demand(full not in _PRIMITIVES)", "names are names"),
    M("rest", "    if walk.at != len(body):\n        raise Refusal(Reason.EVENT_UNDECODABLE)\n", "", "nothing lies behind a record", quick=True),
    M("steps", "if self._steps < 0 or self._depth", "if self._depth", "values of a body are bounded"),
    M("body-depth", "if self._steps < 0 or self._depth > 2 * SCHEMA_DEPTH_MAX:", "if self._steps < 0:", "a body's depth is bounded"),
    M("block-size", "            if end is not None and end != self.at:\n                raise Refusal(Reason.EVENT_UNDECODABLE)\n", "", "blocks don't lie about their size"),
    M("index", "if not 0 <= index < count:", "if index < 0:", "a branch is one of the union's"),
    M("skip", "if not 0 <= length <= len(self._body) - self.at:", "if length > len(self._body) - self.at:", "no length is negative"),
    M("skip-end", "if not 0 <= length <= len(self._body) - self.at:", "if length < 0:", "no length ends behind the body"),
    M("varint", "        if number >> bits:\n            raise Refusal(Reason.EVENT_UNDECODABLE)\n", "", "a number fits its type"),
)

AUDIO = room(
    "stream/wire/audio.py",
    "tests/wire/test_audio.py tests/wire/test_containers.py",
    M("long", "        if frames > frames_max:\n            raise Refusal(Reason.AUDIO_TOO_LONG)\n", "", "audio is bounded, whatever the header promises", quick=True),
    M("finite", "        if not np.isfinite(block).all():\n            raise Refusal(Reason.AUDIO_NOT_FINITE)\n", "", "sound is finite"),
    M("loud", "        if np.abs(block).max() > LOUD_PEAK:\n            raise Refusal(Reason.AUDIO_UNDECODABLE)\n", "", "sound is scaled"),
    M("truncated", "    if frames < file.frames:\n        raise Refusal(Reason.AUDIO_TRUNCATED)\n", "", "a file that ends early is truncated"),
    M("empty", "    if not len(mono):\n        raise Refusal(Reason.AUDIO_EMPTY)\n", "", "no sound is no clip"),
    M("short", "    if len(mono) < seconds_min * rate_hz:\n        raise Refusal(Reason.AUDIO_TOO_SHORT)\n", "", "a clip has a length"),
    M("silent", "    if np.abs(mono - mono.mean()).max() < SILENT_PEAK:\n        raise Refusal(Reason.AUDIO_SILENT)\n", "", "silence is no clip"),
    M("rate-min", "or not RATE_HZ_MIN <= file.samplerate <= RATE_HZ_MAX", "or not file.samplerate <= RATE_HZ_MAX", "rates are bounded"),
    M("rate-max", "or not RATE_HZ_MIN <= file.samplerate <= RATE_HZ_MAX", "or not RATE_HZ_MIN <= file.samplerate", "rates are bounded"),
    M("channels", "or not 1 <= file.channels <= CHANNELS_MAX", "", "channels are bounded"),
    M("subtype", "or file.subtype not in _SUBTYPES[kind]", "", "only listed encodings"),
    M("kind", 'file.format.replace("WAVEX", "WAV") != kind\n        or', "False\n        or", "the container is what it looks like"),
    M("wav", "        containers.check_wav(content)\n", "        pass\n", "one data chunk"),
    M("ogg", "        containers.check_ogg(content)\n", "        pass\n", "one whole stream"),
    M("published-format", '("FLAC", "PCM_16", SAMPLE_RATE_HZ, 1):', '("FLAC", "PCM_16", file.samplerate, file.channels):', "what is published is ours"),
    M("metadata", "return containers.flac_without_metadata(encoded.getvalue())", "return encoded.getvalue()", "no metadata leaves"),
    M("clip", "return _read_only(np.clip(mono, -1.0, 1.0))", "return _read_only(mono)", "sound is in [-1, 1]"),
    M("read-only", "    owned.setflags(write=False)\n", "", "samples are not changed by anybody"),
    M("block-fault", "        except Exception:  # noqa: BLE001 - the header was good, what follows is not\n", "        except KeyError:\n", "a decoder's error is no crash"),
)

CONTAINERS = room(
    "stream/wire/containers.py",
    "tests/wire/test_containers.py tests/wire/test_audio.py",
    M("riff-end", "    if end > len(content):\n        raise Refusal(Reason.AUDIO_TRUNCATED)\n", "", "a file is all there"),
    M("chunk-end", "        if at + size > end:\n            raise Refusal(Reason.AUDIO_TRUNCATED)\n", "", "a chunk is all there"),
    M("data-chunks", 'or seen.count(b"data") != 1 or', "or", "one data chunk"),
    M("fmt-chunks", 'if seen.count(b"fmt ") != 1 or', "if", "one fmt chunk"),
    M("chunk-order", ' or seen.index(b"fmt ") > seen.index(b"data")', "", "the format comes first"),
    M("ogg-serial", "        if serial != first_serial:\n            raise Refusal(Reason.AUDIO_UNDECODABLE)\n", "", "one stream"),
    M("ogg-sequence", "if at > len(content) or sequence != pages:", "if at > len(content):", "no page is missing"),
    M("ogg-last", "    if not last:\n        raise Refusal(Reason.AUDIO_TRUNCATED)\n", "", "a stream has its end"),
    M("ogg-after", "[: len(content) - at] or last:", "[: len(content) - at]:", "nothing lies behind it"),
)

REGISTRY = room(
    "stream/wire/registry.py",
    "tests/wire/test_registry.py",
    M("too-large", "                if len(body) > RESPONSE_BYTES_MAX:\n                    raise RegistryUnavailable(\"answer too large\")\n", "", "an answer is bounded"),
    M("not-found", "    _demand(status != 404 or answer.get(\"error_code\") in _NOT_FOUND_CODES, status)\n", "", "a proxy's 404 is no answer"),
    M("references", 'or answer.get("references"):', ":", "only schemas that are whole"),
    M("not-avro", 'if answer.get("schemaType", "AVRO") != "AVRO" or', "if", "only Avro"),
    M("retries", "            if status < 500 and status != 429:\n", "            if True:\n", "what passes is tried again"),
    M("unknown-remembered", "            self._unknown[reference] = self._clock() + self._unknown_s\n", "", "an unknown schema is not asked for again at once"),
    M("trimmed", "    while len(cache) > SCHEMAS_CACHED_MAX:\n        cache.popitem(last=False)\n", "    return\n", "memory is bounded"),
    M("refused", "        if status in (409, 422):\n            raise SchemaRefused(", "        if False:\n            raise SchemaRefused(", "an incompatible schema is refused"),
)

REGISTRY_FILES = room(
    "stream/wire/registry_files.py",
    "tests/wire/test_registry.py",
    M("compatible", "            if not self._compatible(subject, schema):\n", "            if False:\n", "an incompatible schema is refused"),
    M("found", "        if registered is None or registered.id not in self._versions(subject):\n", "        if registered is None:\n", "a schema is that of its subject"),
)

OBJECTS = room(
    "stream/wire/objects.py",
    "tests/wire/test_objects.py",
    M("below", "if not named or self.root is None or not path.parent.resolve().is_relative_to(self.root.resolve()):", "if not named or self.root is None:", "nothing anywhere else is touched", quick=True),
    M("scheme", 'named = parts.scheme == "file" and parts.netloc', "named = parts.netloc", "only files"),
    M("host", 'and parts.netloc in ("", "localhost") and', "and", "only ours"),
    M("links", "path.parent.resolve().is_relative_to", "path.parent.is_relative_to", "no link leads out"),
)

MUTANTS = (
    *(CLIPS + FIELDS + HEADERS + OUTCOMES + AVRO + BOUNDS),
    *(AUDIO + CONTAINERS + REGISTRY + REGISTRY_FILES + OBJECTS),
)
