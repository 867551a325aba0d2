"""What is told and what is kept off disks and networks: log, metrics, hardening, inference processes, pinned models."""

from __future__ import annotations

from tests.mutation.mutant import Mutation as M
from tests.mutation.mutant import room

LOG = room(
    "stream/ops/log.py",
    "tests/ops/test_log.py",
    M("keys", "if key in KEYS and KEYS[key](value)}", "if key in KEYS}", "each key has its rule", quick=True),
    M("unlisted-keys", "if key in KEYS and KEYS[key](value)}", "if key not in KEYS or KEYS[key](value)}", "no key that is not listed"),
    M("events", "if isinstance(event, str) and event in _EVENTS:", "if isinstance(event, str):", "no event that is not listed", quick=True),
    M("fault-message", 'values: dict[str, object] = {"error": type(error).__name__}', 'values: dict[str, object] = {"error": type(error).__name__ + str(error)}', "no exception's message is told"),
    M("place-foreign", 'if module.split(".")[0] == "stream":', "if True:", "only places in our code"),
    M("text-bound", "isinstance(value, str) and len(value) <= TEXT_MAX and", "isinstance(value, str) and", "values are bounded"),
    M("whole-match", "compiled.fullmatch(value) is not None", "compiled.match(value) is not None", "a value fits as a whole"),
    M("libraries", "get().warning(Event.LIBRARY_MESSAGE, logger=record.name, source_level=record.levelname, suppressed=count - 1)", "sys.stderr.write(record.getMessage())", "what a library says is not told"),
    M("libraries-routed", "    _route_libraries()\n    _route_uncaught()\n", "    _route_uncaught()\n", "libraries go through the list"),
    M("uncaught-routed", "    _route_libraries()\n    _route_uncaught()\n", "    _route_libraries()\n", "uncaught exceptions go through the list"),
    M("library-handlers", "        library.handlers.clear()\n", "", "no library has a handler of its own"),
    M("library-propagates", "        library.propagate = True\n", "", "nothing passes the list by"),
    M("root-handlers", "root.handlers[:] = [_NameOnly()]", "root.handlers.append(_NameOnly())", "nor at the root"),
    M("warnings", "    logging.captureWarnings(True)\n    warnings.simplefilter(\"ignore\")\n", "", "warnings quote source lines"),
    M("excepthook", "    sys.excepthook = lambda _kind, error, _traceback: tell(error)\n", "", "no traceback of the main thread"),
    M("thread-hook", "    threading.excepthook = lambda arguments: tell(arguments.exc_value)\n", "", "no traceback of a thread"),
    M("unraisable-hook", "    sys.unraisablehook = lambda arguments: tell(arguments.exc_value)\n", "", "no traceback of a destructor"),
    M("flood", "        if count & (count - 1):  # the 1st, 2nd, 4th, 8th ... time only\n            return\n", "", "a library does not flood the log"),
    M("counted", "            self._on_dropped(dropped)\n", "            pass\n", "what is dropped is counted"),
    M("level", "wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level])", "wrapper_class=structlog.make_filtering_bound_logger(10)", "levels below the chosen one are silent"),
)

METRICS = room(
    "stream/ops/metrics.py",
    "tests/ops/test_metrics.py",
    M("type-plausible", "        if not plausible or len(self._types) >= _TYPES_MAX:\n", "        if len(self._types) >= _TYPES_MAX:\n", "no label holds what a clip holds", quick=True),
    M("type-bound", "        if not plausible or len(self._types) >= _TYPES_MAX:\n", "        if not plausible:\n", "labels are bounded"),
    M("stage", 'stage if stage in STAGES else "other"', "stage", "stages are a closed list"),
    M("cause", 'cause if cause in ("recycled", "timed_out") else "died"', "cause", "causes are a closed list"),
    M("lag-cleared", "        self._lag.clear()  # partitions that went to others must not keep their last value\n", "", "a lost partition has no lag"),
)

HARDENING = room(
    "stream/ops/hardening.py",
    "tests/inference/test_pool.py::test_processes_leave_no_core_dumps"
    " tests/inference/test_pool.py::test_processes_can_not_be_dumped",
    M("core-limit", "    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n", "", "no core file"),
    M("undumpable", "prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)", "prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)", "nobody reads our memory"),
)

CHILD = room(
    "stream/inference/child.py",
    "tests/inference/test_pool.py",
    M("no-core", "    no_core_dumps()\n    return", "    return", "no core file of a process that hears", "tests/inference/test_pool.py::test_processes_leave_no_core_dumps"),
    M("pipes", "        os.dup2(nowhere, descriptor)\n", "        pass\n", "what a library prints goes nowhere", "tests/inference/test_pool.py::test_what_a_library_prints_goes_nowhere tests/inference/test_pool.py::test_a_job_gets_its_own_outcome"),
    M("signals", "        signal.signal(number, signal.SIG_IGN)\n", "        pass\n", "signals are the pool's", "tests/inference/test_pool.py::test_signals_to_the_group_do_not_end_a_clip"),
    M("parent", "    end_with(parent_pid)\n    from", "    from", "a process ends with the pool", "tests/inference/test_pool.py::test_processes_end_with_the_pool_even_in_the_middle_of_a_clip"),
)

PROCESS = room(
    "stream/inference/process.py",
    "tests/inference/test_pool.py",
    M("environment", "for name, value in os.environ.items() if name in PASSED_ON}", "for name, value in os.environ.items()}", "a process knows no secret", "tests/inference/test_pool.py::test_a_process_knows_no_secret_of_ours_and_has_one_thread"),
    M("threads", '    "OMP_NUM_THREADS": "1",\n', "", "one thread a process", "tests/inference/test_pool.py::test_a_process_knows_no_secret_of_ours_and_has_one_thread"),
    M("hub-off", '    "HF_HUB_OFFLINE": "1",\n', "", "no library asks a hub", "tests/inference/test_pool.py"),
    M("telemetry-off", '    "HF_HUB_DISABLE_TELEMETRY": "1",\n', "", "no library reports", "tests/inference/test_pool.py"),
    M("metrics-off", '    "PYANNOTE_METRICS_ENABLED": "0",\n', "", "no library reports", "tests/inference/test_pool.py"),
    M("transformers-off", '    "TRANSFORMERS_OFFLINE": "1",\n', "", "no library asks a hub", "tests/inference/test_pool.py"),
    M("time-limit", "        async with asyncio.timeout(limit_s):\n            await self._write(frames.job_frame(job))\n            answer = await self._read()\n", "        await self._write(frames.job_frame(job))\n        answer = await self._read()\n", "a clip has its time", "tests/inference/test_pool.py::test_a_clip_that_hangs_is_withheld_and_its_process_replaced"),
    M("coordinates", "return frames.outcome_of(answer, job.coordinates)", "return frames.outcome_of(answer, type(job.coordinates)(\"\", 0, 0))", "an outcome is for the job that was asked", "tests/inference/test_pool.py::test_a_job_gets_its_own_outcome"),
    M("stderr", "stderr=asyncio.subprocess.DEVNULL,", "stderr=None,", "a library's last words go nowhere", "tests/inference/test_pool.py::test_what_a_library_prints_goes_nowhere"),
    M("kill", "                os.killpg(self._process.pid, signal.SIGKILL)\n", "                self._process.terminate()\n", "a process that hangs is killed", "tests/inference/test_pool.py::test_stopping_ends_busy_processes tests/inference/test_pool.py::test_a_clip_that_hangs_is_withheld_and_its_process_replaced"),
    M("start-limit", "            async with asyncio.timeout(limit_s):\n                await process._write(", "            async with asyncio.timeout(None):\n                await process._write(", "a start has its time", "tests/inference/test_pool.py::test_a_model_that_cant_be_loaded_ends_the_start"),
)

POOL = room(
    "stream/inference/pool.py",
    "tests/inference/test_pool.py",
    M("timed-out", "reason = Reason.TIMED_OUT\n", "reason = None\n            result = Withheld(job.coordinates, Reason.INTERNAL_ERROR, self._policy_version)\n", "a process that hangs is replaced", "tests/inference/test_pool.py::test_a_clip_that_hangs_is_withheld_and_its_process_replaced"),
    M("recycled", "while process.served < self._limits.recycle_clips or self._replacing:", "while True:", "processes are recycled", "tests/inference/test_pool.py::test_processes_are_recycled"),
    M("not-all", "while process.served < self._limits.recycle_clips or self._replacing:", "while process.served < self._limits.recycle_clips:", "not all at once", "tests/inference/test_pool.py::test_processes_of_a_pool_are_not_recycled_all_at_once"),
    M("told", 'model_dump(mode="json", include=set(TOLD))', 'model_dump(mode="json")', "a process is told what it needs alone", "tests/inference/test_pool.py tests/inference/test_owner.py tests/test_config.py"),
    M("secrets", "told = settings.without_secrets().model_dump(", "told = settings.model_dump(", "a process is told no secret", "tests/inference/test_pool.py tests/inference/test_owner.py tests/test_config.py"),
    M("done-already", "                if outcome.done():  # nobody waits for it any more\n                    continue\n", "", "nobody hears for nobody", "tests/inference/test_pool.py::test_a_cancelled_job_does_not_disturb_the_next"),
    M("slot-failure", "            self._failed.set()\n", "            pass\n", "a slot that ends is noticed", "tests/inference/test_pool.py::test_an_unforeseen_error_in_a_slot_ends_the_pool"),
)

FRAMES = room(
    "stream/inference/frames.py",
    "tests/inference/test_frames.py",
    M("bounds", "    if header > HEADER_BYTES_MAX or body > BODY_BYTES_MAX:\n        raise MalformedFrame\n", "", "frames are bounded", quick=True),
    M("fault-name", 'fault if isinstance(fault, str) and fault.isidentifier() and len(fault) <= 100 else ""', 'str(fault)', "a fault is a class name or nothing"),
    M("escalated", "not isinstance(escalated, bool)\n                or", "False\n                or", "an outcome is one of ours"),
    M("critical-reason", "or (reason is Reason.CRITICAL) != bool(critical)", "", "an outcome is one of ours"),
    M("escalated-uncritical", "or escalated > bool(critical)", "", "an outcome is one of ours"),
    M("no-object", "    if not isinstance(values, dict):\n        raise MalformedFrame\n", "", "a header is an object"),
    M("message-bound", "str(error)[:500]", "str(error)", "why a process is not ready is bounded"),
    M("shown", "    header: Mapping[str, Any] = field(repr=False)\n", "    header: Mapping[str, Any] = field()\n", "frames print nothing of what they hold"),
)

REMOTE = room(
    "stream/inference/remote.py",
    "tests/inference/test_owner.py",
    M("question", "        if not answers(answer, question):\n            raise MalformedFrame\n", "", "an answer is to this question", "tests/inference/test_owner.py::test_an_answer_to_another_question_is_refused"),
    M("hang-up", "                begun = self._hang_up()\n", "                begun = False\n", "an answer that comes too late is nobody's", "tests/inference/test_owner.py::test_an_answer_that_comes_too_late_is_nobodys"),
)

OWNER = room(
    "stream/inference/owner.py",
    "tests/inference/test_owner.py::test_a_batch_is_what_waits_within_bounds"
    " tests/inference/test_owner.py::test_a_batch_that_fails_is_heard_clip_by_clip"
    " tests/inference/test_owner.py::test_an_owner_that_hangs_gives_up"
    " tests/inference/test_owner.py::test_an_owner_that_hears_nobody_any_more_gives_up",
    M("memory", "if asked.alone or longest * (len(batch) + 1) > BATCH_SAMPLES_MAX:", "if asked.alone:", "a batch is bounded"),
    M("alone", "while not first.alone and len(batch) < BATCH_CLIPS_MAX:", "while len(batch) < BATCH_CLIPS_MAX:", "who wants to be alone is"),
    M("watch", "            watch.start()\n", "", "an owner that hangs gives up"),
    M("failed", "while failed < FAILED_MAX:", "while True:", "an owner that hears nobody gives up"),
)

SPEAKERS = room(
    "stream/find/speakers/__init__.py",
    "tests/find/speakers/test_builtin.py::test_telemetry_and_hub_are_off_before_pyannote_is_imported",
    M("metrics", 'os.environ["PYANNOTE_METRICS_ENABLED"] = "0"\n', "", "pyannote reports nothing"),
    M("hub", 'os.environ["HF_HUB_OFFLINE"] = "1"\n', "", "pyannote asks no hub"),
)

FINGERPRINT = room(
    "stream/find/fingerprint.py",
    "tests/find/speakers/test_pyannote_pipeline.py::test_a_directory_that_is_not_the_pinned_one_is_never_unpickled"
    " tests/find/speakers/test_pyannote_pipeline.py::test_an_added_file_changes_the_fingerprint",
    M("pinned", "    if fingerprint(files) != sha256:\n", "    if False:\n", "no other model is ever loaded"),
    M("names", '{hashlib.sha256(content).hexdigest()}  {path}\\n" for path', '{hashlib.sha256(content).hexdigest()}\\n" for path', "a file's name counts"),
)

NET = room(
    "stream/find/speakers/net.py",
    "tests/find/speakers/test_net.py::test_changed_weights_are_refused",
    M("pinned", '    if hashlib.sha256(weights).hexdigest() != described["sha256"]:\n', "    if False:\n", "no other weights are ever loaded"),
)

BUILTIN = room(
    "stream/find/speakers/builtin.py",
    "tests/find/speakers/test_builtin.py",
    M("pinned", "        if sha256 and sha256 != self._version:\n", "        if False:\n", "the model is the one that the settings name"),
    M("finite", "    if not np.isfinite(samples).all():  # the model would answer all the same\n        return Refusal(Reason.AUDIO_NOT_FINITE)\n", "", "sound is finite"),
    M("short", "    if len(samples) < SAMPLES_MIN:\n        return Refusal(Reason.AUDIO_TOO_SHORT)\n", "", "next to nothing is refused"),
    M("numbers", "    if not (np.isfinite(probabilities).all() and np.isfinite(clip).all()):\n        return Refusal(Reason.DETECTOR_FAILED)\n", "", "a model without numbers withholds"),
    M("nobody", "main=MAIN_LABEL if kept.any() else None,", "main=MAIN_LABEL,", "nobody surely main is nobody"),
)

PINNED = room(
    "stream/config/base.py",
    "tests/test_config.py tests/find/speakers/test_builtin.py::test_a_model_directory_of_the_settings_must_be_pinned",
    M("needed", "    if named and not sha256:\n", "    if False:\n", "a model directory is pinned"),
    M("frozen", "frozen=True, extra=\"forbid\"", "extra=\"forbid\"", "settings are frozen"),
    M("unknown", "frozen=True, extra=\"forbid\"", "frozen=True, extra=\"ignore\"", "a misspelt setting is refused"),
    M("values-hidden", "hide_input_in_errors=True", "hide_input_in_errors=False", "no problem tells a value"),
)

SECRETS = room(
    "stream/config/sections.py",
    "tests/test_config.py",
    M("without-secrets", "return Settings(speakers=self.speakers, names=self.names, recogniser=self.recogniser, policy=self.policy)", "return self", "an inference process is told no secret"),
)

MAIN = room(
    "stream/__main__.py",
    "tests/commands/test_cli.py::test_an_unexpected_exception_is_told_without_its_message",
    M("message", "clipveil: unexpected {about['error']} at", "clipveil: unexpected {error} at", "no exception's message is told"),
    M("caught", "    except Exception as error:  # noqa: BLE001 - told by class and place\n", "    except KeyError as error:\n", "no traceback is printed"),
)

MUTANTS = (
    *(LOG + METRICS + HARDENING + CHILD + PROCESS + POOL + FRAMES + REMOTE + OWNER),
    *(SPEAKERS + FINGERPRINT + NET + BUILTIN + PINNED + SECRETS + MAIN),
)
