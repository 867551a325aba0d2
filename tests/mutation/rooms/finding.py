"""Who speaks, and which words identify: what is made of a model's evidence, and how spans are merged."""

from __future__ import annotations

from tests.mutation.mutant import Mutation as M
from tests.mutation.mutant import room

SPANS = room(
    "stream/find/spans.py",
    "tests/find/test_pii.py tests/find/test_lattice.py tests/find/test_names.py tests/find/recognizers",
    M("wider-stays", "if not any(other.first <= span.first and span.last <= other.last for other in kept):", "if not any(other.first <= span.last and span.first <= other.last for other in kept):", "a span that lies partly in another stays"),
    M("widest-first", "key=lambda one: (one.first - one.last, -one.score)", "key=lambda one: (one.last - one.first, -one.score)", "the wider one stays"),
)

PII = room(
    "stream/find/pii.py",
    "tests/find/test_pii.py",
    M("language", "        if code not in self._languages:\n            raise Refusal(Reason.LANGUAGE_UNSUPPORTED)\n", "", "no language without tables"),
    M("words", "        if len(texts) > WORDS_MAX or len(said) >= TEXT_MAX:\n            raise Refusal(Reason.WORDS_TOO_MANY)\n", "", "words are bounded"),
    M("markup", '        if "<" in said:\n', "        if False:\n", "markup hides nothing"),
    M("hypotheses", "for number, transcript in enumerate(event.transcripts):", "for number, transcript in enumerate(event.transcripts[:1]):", "every hypothesis is searched"),
    M("own-number", "findings += [replace(finding, transcript=number) for finding in searched[said].findings]", "findings += [replace(finding, transcript=0) for finding in searched[said].findings]", "a finding names its hypothesis"),
    M("known", "        yield from find_known(scene, subject, self._gazetteer)\n", "", "the event's own identifiers are found", quick=True),
    M("numbers", "        yield from find_numbers(scene)\n", "", "numbers are found", "tests/find/recognizers tests/find/test_lattice.py"),
    M("expiries", "        yield from find_expiries(scene)\n", "", "expiry dates are found", "tests/find/test_critical.py tests/find/recognizers tests/test_critical.py"),
    M("online", "        yield from online\n", "", "addresses online are found", "tests/find/recognizers/test_net.py"),
    M("dates", "        yield from find_dates(scene)\n", "", "dates are found", "tests/find/recognizers/test_dates.py"),
    M("birth-dates", "        yield from find_birth_dates(scene)\n", "", "birth dates are found", "tests/find/recognizers/test_dates.py tests/find/test_safe_harbor.py"),
    M("ages", "        yield from find_ages(scene)\n", "", "ages are found", "tests/find/recognizers/test_dates.py tests/find/test_safe_harbor.py"),
    M("addresses", "        yield from find_addresses(scene, self._gazetteer)\n", "", "addresses are found", "tests/find/recognizers/test_addresses.py"),
    M("spelled", "        yield from find_spelled_names(scene)\n", "", "spelled names are found", "tests/find/test_names.py tests/find/test_letter_names.py"),
    M("introduced", "            yield from find_introduced(scene, self._gazetteer)\n", "            yield from ()\n", "introduced names are found", "tests/find/test_spanish.py"),
    M("people", "            yield from names.people()\n", "", "people are found"),
    M("places", "            yield from names.places()\n", "", "places are found"),
    M("learned", "            yield from find_learned(reading, online)\n", "", "what the model learned is found", "tests/find/test_learned.py tests/find/test_phrasings.py"),
    M("further", "yield span if span.entity_type in FURTHER_TYPES else replace(span, entity_type=\"PERSON\")", "yield span", "a type is one of ours", "tests/find/test_ner.py::test_only_known_types_come_of_a_further_model"),
    M("told", "            *find_told(scene, told, self._gazetteer),\n", "", "slots tell names", "tests/find/recognizers/test_known.py tests/find/test_pii.py"),
    M("misheard", "            *find_misheard(scene, unsure),\n", "", "where a name belongs doubtful words are hidden", "tests/find/test_carriers.py"),
    M("employers", "            *find_employers(scene, self._gazetteer),\n", "", "employers are found", "tests/find/test_carriers.py tests/find/test_phrasings.py"),
    M("health", "merged((*spans, *find_health(scene, spans)))", "merged(spans)", "health numbers are found", "tests/find/test_safe_harbor.py tests/find/test_carriers.py tests/find/test_critical.py"),
    M("written", "                if all(classify(scene, run)[0] for run in around):\n                    yield span\n", "                pass\n", "written forms are found", "tests/find/recognizers/test_presidio.py tests/find/recognizers/test_patterns.py tests/find/test_pii.py"),
    M("critical", "critical = (Critical(kind, transcript, first, last) for kind, first, last in find_critical(scene))", "critical: tuple[Critical, ...] = ()", "critical phrases are found", "tests/find/test_critical.py"),
    M("start-languages", "    if missing or not languages:\n", "    if False:\n", "a language without tables ends the start"),
    M("nameless", "    if nameless and not names:\n", "    if False:\n", "a language whose names nobody knows ends the start", "tests/find/test_spanish.py tests/find/test_pii.py"),
)

FRAMES = room(
    "stream/find/speakers/frames.py",
    "tests/find/speakers/test_frames.py",
    M("clear", "clear = frames.others <= point.bystander_probability_max", "clear = frames.others <= 1.0", "a hint of a bystander outweighs a sure main speaker", quick=True),
    M("pause-clear", "and clear[start:end].all():", ":", "a pause with a bystander in it is not bridged"),
    M("pause", "if inner and end - start <= PAUSE_FRAMES_MAX and", "if inner and", "a long pause is none"),
    M("specks", "        if end - start < TURN_FRAMES_MIN:\n", "        if False:\n", "specks are no turns"),
    M("addressed", " - ADDRESSED_WEIGHT * addressed", "", "a clip that nobody addressed keeps less"),
    M("unsure", "        UNSURE_LABEL: (loudest == MAIN) & ~sure,\n", "", "what is not surely the main speaker's is not theirs"),
    M("bystanders", "BYSTANDER_LABEL: both | ((loudest == BYSTANDER) & ~sure),", "BYSTANDER_LABEL: both,", "bystanders are heard"),
    M("both", "BYSTANDER_LABEL: both | (", "BYSTANDER_LABEL: (", "overlap is a turn of both"),
    M("end", "min(end * FRAME_S, duration)", "end * FRAME_S", "turns end with the clip"),
    M("others-both", "self.probabilities[:, BYSTANDER] + self.probabilities[:, BOTH]", "self.probabilities[:, BYSTANDER]", "who speaks with somebody is heard too"),
)

MAIN_SPEAKER = room(
    "stream/find/main_speaker.py",
    "tests/find/test_main_speaker.py",
    M("nobody", "    if not voices:\n        return None, 0.0\n", "    if not voices:\n        return '', 1.0\n", "nobody is nobody"),
    M("doubt", "strict=True)) - DOUBT", "strict=True))", "a voice for which nothing speaks is not trusted"),
    M("thin", "m if abs(m) >= least else 0.0 for m, least", "m for m, least", "thin margins don't decide"),
    M("wake-first", "        _share_margin(voice.wake_share, [rival.wake_share for rival in rivals]),\n        _share_margin(voice.word_share, [rival.word_share for rival in rivals]),\n", "        _share_margin(voice.word_share, [rival.word_share for rival in rivals]),\n        _share_margin(voice.wake_share, [rival.wake_share for rival in rivals]),\n", "the wake word decides first"),
    M("alone", "alone = subtract(own, union(", "alone = intersect(own, union(", "a voice's level is where it speaks alone"),
)

PIPELINE = room(
    "stream/find/speakers/pyannote_pipeline.py",
    "tests/find/speakers/test_pyannote_pipeline.py",
    M("lost", "    lost = (spoken > 0) & (hard_clusters < 0)\n", "    lost = np.zeros(spoken.shape, bool)\n", "a voice that clustering gave to nobody is nobody's", "tests/find/speakers/test_pyannote_pipeline.py::test_a_voice_without_a_cluster_of_its_own_is_lost_to_nobody"),
    M("lost-merged", "            lost[window, one] |= spoken[window, one] > 0 and one != first\n", "            pass\n", "nor is one that it gave to another", "tests/find/speakers/test_pyannote_pipeline.py::test_a_voice_without_a_cluster_of_its_own_is_lost_to_nobody"),
    M("unassigned", "tuple(sorted([*turns, *lost])), main", "tuple(sorted([*turns])), main", "what nobody was given is not the main speaker's", "tests/find/speakers/test_pyannote_pipeline.py::test_speech_that_clustering_merges_is_still_told_apart"),
    M("finite", "        if not np.isfinite(samples).all():  # the networks would answer all the same\n            raise Refusal(Reason.AUDIO_NOT_FINITE)\n", "", "sound is finite", "tests/find/speakers/test_pyannote_pipeline.py::test_samples_that_are_no_numbers_are_refused"),
    M("pinned", "load_pipeline(read_pinned(directory, sha256), bfloat16", "load_pipeline(__import__('stream.find.fingerprint', fromlist=['x']).read_files(directory), bfloat16", "nothing is unpickled that is not pinned", "tests/find/speakers/test_pyannote_pipeline.py::test_a_directory_that_is_not_the_pinned_one_is_never_unpickled"),
    M("clamped", "start, end = max(0.0, start), min(duration, end)", "start, end = max(0.0, start), end", "turns end with the clip", "tests/find/speakers/test_pyannote_pipeline.py::test_turns_stay_inside_the_clip_and_the_receipt_names_the_model"),
    M("stock", '        if config["pipeline"]["name"] != STOCK_NAME:\n', "        if False:\n", "no other pipeline is loaded", "tests/find/speakers/test_pyannote_pipeline.py::test_another_pipeline_or_a_missing_part_is_refused"),
)

NER = room(
    "stream/find/ner.py",
    "tests/find/test_ner.py",
    M("pinned", "files = read_pinned(directory, sha256)", "files = __import__('stream.find.fingerprint', fromlist=['x']).read_files(directory)", "no other model is ever loaded", "tests/find/test_ner.py::test_another_directory_than_the_pinned_one_is_refused"),
    M("code", "    if any(b'\"auto_map\"' in content for", "    if False and any(b'\"auto_map\"' in content for", "no code beside the weights", "tests/find/test_ner.py::test_code_beside_the_weights_is_refused"),
)

RECOGNISER = room(
    "stream/find/recogniser.py",
    "tests/find/test_recogniser.py",
    M("pinned", "files = read_pinned(directory, sha256)", "files = __import__('stream.find.fingerprint', fromlist=['x']).read_files(directory)", "no other model is ever loaded"),
    M("needed", "if missing := {name for name in NEEDED if not files.get(name)}:", "if missing := {name for name in () if not files.get(name)}:", "nothing is fetched"),
)

TIMING = room(
    "stream/find/times/timing.py",
    "tests/find/times",
    M("shifted", "    if alike and abs(shift) > max(", "    if False and abs(shift) > max(", "shifted words are refused"),
    M("plausible", "if placed is None or not all(map(_plausible, words, placed)):", "if placed is None:", "a doubtful time is none"),
    M("agree", "    if not any(_agree(placed, alignments.place(samples, words, weight)) for weight in FURTHER_WEIGHTS):\n", "    if False:\n", "two ways agree"),
    M("budget", "            if self._left_s < 0:\n                raise Refusal(Reason.WORDS_NOT_ALIGNED)\n", "", "the search is bounded"),
    M("doubted", "        return _doubted(transcript)\n", "        return transcript\n", "times that nobody confirms are doubted"),
)

MUTANTS = SPANS + PII + FRAMES + MAIN_SPEAKER + PIPELINE + NER + RECOGNISER + TIMING
