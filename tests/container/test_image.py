"""The image, built and run as in a cluster: where a builder is at hand, and always by ``make image-test``."""

from __future__ import annotations

import base64
import os
import stat
from contextlib import suppress
from importlib.metadata import distributions
from pathlib import Path

import httpx
import pytest
import yaml

from stream.wire.kafka import KafkaBroker, KafkaConnection
from tests.container import box
from tests.container.builder import Image
from tests.contract.stand_ins import Topics, everything, until
from tests.helm.chart import ROOT
from tests.helm.release import PARTITIONS, ready, send_clips
from tests.kafka.properties import free_ports
from tests.registry_server import serving

SITE = "/opt/clipveil/lib/python3.11/site-packages"
VARIANTS = ("image", "cpu_image")
INSTALLERS = "import importlib.util as u; print([m for m in ('pip', 'ensurepip', 'wheel') if u.find_spec(m)])"
TOOLS = ("pip", "pip3", "pip3.11", "uv", "gcc", "cc", "g++", "make", "ld", "git", "curl", "wget")

pytestmark = pytest.mark.timeout(3000)


@pytest.fixture(name="built", params=VARIANTS)
def _built(request: pytest.FixtureRequest) -> Image:
    """Either variant."""
    image = request.getfixturevalue(request.param)
    assert isinstance(image, Image)
    return image


def test_the_command_runs_in_a_closed_container(built: Image) -> None:
    """With no capability, no network and nothing but /tmp to write to, the command answers."""
    assert (0, "clipveil 0.1.0\n") == box.told(built, "--version")
    code, text = box.told(built, "run", "--help")
    assert 0 == code
    assert "De-identify clip events from Kafka" in text


def test_it_is_nobody(built: Image) -> None:
    """The process is user 10001 of group 10001, in /tmp, and can write there and nowhere else."""
    program = (
        "import os; print(os.getuid(), os.getgid(), os.getcwd())\n"
        "open('/tmp/x', 'w')\n"
        "for place in ('/opt/clipveil/x', '/usr/share/licenses/x', '/x'):\n"
        "    try: open(place, 'w')\n"
        "    except OSError: print('refused')\n"
    )
    assert (0, "10001 10001 /tmp\nrefused\nrefused\nrefused\n") == box.told(built, "-c", program, entrypoint=["python"])


def test_nothing_in_it_belongs_to_the_user_or_raises_rights(built: Image) -> None:
    """No file of the application is writable by the user that runs it, so the root need not be read-only for that."""
    files = [path for path in built.path("/opt").rglob("*") if not path.is_symlink()]
    assert len(files) > 1000
    wrong = [
        path for path in files if path.stat().st_uid == 10001 or path.stat().st_mode & (stat.S_IWOTH | stat.S_ISUID)
    ]
    assert [] == wrong


@pytest.mark.parametrize("python", ["python", "/usr/local/bin/python"])
def test_nothing_installs(built: Image, python: str) -> None:
    """Neither Python has pip, nor the copy that would restore it."""
    assert (0, "[]\n") == box.told(built, "-c", INSTALLERS, entrypoint=[python])


def test_no_build_tools(built: Image) -> None:
    """No compiler, no installer and no downloader is in the path of the image."""
    (path,) = [line.removeprefix("PATH=") for line in built.config["Env"] if line.startswith("PATH=")]
    found = [
        f"{place}/{tool}"
        for place in path.split(":")
        for tool in TOOLS
        if os.path.lexists(built.path(f"{place}/{tool}"))
    ]
    assert [] == found


def test_models_and_licences_are_inside(built: Image) -> None:
    """Each installed package has a text below /usr/share/licenses; so have clipveil and its models."""
    folder = built.path("/usr/share/licenses")
    rows = [line.split("\t") for line in (folder / "PACKAGES.tsv").read_text(encoding="utf-8").splitlines()[1:]]
    installed = {(each.name, each.version) for each in distributions(path=[str(built.path(SITE))])}
    assert len(installed) == len(rows)
    assert [] == [name for name, version, _ in rows if not list((folder / f"{name}-{version}").iterdir())]
    ours = {path.name for path in (folder / "clipveil-0.1.0").iterdir()}
    assert any(name.endswith("LICENSE") for name in ours)
    assert any(name.endswith("MODEL_CARD.md") for name in ours)
    assert any("names" in name and name.endswith("README.md") for name in ours)
    for model in ("speakers/weights.safetensors", "names/names.safetensors"):
        there = built.path(f"{SITE}/stream/models/{model}").read_bytes()
        assert (ROOT / "stream" / "models" / model).read_bytes() == there


def test_the_locked_versions_are_inside(cpu_image: Image) -> None:
    """The variant for CPUs has its own PyTorch, and none of CUDA's packages."""
    installed = {each.name.lower(): each.version for each in distributions(path=[str(cpu_image.path(SITE))])}
    assert "2.11.0+cpu" == installed["torch"]
    assert "2.11.0+cpu" == installed["torchaudio"]
    assert [] == [name for name in installed if name.startswith(("nvidia", "cuda", "triton"))]


@pytest.mark.parametrize("user", [None, "23456:0"])
def test_the_demo_runs_inside(image: Image, user: str | None) -> None:
    """Real clips go through the real models in a closed container, and every check of the demo holds; for the image's
    user, and for one of whom the image knows nothing, as some clusters assign them."""
    code, text = box.told(image, "demo", "--out", "/tmp/demo", timeout=900, user=user)
    assert 0 == code, text[-3000:]


async def test_the_service_hears_clips_in_it(
    image: Image, cluster: KafkaBroker, connection: KafkaConnection, topics: Topics, tmp_path: Path
) -> None:
    """The image's own command hears clips from a real Kafka; the health check follows it; SIGTERM ends it with 0."""
    [port] = free_ports(1)
    with serving(tmp_path / "registry") as registry:
        folder = _settings(tmp_path, connection.bootstrap_servers, topics, registry.url)
        environment = [f"CLIPVEIL_HTTP__PORT={port}", "CLIPVEIL_CONFIG=/etc/clipveil/clipveil.yaml"]
        with box.started(image, environment=environment, mounts=[(folder, "/etc/clipveil")], network=True) as container:
            assert container.health() != 0, "it has only begun"

            async def is_ready() -> bool:
                assert container.process.poll() is None, container.said()
                with suppress(httpx.TransportError):
                    return await ready(port)
                return False

            await until(is_ready, 300)
            assert 0 == container.health()
            sent = await send_clips(cluster, topics.settings().raw, registry.url)

            async def heard() -> bool:
                return len(await everything(cluster, topics.settings().audit)) == sent

            await until(heard, 300)
            assert [record for record in await everything(cluster, topics.settings().anonymized) if record.value]
            assert 0 == container.end(120), container.said()


def _settings(folder: Path, servers: str, topics: Topics, registry: str) -> Path:
    """A folder with settings and a key, as another user of the machine can read it."""
    place = folder / "settings"
    place.mkdir(mode=0o755)
    names = {setting: name for setting, name in topics.settings() if isinstance(name, str)}
    settings = {
        "kafka": {"bootstrap_servers": servers, "group": topics.group},
        "topics": names | {"create": True, "partitions": PARTITIONS},
        "registry": {"url": registry},
        "tokens": {"key_file": "/etc/clipveil/token-key"},
        "engine": {"processes": 1},
    }
    (place / "clipveil.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    (place / "token-key").write_text(base64.b64encode(bytes(range(32))).decode(), encoding="utf-8")
    return place
