"""Both brokers, as in the contract suite."""

from tests.contract.conftest import broker, half_commit

__all__ = ["broker", "half_commit"]
