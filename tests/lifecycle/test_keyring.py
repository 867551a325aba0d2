"""Keys: which one a clip gets, what is derived from it, and what is left once it is destroyed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
from datetime import UTC, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from stream.clip import Reason, Refusal, TokenKey
from stream.lifecycle.keyring import KeyRing, Scope, account_token, clip_token, derived, epoch_of, single_ring
from stream.lifecycle.ring_file import FILE_BYTES_MAX, RingBroken, RingFile, parse_ring

SECRETS = {name: bytes([number]) * 32 for number, name in enumerate(("account", "w48", "w49", "other"), 1)}
TEXTS = {name: base64.b64encode(secret).decode() for name, secret in SECRETS.items()}
W48 = f"  - {{id: w48, from: 2026-11-23T00:00:00Z, until: 2026-12-02T00:00:00Z, key: {TEXTS['w48']}}}\n"
W49 = f"  - {{id: w49, from: '2026-11-30T00:00:00Z', key: {TEXTS['w49']}}}\n"
HEAD = f"campaign: spring\naccount_key: {TEXTS['account']}\nepochs:\n"
RING = parse_ring(HEAD + W48 + W49)


def at(day: int, hour: int = 0) -> datetime:
    """A moment of November 2026."""
    return datetime(2026, 11, day, hour, tzinfo=UTC)


def epoch_at(moment: datetime, ring: KeyRing = RING) -> str | Reason:
    try:
        return ring.key_for(moment).epoch
    except Refusal as refusal:
        return refusal.reason


# ------------------------------------------------------------------ which key
@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (at(22, 23), Reason.KEY_MISSING),
        (at(23), "w48"),
        (at(29, 23), "w48"),
        (at(30), "w49"),  # both cover it
        (datetime(2026, 12, 1, 23, tzinfo=UTC), "w49"),
        (datetime(2030, 1, 1, tzinfo=UTC), "w49"),  # without end
    ],
)
def test_a_clip_gets_the_newest_key_that_covers_its_recording(moment: datetime, expected: str | Reason) -> None:
    """By the time of the recording, whenever the record comes; without a key it is withheld."""
    assert expected == epoch_at(moment)


def test_until_is_the_first_moment_without_the_key() -> None:
    """Epochs that follow each other need not overlap."""
    alone = parse_ring(HEAD + W48)
    assert "w48" == epoch_at(datetime(2026, 12, 1, 23, 59, 59, tzinfo=UTC), alone)
    assert Reason.KEY_MISSING == epoch_at(datetime(2026, 12, 2, tzinfo=UTC), alone)


def test_the_order_in_the_file_does_not_matter() -> None:
    """A ring that is written the other way round gives the same tokens."""
    turned = parse_ring(HEAD + W49 + W48)
    assert RING.key_for(at(30)) == turned.key_for(at(30))


def test_one_key_serves_all_times() -> None:
    """A single key in the settings is a ring of one epoch without bounds."""
    ring = single_ring("spring", "1", SECRETS["w48"])
    assert ["1", "1"] == [epoch_at(datetime(year, 1, 1, tzinfo=UTC), ring) for year in (2000, 2099)]


# ------------------------------------------------------------------ tokens
KEY = TokenKey("spring", "w48", SECRETS["w48"])


def test_tokens_repeat_for_the_same_clip_and_key_only() -> None:
    """A replay gives the same token; another clip, campaign, epoch, secret or kind gives another one."""
    tokens = [
        clip_token("clip-1", KEY),
        clip_token("clip-2", KEY),
        clip_token("clip-1", TokenKey("summer", "w48", KEY.secret)),
        clip_token("clip-1", TokenKey("spring", "w49", KEY.secret)),
        clip_token("clip-1", TokenKey("spring", "w48", SECRETS["w49"])),
        account_token("clip-1", KEY),
    ]
    assert tokens[0] == clip_token("clip-1", KEY)
    assert len(tokens) == len(set(tokens))
    assert all(len(token) == 32 and int(token, 16) >= 0 for token in tokens)


def test_borders_are_bound_in() -> None:
    """Campaign ``ab`` with epoch ``c`` is not campaign ``a`` with epoch ``bc``."""
    left = clip_token("x", TokenKey("ab", "c", KEY.secret))
    right = clip_token("x", TokenKey("a", "bc", KEY.secret))
    assert left != right


def test_two_epochs_or_campaigns_never_join() -> None:
    """One clip, one account: not a token, a seal or a MAC in common, though both rings have the same secrets."""

    def everything(campaign: str, name: str) -> set[object]:
        ring = single_ring(campaign, name, SECRETS["w48"])
        key = ring.key_for(at(23))
        return {clip_token("c", key), account_token("a", key), key.secret, ring.seal_key(name)}

    for one, other in itertools.combinations([("spring", "1"), ("spring", "2"), ("summer", "1")], 2):
        assert set() == everything(*one) & everything(*other)
    spring, summer = (single_ring(campaign, "1", SECRETS["w48"]) for campaign in ("spring", "summer"))
    assert spring.account_mac("a") != summer.account_mac("a")
    assert spring.sampling_key() != summer.sampling_key()


# ------------------------------------------------------------------ purposes
def test_every_purpose_has_a_key_of_its_own() -> None:
    """None of them is the secret, or another purpose's, and whoever has one can't make the others."""
    token, seal = RING.key_for(at(23)).secret, RING.seal_key("w48")
    keys = [token, seal, RING.seal_key("w49"), RING.sampling_key(), RING.account_key, *SECRETS.values()]
    assert len(keys) == len(set(keys))
    assert {32} == {len(key) for key in keys}


def test_an_accounts_mac_is_made_by_no_other_purposes_key() -> None:
    """Neither by the account key that others are derived from, nor by the one that picks clips."""
    others = (RING.account_key, RING.sampling_key(), *SECRETS.values())
    macs = [hmac.new(key, b"acct-1", hashlib.sha256).digest()[:16] for key in others]
    assert RING.account_mac("acct-1") not in macs


def test_derivation_is_hkdf_of_rfc_5869() -> None:
    """Recomputed here from HMAC alone: extract with no salt, expand once."""
    info = b"".join(len(part).to_bytes(4, "big") + part for part in (b"clipveil", b"seal", b"spring", b"w48"))
    extracted = hmac.new(bytes(32), SECRETS["w48"], hashlib.sha256).digest()
    expected = hmac.new(extracted, info + b"\x01", hashlib.sha256).digest()
    assert expected == derived(SECRETS["w48"], "seal", "spring", "w48") == RING.seal_key("w48")


def test_an_account_keeps_its_mac_when_the_epoch_changes() -> None:
    """Recalls and picks must outlive a rotation; 16 bytes that differ by account."""
    later = parse_ring(HEAD + W49)
    assert 16 == len(RING.account_mac("acct-1"))
    assert RING.account_mac("acct-1") == later.account_mac("acct-1")
    assert RING.account_mac("acct-1") != RING.account_mac("acct-2")
    assert RING.sampling_key() == later.sampling_key()


def test_nothing_shows_a_key() -> None:
    """A ring that is printed or logged by accident has no key in it, in any way of writing bytes."""
    shown = repr(RING) + repr(RING.key_for(at(23)))
    keys = [RING.account_key, *(key for epoch in RING.epochs for key in (epoch.seal_key, epoch.token_key.secret))]
    for key in keys:
        assert repr(key)[2:-1] not in shown
        assert key.hex() not in shown


# ------------------------------------------------------------------ destroying a key
def test_a_destroyed_key_is_gone() -> None:
    """Without the epoch neither its tokens nor its seals can be made, not even with all that the ring has left."""
    old = parse_ring(HEAD + W48 + W49)
    token, seal = clip_token("clip-1", old.key_for(at(24))), old.seal_key("w48")
    left = parse_ring(HEAD + W49)
    assert Reason.KEY_MISSING == epoch_at(at(24), left)
    with pytest.raises(Refusal):
        left.seal_key("w48")
    keys = [left.account_key, left.sampling_key(), left.seal_key("w49"), left.key_for(at(30)).secret]
    named = [("token", "spring", "w48"), ("seal", "spring", "w48")]
    assert seal not in [derived(key, *purpose) for key in keys for purpose in named]
    assert token not in [clip_token("clip-1", TokenKey("spring", "w48", key)) for key in keys]
    again = [clip_token("clip-1", TokenKey("spring", "w48", derived(key, "token", "spring", "w48"))) for key in keys]
    assert token not in again


def test_a_ring_keeps_no_secret() -> None:
    """What was derived can't be traced back: the secret is in no attribute."""
    ring = single_ring("spring", "1", SECRETS["w48"])
    assert SECRETS["w48"] not in [ring.account_key, ring.seal_key("1"), ring.key_for(at(23)).secret]


# ------------------------------------------------------------------ the file's text
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "needs campaign"),
        ("a: [", "is not YAML (line 1)"),
        (HEAD, "epochs: needs a list"),
        (HEAD + "  []\n", "epochs: has none"),
        (HEAD + "  - w48\n", "epochs: needs a list"),
        (HEAD + W48.replace("w48,", "2026,"), "epoch 1, id: needs 1 to 64"),
        (HEAD + W48 + W48, "epoch w48, id: is that of another epoch too"),
        (HEAD + W48.replace(TEXTS["w48"], "'?'"), "epoch w48, key: is not base64"),
        (HEAD + "  - {id: w48}\n", "epoch w48, key: needs base64 of at least 32"),
        (HEAD + W48.replace(TEXTS["w48"], base64.b64encode(bytes(31)).decode()), "epoch w48, key: needs base64 of"),
        (HEAD + W48 + W49.replace(TEXTS["w49"], TEXTS["w48"]), "epoch w49, key: is the key of something else"),
        (HEAD + W48.replace(TEXTS["w48"], TEXTS["account"]), "epoch w48, key: is the key of something else"),
        (HEAD + W48.replace("until", "untill"), "epoch w48, 1 unknown fields"),
        (HEAD + W48.replace("00Z, until", "00, until"), "epoch w48, from: needs a time in UTC"),
        (HEAD + W48.replace("00Z, until", "00+01:00, until"), "epoch w48, from: needs a time in UTC"),
        (HEAD + W48.replace("2026-12-02", "2026-11-23"), "epoch w48, until: must be later"),
        ("scope: house\n" + HEAD + W48, "scope: must be clip or account"),
        ("salt: x\n" + HEAD + W48, "1 unknown fields"),
        (HEAD.replace("campaign: spring\n", "") + W48, "campaign: needs"),
        (HEAD.replace("account_key", "epoch_key") + W48, "account_key: needs base64"),
    ],
)
def test_a_broken_ring_says_where(text: str, expected: str) -> None:
    """Epoch and field, and no key."""
    with pytest.raises(RingBroken) as caught:
        parse_ring(text)
    assert expected in str(caught.value)
    for secret in TEXTS.values():
        assert secret not in str(caught.value) + repr(caught.value)


def test_a_key_in_the_wrong_place_is_not_repeated() -> None:
    """Whether it stands where a name, a time, a scope or a field belongs."""
    key = base64.b64encode(b"q" * 33).decode()  # without padding: it looks like a name
    for text in (
        HEAD + W48.replace("w48", key).replace("key:", "kez:"),
        HEAD + W48.replace("2026-11-23T00:00:00Z", key),
        f"scope: {key}\n{key}: 1\n" + HEAD + W48,
        f"{key}: {{{key}\n",
        HEAD + f"  {key}\n",
    ):
        with pytest.raises(RingBroken) as caught:
            parse_ring(text)
        assert key not in str(caught.value) + repr(caught.value)


def test_scope_is_clip_unless_it_says_account() -> None:
    """Two clips of one account can't be linked by default."""
    assert Scope.CLIP == RING.scope
    assert Scope.ACCOUNT == parse_ring("scope: account\n" + HEAD + W48).scope


# ------------------------------------------------------------------ the file itself
class Mounted:
    """A key ring as Kubernetes mounts a secret: a link to a link to a folder, which is replaced in one step."""

    def __init__(self, folder: Path) -> None:
        self.path, self._folder, self._version, self.now = folder / "ring.yaml", folder, 0, 0.0
        self.path.symlink_to("..data/ring.yaml")

    def write(self, text: str) -> None:
        self._version += 1
        version = self._folder / f"..{self._version}"
        version.mkdir()
        (version / "ring.yaml").write_text(text)
        (self._folder / "..new").symlink_to(version.name)
        (self._folder / "..new").replace(self._folder / "..data")
        self.now += 1.0

    def follow(self) -> RingFile:
        return RingFile(self.path, lambda: self.now)


@pytest.fixture
def mounted(tmp_path: Path) -> Mounted:
    made = Mounted(tmp_path)
    made.write(HEAD + W48)
    return made


def names(file: RingFile) -> list[str]:
    return [epoch.id for epoch in file.current().epochs]


def test_a_new_epoch_needs_no_restart(mounted: Mounted) -> None:
    """It is there a second after the mounted secret has changed, and the log says so."""
    file = mounted.follow()
    assert ["w48"] == names(file)
    mounted.write(HEAD + W48 + W49)
    with capture_logs() as logs:
        assert ["w48", "w49"] == names(file)
        assert ["w48", "w49"] == names(file)
    assert [("key_ring_loaded", 2)] == [(line["event"], line["epochs"]) for line in logs]


def test_the_file_is_looked_at_once_a_second(mounted: Mounted) -> None:
    """Not for every clip."""
    file = mounted.follow()
    mounted.write(HEAD + W48 + W49)
    mounted.now -= 0.01
    assert ["w48"] == names(file)
    mounted.now += 0.01
    assert ["w48", "w49"] == names(file)


@pytest.mark.parametrize("broken", ["", "a: [", HEAD, "\ufffe", "x" * (FILE_BYTES_MAX + 1)])
def test_a_broken_file_keeps_the_old_ring(mounted: Mounted, broken: str) -> None:
    """And says so once, with no word of what is in it; the next good one counts again."""
    file = mounted.follow()
    mounted.write(broken)
    with capture_logs() as logs:
        assert ["w48"] == names(file)
        mounted.now += 5
        assert ["w48"] == names(file)
    assert ["key_ring_refused"] == [line["event"] for line in logs]
    assert {"event", "log_level", "problems", "epochs"} == set(logs[0])
    mounted.write(HEAD + W49)
    assert ["w49"] == names(file)


@pytest.mark.parametrize("filling", ["#", "\u00e9", "\U0001f600"])
def test_of_a_file_that_is_too_long_no_part_counts(mounted: Mounted, filling: str) -> None:
    """What is read of it is a good ring, and lacks the epochs that come later; also where its characters are few."""
    mounted.write(HEAD + W48 + W49)
    file = mounted.follow()
    before, size = f"{HEAD}{W49}#", len(filling.encode())
    before += "#" * ((FILE_BYTES_MAX + 1 - len(before)) % size)
    mounted.write(before + filling * (FILE_BYTES_MAX // size) + "\n" + W48)
    assert ["w48", "w49"] == names(file)


def test_a_file_that_is_gone_keeps_the_old_ring(mounted: Mounted) -> None:
    """A volume that is not there for a moment destroys no keys."""
    file = mounted.follow()
    mounted.path.unlink()
    mounted.now += 1
    assert ["w48"] == names(file)


def test_a_removed_epoch_is_forgotten(mounted: Mounted) -> None:
    """Its clips are withheld a second later."""
    mounted.write(HEAD + W48 + W49)
    file = mounted.follow()
    mounted.write(HEAD + W49)
    assert Reason.KEY_MISSING == epoch_at(at(24), file.current())


@pytest.mark.parametrize(
    "broken",
    [
        HEAD + W49.replace(TEXTS["w49"], "''"),
        HEAD.replace("spring", "summer") + W49,
        HEAD.replace(TEXTS["account"], TEXTS["other"]) + W49,
        "scope: account\n" + HEAD + W49,
    ],
    ids=["broken key", "campaign", "account key", "scope"],
)
def test_a_removed_epoch_is_forgotten_though_the_file_is_refused(mounted: Mounted, broken: str) -> None:
    """A destroyed key must not live on because of a mistake beside it; the other epoch keeps the key that it had."""
    mounted.write(HEAD + W48 + W49)
    file = mounted.follow()
    before = file.current()
    mounted.write(broken)
    after = file.current()
    assert ["w49"] == names(file)
    assert before.key_for(at(30)) == after.key_for(at(30))
    assert before.account_mac("acct-1") == after.account_mac("acct-1")


def test_an_epoch_never_gets_another_key(mounted: Mounted) -> None:
    """Its clips would get a second token, and what was sealed would not open: neither key counts, the others do."""
    mounted.write(HEAD + W48 + W49)
    file = mounted.follow()
    before = file.current()
    mounted.write(HEAD + W48.replace(TEXTS["w48"], TEXTS["other"]) + W49)
    assert ["w49"] == names(file)
    assert before.key_for(at(30)) == file.current().key_for(at(30))
    assert Reason.KEY_MISSING == epoch_at(at(24), file.current())


def test_the_last_epoch_can_be_destroyed_too(mounted: Mounted) -> None:
    """An empty list is no ring to start with, but it says what is to be forgotten."""
    file = mounted.follow()
    mounted.write(HEAD + "  []\n")
    assert [] == names(file)


def test_nothing_starts_without_a_ring(tmp_path: Path) -> None:
    """A missing file is told, not waited for."""
    with pytest.raises(RingBroken, match="can't be read"):
        RingFile(tmp_path / "ring.yaml")


def test_an_epoch_of_another_campaign_has_other_keys() -> None:
    """The same name and secret in two campaigns."""
    spring, summer = (epoch_of(campaign, "w48", SECRETS["w48"]) for campaign in ("spring", "summer"))
    assert spring.seal_key != summer.seal_key
    assert spring.token_key.secret != summer.token_key.secret
