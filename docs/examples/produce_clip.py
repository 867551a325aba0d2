"""Send one recording as a clip event: python produce_clip.py RECORDING.flac RECORDING.json

Needs: pip install "confluent-kafka[avro,schemaregistry]". Where brokers and registry are is in the environment:
KAFKA_BOOTSTRAP_SERVERS, SCHEMA_REGISTRY_URL, CLIPS_TOPIC. RECORDING.json stands for what your backend knows.
"""

import json
import os
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path

from confluent_kafka import Producer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

SCHEMA = Path(__file__).parents[2] / "schemas" / "clip_event.avsc"  # copy it into your own repository
TOPIC = os.environ.get("CLIPS_TOPIC", "clips.raw")


def clip_event(sound: bytes, known: dict) -> dict:
    """A record of the schema clip_event. What is left out has a default; what you don't know, leave out."""
    return {
        "event_id": str(uuid.uuid4()),  # of this message
        "clip_id": known["clip_id"],  # of the recording: the same whenever it is sent again
        "captured_at": datetime.now(UTC),
        "account_id": known["account_id"],
        "device_model": known["device_model"],
        "locale": known["locale"],
        "consent": {"human_review": known["human_review"], "version": "2026-03"},  # absent means no
        "wake_word": known["wake_word"],  # seconds from the first sample; without one the clip is withheld
        "audio": {"content": sound, "codec": "flac"},  # the file as it is: WAV, FLAC, Ogg Opus or Vorbis, MP3
        "transcripts": [{"confidence": 0.9, "words": known["words"]}],  # n best, best first; seconds, as the wake word
    }


def main(recording: Path, known: dict) -> None:
    registry = SchemaRegistryClient({"url": os.environ["SCHEMA_REGISTRY_URL"]})
    serialize = AvroSerializer(registry, SCHEMA.read_text(encoding="utf-8"))
    producer = Producer(
        {
            "bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"],
            "enable.idempotence": True,
            "message.max.bytes": 8 * 1024 * 1024,  # a minute of 16 kHz FLAC is about 1.5 MB
        }
    )
    refused = []
    producer.produce(
        TOPIC,
        key=known["account_id"].encode(),  # one partition an account: its quota is exact, its clips stay in order
        value=serialize(clip_event(recording.read_bytes(), known), SerializationContext(TOPIC, MessageField.VALUE)),
        on_delivery=lambda error, _: refused.append(error) if error else None,
    )
    if producer.flush(60) or refused:
        sys.exit(f"not delivered: {refused}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text(encoding="utf-8")))
