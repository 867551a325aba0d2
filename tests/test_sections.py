"""What every section of the settings promises."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from stream.config.base import Section


class Careful(Section):
    """A section of one setting."""

    size: int = 1


@pytest.mark.parametrize("values", [{"size": "canary"}, {"size": 1, "more": "canary"}])
def test_no_error_of_a_section_shows_a_value(values: dict[str, object]) -> None:
    """Whoever prints one, be it by an exception that nobody caught: a value may be a secret in the wrong place."""
    with pytest.raises(ValidationError) as caught:
        Careful.model_validate(values)
    assert "canary" not in f"{caught.value} {caught.value!r}"
