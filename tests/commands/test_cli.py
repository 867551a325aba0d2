"""The command line as a person meets it: help that helps, and one line where something is wrong."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stream.__main__ import app
from stream.commands.checking import for_production, problems
from stream.commands.failure import CommandFailed
from stream.config import Settings
from stream.find.pii import make_word_finder

ROOT = Path(__file__).parents[2]
COMMANDS = [
    "run",
    "demo",
    "produce",
    "tail",
    "erase",
    "report",
    "evaluate",
    "train",
    "config",
    "fingerprint",
    "consent",
    "replay",
    "topics",
    "export",
]
HEAVY = {"torch", "pyannote", "presidio_analyzer", "spacy", "aiokafka", "fastavro", "aiohttp", "httpx", "soundfile"}


def clipveil(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs the command without any setting of the person who runs the tests."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("CLIPVEIL_")}
    return subprocess.run(
        [sys.executable, "-m", "stream", *arguments],
        cwd=ROOT,
        env=bare | {"COLUMNS": "120", "NO_COLOR": "1"} | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_help_names_every_command() -> None:
    """``clipveil --help`` and ``clipveil`` alone list what can be done."""
    for arguments in (["--help"], []):
        told = clipveil(*arguments)
        assert [] == [command for command in COMMANDS if not re.search(rf"│ {command} ", told.stdout + told.stderr)]


@pytest.mark.parametrize(
    "command",
    [
        ["run"],
        ["demo"],
        ["produce"],
        ["tail"],
        ["evaluate", "clips"],
        ["evaluate", "words"],
        ["train", "speakers"],
        ["train", "names"],
        ["train", "gazetteer"],
        ["consent", "set"],
        ["config", "show"],
        ["config", "check"],
        ["config", "docs"],
        ["fingerprint"],
    ],
)
def test_every_command_explains_itself(command: list[str]) -> None:
    """Help of a command says what it does and has a text for every option and argument."""
    told = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"}).invoke(app, [*command, "--help"])
    assert 0 == told.exit_code
    rows = [line for line in told.stdout.splitlines() if re.match(r"│ [* ]*(--)?\w", line)]
    assert rows
    assert [] == [row for row in rows if len(re.sub(r"\[.*?\]|<.*?>|│|--[\w/-]+|-\w\b", "", row).split()) < 2]


def test_help_imports_nothing_heavy() -> None:
    """Help comes at once because models and clients are imported by the commands that need them."""
    program = "import sys; sys.argv = ['clipveil', '--help']\nfrom stream.__main__ import main\ntry: main()\n" + (
        f"except SystemExit: print('LOADED', sorted({HEAVY!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert "LOADED []" == done.stdout.splitlines()[-1]


KEY = base64.b64encode(bytes(32)).decode()
BROKEN_CA = {
    "CLIPVEIL_TOKENS__KEY": KEY,
    "CLIPVEIL_KAFKA__SECURITY_PROTOCOL": "SSL",
    "CLIPVEIL_KAFKA__SSL_CA_FILE": "/no/such/ca.pem",
}
GOOD = {"CLIPVEIL_TOKENS__KEY": KEY, "CLIPVEIL_REGISTRY__FOLDER": "docs"}
NO_MODEL = {"CLIPVEIL_NAMES__MODEL": "no-model", "CLIPVEIL_NAMES__SHA256": "0" * 64}
PINNED = {"CLIPVEIL_RECOGNISER__SHA256": "0" * 64}
OTHER_MODEL = {"CLIPVEIL_RECOGNISER__DIRECTORY": "docs", "CLIPVEIL_RECOGNISER__SHA256": "0" * 64}
UNREACHABLE = {"CLIPVEIL_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1", "CLIPVEIL_KAFKA__CONNECT_SECONDS_MAX": "1"}


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "expected"),
    [
        ("run -c no.yaml", {}, 2, "no.yaml: No such file or directory"),
        ("run", {}, 2, "tokens.key: needed"),
        ("run", {"CLIPVEIL_KAFKA__GRUOP": "x"}, 2, "kafka.gruop: unknown setting (did you mean group?)"),
        ("run", {"CLIPVEIL_TOKENS__KEY": KEY}, 2, "registry.url or registry.folder: needed"),
        ("config check", {}, 2, "tokens.key: needed"),
        (
            "config check",
            GOOD | {"CLIPVEIL_POLICY__LANGUAGES": "en,es"},
            2,
            "policy.languages: no names model reads es;",
        ),
        ("run", GOOD | {"CLIPVEIL_POLICY__LANGUAGES": "en,es"}, 2, "policy.languages: no names model reads es;"),
        (
            "config check",
            GOOD | {"CLIPVEIL_KAFKA__BOOTSTRAP_SERVERS": "x"},
            2,
            "kafka.bootstrap_servers: needs host:port",
        ),
        ("config check", GOOD | {"CLIPVEIL_SPEAKERS__SHA256": "0" * 64}, 2, "speakers.sha256: is the fingerprint"),
        ("config check", GOOD | NO_MODEL, 2, "names.model: no model in no-model"),
        ("config check", GOOD | OTHER_MODEL, 2, "recogniser.directory: the model in docs is not the one"),
        ("config check", BROKEN_CA, 2, "kafka.ssl_ca_file: /no/such/ca.pem holds no certificates"),
        ("config show", {"CLIPVEIL_LOG__LEVEL": "LOUD"}, 2, "log.level: must be 'DEBUG', "),
        ("produce no-folder", {}, 2, "no-folder is not a directory"),
        ("produce docs", {}, 2, "there is neither clips.jsonl nor a WAV or FLAC file"),
        ("tail", {}, 2, "registry.url or registry.folder: needed"),
        ("tail", UNREACHABLE | {"CLIPVEIL_REGISTRY__FOLDER": "none"}, 1, "Kafka at 127.0.0.1:1 does not answer"),
        ("evaluate clips no-folder --json x.json", {}, 2, "no-folder is not a directory"),
        ("evaluate clips docs --json x.json", {}, 2, "has neither clips.jsonl nor an RTTM file"),
        ("evaluate clips docs --json no/x.json", {}, 2, "there is no folder for no/x.json"),
        ("evaluate words no.jsonl --json x.json", {}, 2, "no.jsonl is not a file"),
        ("train speakers --corpora no-folder", {}, 2, "no-folder is not a directory"),
        ("train speakers --corpora docs --minutes 1 --steps 1", {}, 2, "exclude each other"),
        ("train names --corpora no-folder", {}, 2, "no-folder is not a directory"),
        ("train gazetteer --corpora no-folder", {}, 2, "no-folder is not a directory"),
        ("fingerprint no-folder", {}, 2, "no-folder is not a directory"),
    ],
)
def test_wrong_input_is_told(
    monkeypatch: pytest.MonkeyPatch, arguments: str, environment: dict[str, str], code: int, expected: str
) -> None:
    """Every command says what is wrong with what it was given, with a fitting exit code."""
    for name in [name for name in os.environ if name.startswith("CLIPVEIL_")]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(ROOT)
    failure = CliRunner().invoke(app, arguments.split()).exception
    assert isinstance(failure, CommandFailed), failure
    assert expected in str(failure)
    assert code == failure.code


def test_a_failure_is_a_line_for_each_problem_and_an_exit_code() -> None:
    """No traceback, nothing on stdout."""
    done = clipveil("run")
    assert (2, "") == (done.returncode, done.stdout)
    assert "clipveil: the settings can't be used:" == done.stderr.splitlines()[0]
    assert (
        ["  tokens.key: needed", "  registry.url or registry.folder: needed"]
        == [
            re.match(r"[^(,;]*\w", line)[0]  # type: ignore[index]
            for line in done.stderr.splitlines()[1:]
        ]
    )


def test_the_check_lists_every_problem() -> None:
    """Key, registry, certificates and languages in one go, each with its setting's name."""
    environment = BROKEN_CA | {"CLIPVEIL_TOKENS__KEY": "short", "CLIPVEIL_POLICY__LANGUAGES": "es"} | NO_MODEL
    done = clipveil("config", "check", **(environment | {"CLIPVEIL_RECOGNISER__DIRECTORY": "no-model"} | PINNED))
    assert [
        "tokens.key",
        "kafka.ssl_ca_file",
        "registry.url or registry.folder",
        "names.model",
        "recogniser.directory",
    ] == [line.strip().partition(":")[0] for line in done.stderr.splitlines()[1:]]


@pytest.mark.parametrize("languages", [{"en"}, {"es"}, {"en", "es"}])
@pytest.mark.parametrize("by_phrase", [set(), {"es"}])
def test_the_check_says_of_languages_what_the_start_says(languages: set[str], by_phrase: set[str]) -> None:
    """Settings pass if and only if the finder of words can be made with them."""
    settings = Settings.model_validate(
        {"policy": {"languages": languages, "names_by_phrase": by_phrase & languages}, "tokens": {"key": KEY}}
    )
    told = [line for line in problems(settings) if line.startswith("policy.")]
    try:
        make_word_finder(settings.policy.languages, names_by_phrase=settings.policy.names_by_phrase)
    except ValueError:
        assert 1 == len(told)
    else:
        assert [] == told


def test_good_settings_are_told(tmp_path: Path) -> None:
    """``config check`` says so, without connecting to anything."""
    done = clipveil("config", "check", CLIPVEIL_TOKENS__KEY=KEY, CLIPVEIL_REGISTRY__FOLDER=str(tmp_path))
    assert (0, "the settings are good\n") == (done.returncode, done.stdout)


def test_what_only_serves_for_trying_out_is_told() -> None:
    """``config check`` names it, setting by setting; settings of production have none of it."""
    trial = Settings.model_validate({"registry": {"url": "http://registry:8081"}, "topics": {"create": True}})
    told = [line.split(":")[0] for line in for_production(trial)]
    of_connections = ["kafka.security_protocol", "registry.url", "tokens.ring_file", "topics.create"]
    assert of_connections == [name for name in told if not name.startswith("sampling.")]
    settled = {
        "kafka": {"security_protocol": "SSL"},
        "registry": {"url": "https://registry:8081"},
        "tokens": {"ring_file": "ring.json"},
        "sampling": {"rate": 0.01, "account_per_day_max": 1, "per_hour_max": 100},
    }
    assert [] == list(for_production(Settings.model_validate(settled)))


def test_settings_are_shown_without_secrets() -> None:
    """``config show`` prints what is in force, and asterisks."""
    done = clipveil("config", "show", CLIPVEIL_KAFKA__SASL_PASSWORD="canary", CLIPVEIL_KAFKA__GROUP="shown")
    assert "group: shown" in done.stdout
    assert "canary" not in done.stdout + done.stderr


def test_an_unexpected_exception_is_told_without_its_message() -> None:
    """Class and place, since the message may quote a clip."""
    program = "\n".join(
        [
            "import sys",
            "from stream.commands import config",
            "sys.argv = ['clipveil', 'config', 'docs']",
            "config.document.__globals__['_lines'] = lambda: int('canary')",
            "from stream.__main__ import main",
            "main()",
        ]
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert 1 == done.returncode
    assert re.fullmatch(r"clipveil: unexpected ValueError at stream\.commands\.config:\d+\n", done.stderr)
