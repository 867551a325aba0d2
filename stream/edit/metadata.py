"""What the output says of whose clip it was: a token and coarse values. Pure."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC

from stream.clip import ClipEvent, Metadata, TokenKey
from stream.policy import Policy, language


def anonymize(event: ClipEvent, policy: Policy, key: TokenKey) -> Metadata:
    """Only what is named here leaves; the token can't be undone without ``key``."""
    return Metadata(
        token=clip_token(event.clip_id, key),
        campaign=key.campaign,
        key_epoch=key.epoch,
        captured_hour=event.captured_at.astimezone(UTC).replace(minute=0, second=0, microsecond=0),
        language=language(event.locale),
        device_family=policy.device_families.get(event.device_model.lower(), "other"),
    )


def clip_token(clip_id: str, key: TokenKey) -> str:
    """HMAC-SHA-256 (RFC 2104) of the clip id, as 32 hex digits; campaign and epoch are bound in, with their lengths,
    so that two campaigns or epochs that share a secret by mistake still give unrelated tokens."""
    parts = ("clip", key.campaign, key.epoch, clip_id)
    message = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)
    return hmac.new(key.secret, message, hashlib.sha256).hexdigest()[:32]
