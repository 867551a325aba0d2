"""The settings of audio that does not lie in the records."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from stream.config.base import Count, Seconds, Section, read_secret, split
from stream.objects import NoPlace, Place

Prefixes = Annotated[tuple[str, ...], NoDecode, BeforeValidator(split)]


class ObjectsSettings(Section):
    """Audio in an object store (S3, GCS, Azure) or a folder: see docs/objects.md. Neither is used by default."""

    sources: Prefixes = ()
    """Prefixes, comma-separated, below which audio may lie that events only name: `s3://bucket/folder/`, \
`gs://bucket/`, `az://container/`, `file:///srv/clips/`. A clip whose audio lies anywhere else is withheld."""
    output: str | None = None
    """Prefix below which the audio of published clips is put that is too large for a record. Inside no source."""
    inline_bytes_max: Count = 1024 * 1024
    """Larger audio of a published clip (FLAC, encoded) is put into `output`, where that is set."""
    object_bytes_max: Count = 8 * 1024 * 1024
    """Larger audio is not fetched, and its clip is withheld."""
    requests_max: Count = 8
    """Most objects that are fetched or put at once."""
    request_seconds_max: Seconds = 30.0
    """A request that takes longer has failed, and is made again."""
    endpoint: str | None = Field(default=None, pattern=r"^https?://[^@\s?#]+$")
    """Of a store that speaks S3 and is not Amazon's, such as `https://minio.example:9000`."""
    region: str = "us-east-1"
    """Of the S3 buckets."""
    access_key_id: str | None = None
    """For S3. Without one, credentials come from where Amazon's own clients look for them: `AWS_*` variables, a web \
identity token, the instance. Those of GCS and Azure always do: see docs/objects.md."""
    secret_access_key: SecretStr | None = None
    """For S3, with `access_key_id`."""
    secret_access_key_file: Path | None = None
    """File that holds it, in place of `secret_access_key`."""
    azure_account: str | None = None
    """The storage account of the `az://` containers."""
    encryption: Literal["", "AES256", "aws:kms", "aws:kms:dsse"] = ""
    """Server-side encryption that S3 is asked for with every object that is put; empty: the bucket's default."""
    kms_key_id: str = ""
    """The key of `aws:kms`; empty: the account's default."""
    ca_file: Path | None = None
    """Certificates (PEM) that may vouch for the store, beside the well-known ones."""

    def problems(self) -> Iterator[tuple[str, str]]:
        for name, prefix in chain(
            (("sources", each) for each in self.sources), (("output", each) for each in self._out)
        ):
            try:
                Place.of(prefix)
            except NoPlace as error:
                yield name, str(error)
                return
        if any(out.overlaps(source) for out in map(Place.of, self._out) for source in self.places):
            yield "output", "must neither lie inside a source nor hold one: what is published is no input"
        if self.secret_access_key is not None and self.secret_access_key_file is not None:
            yield "secret_access_key", "excludes secret_access_key_file"
        if (self.access_key_id is None) != (self.secret_access_key is None and self.secret_access_key_file is None):
            yield "access_key_id", "goes together with secret_access_key (or secret_access_key_file)"
        if self.kms_key_id and not self.encryption.startswith("aws:kms"):
            yield "kms_key_id", "needs encryption aws:kms or aws:kms:dsse"

    @property
    def places(self) -> tuple[Place, ...]:
        """Below which audio may lie that events name."""
        return tuple(map(Place.of, self.sources))

    @property
    def _out(self) -> tuple[str, ...]:
        return () if self.output is None else (self.output,)

    def secret(self) -> str | None:
        """From wherever it is set. Raises ConfigError."""
        if self.secret_access_key_file is not None:
            return read_secret("objects.secret_access_key_file", self.secret_access_key_file)
        return None if self.secret_access_key is None else self.secret_access_key.get_secret_value()
