"""What becomes of a clip: plan, edit, policy, and the algebra of segments under them."""

from __future__ import annotations

from tests.mutation.mutant import Mutation as M
from tests.mutation.mutant import room

PLAN = room(
    "stream/plan.py",
    "tests/test_plan.py tests/test_pipeline.py tests/test_critical.py",
    M("consent", "if not event.consent.human_review:", "if False:", "no clip is heard without consent", quick=True),
    M("language", "if language(event.locale) not in policy.languages:", "if False:", "no language that nobody knows"),
    M("wake-score", "not wake.score >= policy.wake_score_min", "False", "what the device doubts is withheld"),
    M("wake-score-nan", "not wake.score >= policy.wake_score_min", "wake.score < policy.wake_score_min", "NaN is no score"),
    M("words-bound", "if any(len(transcript.words) > policy.words_max", "if False and any(len(transcript.words) > policy.words_max", "words are bounded"),
    M("transcript-required", "if not words and policy.transcript_required:", "if False:", "what nobody can read is withheld"),
    M("word-times", "if any(word.segment is None for word in words):", "if False:", "words without times hide nothing"),
    M("word-overhang", "word.segment.end > clip.duration + WORD_OVERHANG_S", "False", "words lie inside the clip"),
    M("word-start", "word.segment.start >= clip.duration for", "False for", "words begin inside the clip"),
    M("word-order", "if not all(_in_order(transcript)", "if not any(True or _in_order(transcript)", "words come in order"),
    M("contradiction", "if contradict(clip.event.transcripts):", "if False:", "hypotheses that contradict one another are doubted"),
    M("complete", "if not all(receipt.complete for receipt in evidence.receipts):", "if False:", "a detector that saw not everything withholds"),
    M("own-margin", "-policy.operating_point.keep_margin_s, clip.duration)", "0.0, clip.duration)", "the margin is taken off what is kept"),
    M("others", "subtract(main, others), -policy", "main, -policy", "nobody else is heard", quick=True),
    M("unread", "keep = subtract(intersect(own, _read(clip)), hidden)", "keep = subtract(own, hidden)", "what nobody wrote down is silent"),
    M("hidden", "keep = subtract(intersect(own, _read(clip)), hidden)", "keep = intersect(own, _read(clip))", "identifiers are silent", quick=True),
    M("kept-min", "if seconds(keep) < policy.operating_point.kept_seconds_min:", "if False:", "next to nothing is not published"),
    M("critical-types", "    found |= {CRITICAL_TYPES[one.entity_type] for one in words.findings if one.entity_type in CRITICAL_TYPES}\n", "", "a card number is critical"),
    M("critical-phrases", "found = {phrase.kind for phrase in words.critical}", "found: set[CriticalKind] = set()", "critical phrases count"),
    M("child", "if age is not None and age.child:", "if False:", "no child is published"),
    M("critical-withheld", "if operators - {Operator.REDACT}:", "if False:", "an illness is withheld"),
    M("escalate", "escalated=Operator.ESCALATE in operators", "escalated=False", "a threat is told"),
    M("escalate-only", "escalated=Operator.ESCALATE in operators", "escalated=True", "nothing else is told"),
    M("phrases-redacted", "(*evidence.words.findings, *_phrases(evidence))", "evidence.words.findings", "critical phrases are taken out"),
    M("no-main", "if speakers.main is None:", "if False:", "without main speaker nothing is heard"),
    M("confidence", "if not speakers.confidence >= point.confidence_min:", "if False:", "a doubtful speaker is withheld"),
    M("confidence-nan", "if not speakers.confidence >= point.confidence_min:", "if speakers.confidence < point.confidence_min:", "NaN is no confidence"),
    M("silent-main", "    if not main:\n        raise Refusal(Reason.NO_MAIN_SPEAKER)\n", "", "a main speaker speaks"),
    M("overlap", "if seconds(intersect(main, others)) > point.overlap_share_max * seconds(main):", "if False:", "two at once are withheld"),
    M("read-margin", "READ_MARGIN_S = 0.25", "READ_MARGIN_S = 2.5", "far from every word is silence"),
    M("wake-long", "if wake and wake.segment.duration <= WAKE_WORD_S_MAX", "if wake", "a long wake word is no wake word"),
    M("repetitions", "return tuple(sorted({*findings, *again}))", "return tuple(sorted(findings))", "what is said again is hidden again"),
    M("name-parts", 'parts = phrase if finding.entity_type == "PERSON" else ()', "parts = ()", "each part of a name is one"),
    M("name-part-min", "if len(part) >= NAME_PART_MIN and part not in joiners", "if part not in joiners", "an initial alone names nobody"),
    M("joiners", "if len(part) >= NAME_PART_MIN and part not in joiners", "if len(part) >= NAME_PART_MIN", "'van' alone names nobody"),
    M("spoken-too-fast", "if sound.duration < (len(spoken) - digits)", "if False and sound.duration < (len(spoken) - digits)", "times in which nobody can say it are wrong"),
    M("digits-too-fast", "* LETTER_S_MIN + digits * DIGIT_S_MIN:", "* LETTER_S_MIN:", "a written digit takes its time"),
    M("pauses", "sound = Segment(min(time.start for time in times), max(time.end for time in times))", "sound = times[0]", "pauses inside a number are hidden"),
    M("time-error", "if error > TIME_ERROR_S_MAX:", "if False:", "times that are far off hide nothing"),
    M("error-margin", "margin = max(policy.word_margin_s, error)", "margin = policy.word_margin_s", "as much as times are off is hidden"),
    M("word-margin", "margin = max(policy.word_margin_s, error)", "margin = error", "a margin is hidden around each"),
    M("mute-others", "    mutes += [Mute(part, Why.BYSTANDER) for part in intersect(left, others)]\n", "", "every silence has its reason"),
    M("elsewhere", " and not _covers(word, elsewhere)", "", "what another hypothesis has is hidden in this one"),
    M("inaudible-words", "if _audible_share(word, keep) >= policy.word_audible_share_min and", "if", "what can't be heard can't be read", quick=True),
    M("merged-last", "edits.append(WordEdit(group[0].first, max(f.last for f in group), Why.IDENTIFIER, name))", "edits.append(WordEdit(group[0].first, group[0].last, Why.IDENTIFIER, name))", "overlapping findings are hidden whole"),
    M("loudest", "return (mute.why is Why.IDENTIFIER and covered > 0, covered)", "return (False, covered)", "an identifier is called one"),
    M("hypotheses-all", "words = [word for transcript in clip.event.transcripts for word in transcript.words]\n    if not", "words = [word for transcript in clip.event.transcripts[:1] for word in transcript.words]\n    if not", "every hypothesis is tied to the sound"),
)

SEGMENTS = room(
    "stream/segments.py",
    "tests/test_segments.py",
    M("union-end", "Segment(last.start, max(last.end, segment.end))", "Segment(last.start, segment.end)", "a short one inside a long one shortens nothing"),
    M("subtract-holes", "at = max(at, hole.end)", "at = hole.end", "holes inside one another are all taken out"),
    M("widen-clip", "min(duration, segment.end + margin)", "segment.end + margin", "no segment ends after the clip"),
    M("widen-start", "start, end = max(0.0, segment.start - margin)", "start, end = segment.start", "a margin goes both ways"),
)

SOUND = room(
    "stream/edit/sound.py",
    "tests/edit/test_sound.py",
    M("keep-only", "output = np.zeros_like(samples)", "output = samples.copy()", "what is not kept is silent", quick=True),
    M("inward-start", "first = math.ceil(segment.start * SAMPLE_RATE_HZ)", "first = math.floor(segment.start * SAMPLE_RATE_HZ)", "bounds are rounded inward"),
    M("inward-end", "math.floor(segment.end * SAMPLE_RATE_HZ)", "math.ceil(segment.end * SAMPLE_RATE_HZ)", "bounds are rounded inward"),
    M("fades", "samples[first:end] * _fades(end - first)", "samples[first:end]", "no clicks where the sound is cut"),
    M("lengthened", "    if missing <= 0:\n        return clip\n", "    return clip\n", "lengths are in buckets", "tests/edit tests/test_pipeline.py"),
    M("lengthened-silence", "np.zeros(missing, dtype=np.float32)", "clip.samples[:1].repeat(missing)", "what fills a clip up is silence"),
)

TEXT = room(
    "stream/edit/text.py",
    "tests/edit/test_text.py tests/test_pipeline.py",
    M("placeholder", "PublishedWord(edit.placeholder if edit else word.text, segment)", "PublishedWord(word.text, segment)", "hidden words are not shown", quick=True),
    M("one-placeholder", "if edit and edit.placeholder == previous_placeholder:", "if False:", "placeholders tell no word count"),
    M("without-times", "raise Refusal(Reason.WORDS_WITHOUT_TIMES)", "continue", "no word without time is shown"),
    M("inside", "return Segment(segment.start, min(segment.end, duration))", "return segment", "words end with the clip"),
    M("hull", "max(last.end, segment.end))", "last.end)", "a placeholder covers all it stands for"),
)

METADATA = room(
    "stream/edit/metadata.py",
    "tests/edit/test_metadata.py tests/test_pipeline.py tests/leak/test_metadata.py",
    M("too-long", "raise Refusal(Reason.AUDIO_TOO_LONG)", "return len(label.by_length) - 1", "a clip of no length is withheld"),
    M("longest", "if clip.duration <= seconds:", "if clip.duration >= 0.0 * seconds:", "the length is that of the clip"),
    M("captured", "captured_hour=coarse.captured,", "captured_hour=label.by_length[0][1].captured,", "the coarse time of this length is told"),
    M("precision", "captured_precision=coarse.precision,", "captured_precision=label.by_length[0][1].precision,", "the time says how coarse it is"),
    M("family", "device_family=coarse.device_family,", "device_family=label.by_length[0][1].device_family,", "the coarse family of this length is told"),
    M("language", "language=coarse.language,", "language=label.by_length[0][1].language,", "the coarse language of this length is told"),
)

POLICY = room(
    "stream/policy.py",
    "tests/test_critical.py tests/test_plan.py tests/test_config.py tests/test_pipeline.py",
    M("child-redacted", "if self.critical[CriticalKind.CHILDREN] is Operator.REDACT:", "if False:", "a child's voice can't be redacted"),
    M("kinds-missing", "if missing := set(CriticalKind) - self.critical.keys():", "if missing := set(self.critical) - self.critical.keys():", "the policy says what becomes of every kind"),
    M("unknown-language", "if unknown := self.languages - self.vocabularies.keys():", "if unknown := self.languages - self.languages:", "no language without vocabulary"),
    M("health", "CriticalKind.HEALTH: Operator.WITHHOLD,", "CriticalKind.HEALTH: Operator.REDACT,", "illness is withheld"),
    M("distress", "CriticalKind.DISTRESS: Operator.ESCALATE,", "CriticalKind.DISTRESS: Operator.WITHHOLD,", "a threat is told"),
    M("required", 'frozenset({"speakers", "identifiers"})', 'frozenset({"speakers"})', "both detectors must have run"),
)

MUTANTS = PLAN + SEGMENTS + SOUND + TEXT + METADATA + POLICY
