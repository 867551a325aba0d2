"""Every setting, once. A YAML file gives them, the environment overrides them, all are checked first.

A setting ``bootstrap_servers`` of the section ``kafka`` is ``kafka: {bootstrap_servers: ...}`` in the file and
``CLIPVEIL_KAFKA__BOOTSTRAP_SERVERS`` in the environment. What is not a setting is refused, so that a misspelt one
does not silently keep its default. Secrets print as asterisks; ``docs/configuration.md`` is written from the sections.
"""

from stream.config.base import ConfigError, Section
from stream.config.loading import CONFIG_FILE_VARIABLE, PREFIX, load
from stream.config.sections import Settings

__all__ = ["CONFIG_FILE_VARIABLE", "PREFIX", "ConfigError", "Section", "Settings", "load"]
