"""What start-up would refuse, told before anything is loaded or connected to: every problem, one line each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from stream.commands.failure import WRONG_INPUT, CommandFailed, not_usable
from stream.config import ConfigError, Settings
from stream.lifecycle.keyring import KeyRing

BUILTIN = "builtin"


def check(settings: Settings, *, models: bool = False) -> Callable[[], KeyRing]:
    """The key ring, once everything that the service needs is set and every file named can be read.

    Raises CommandFailed. Costs nothing, so that it comes before models are loaded; ``models`` reads the directories of
    models too and compares their fingerprints.
    """
    found = list(problems(settings))
    if models:
        found += _models(settings)
    if found:
        raise CommandFailed(not_usable(found), WRONG_INPUT)
    return settings.tokens.ring()


def problems(settings: Settings) -> Iterator[str]:
    """What is wrong with settings that are well formed, each with its setting's name first."""
    from stream.commands.connect import NO_REGISTRY, connection_of, registry_tls
    from stream.commands.stores import audio_of
    from stream.commands.tracing import usable

    yield from _told(lambda: _ring(settings))
    yield from _told(lambda: connection_of(settings))
    if settings.registry.url is None and settings.registry.folder is None:
        yield NO_REGISTRY
    elif settings.registry.url is not None:
        yield from _told(lambda: registry_tls(settings))
    yield from _told(lambda: audio_of(settings))
    yield from _told(lambda: usable(settings))
    policy = settings.policy.as_policy()
    yield from _told(lambda: settings.sampling.as_rules(policy.device_families))
    yield from _told(lambda: settings.anonymity.as_rule(policy.audio_seconds_max))
    yield from _languages(settings)


def for_production(settings: Settings) -> Iterator[str]:
    """What serves for trying out and should not stay so, in plain words, one line each; no values."""
    from stream.config.sampling import warnings

    yield from warnings(settings.sampling)
    if settings.kafka.security_protocol.endswith("PLAINTEXT"):
        yield f"kafka.security_protocol: {settings.kafka.security_protocol} sends voices in the clear"
    if settings.registry.url is not None and not settings.registry.url.startswith("https:"):
        yield "registry.url: whoever is between can change a schema; use https"
    if (settings.objects.endpoint or "https:").startswith("http:"):
        yield "objects.endpoint: whoever is between can hear the clips; use https"
    if settings.tokens.ring_file is None:
        yield "tokens.ring_file: a single key can't be rotated, nor destroyed for an epoch alone"
    if settings.topics.create:
        yield "topics.create: topics get default replication, retention and no access control; make them beforehand"


def _told(attempt: Callable[[], object]) -> Iterator[str]:
    try:
        attempt()
    except (ConfigError, CommandFailed) as error:
        yield from str(error).splitlines()


def _ring(settings: Settings) -> None:
    """Raises ConfigError also for keys that are all of another time: every clip would wait."""
    epochs = settings.tokens.ring()().epochs
    if not any(epoch.covers(datetime.now(UTC)) for epoch in epochs):
        raise ConfigError("tokens.ring_file: no epoch covers the present")


def _languages(settings: Settings) -> Iterator[str]:
    """Those for which the finder of words would not start."""
    from stream.find.language import load_language, supported_languages

    of = settings.policy
    if missing := of.languages - supported_languages():
        yield f"policy.languages: there are no word tables for {', '.join(sorted(missing))}"
    candidates = of.languages - of.names_by_phrase - missing
    nameless = sorted(code for code in candidates if not load_language(code).names_modelled)
    if nameless and settings.names.model == BUILTIN:
        yield (
            f"policy.languages: no names model reads {', '.join(nameless)}; set names.model to one that does, or "
            "accept in policy.names_by_phrase that only introduced names are found"
        )


def _models(settings: Settings) -> Iterator[str]:
    from stream.find.fingerprint import ModelRefused, read_pinned

    named = {
        "speakers.model": (settings.speakers.model, settings.speakers.sha256),
        "names.model": (settings.names.model, settings.names.sha256),
        "recogniser.directory": (str(settings.recogniser.directory or BUILTIN), settings.recogniser.sha256),
    }
    for setting, (directory, sha256) in named.items():
        if directory == BUILTIN:
            continue
        try:
            read_pinned(Path(directory), sha256)
        except ModelRefused as error:
            yield f"{setting}: {error}"
        except OSError as error:
            yield f"{setting}: {directory} can't be read ({error.strerror})"
