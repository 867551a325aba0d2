import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Sends one recording as a clip event: java -cp 'libs/*' ProduceClip.java clip_event.avsc RECORDING.flac RECORDING.json
 *
 * <p>Where brokers and registry are is in the environment: KAFKA_BOOTSTRAP_SERVERS, SCHEMA_REGISTRY_URL, CLIPS_TOPIC.
 * RECORDING.json stands for what your backend knows. With Confluent's KafkaAvroSerializer at hand, let it do what
 * {@code register} and {@code framed} do here.
 */
public final class ProduceClip {
  private static final ObjectMapper JSON = new ObjectMapper();

  public static void main(String[] arguments) throws Exception {
    Schema schema = new Schema.Parser().parse(Files.readString(Path.of(arguments[0])));
    byte[] sound = Files.readAllBytes(Path.of(arguments[1]));
    JsonNode known = JSON.readTree(Path.of(arguments[2]).toFile());
    String topic = System.getenv().getOrDefault("CLIPS_TOPIC", "clips.raw");

    int id = register(System.getenv("SCHEMA_REGISTRY_URL"), topic + "-value", schema);
    byte[] value = framed(id, clipEvent(schema, sound, known));
    Map<String, Object> settings =
        Map.of(
            "bootstrap.servers", System.getenv("KAFKA_BOOTSTRAP_SERVERS"),
            "enable.idempotence", true,
            "max.request.size", 8 * 1024 * 1024); // a minute of 16 kHz FLAC is about 1.5 MB
    try (var producer = new KafkaProducer<>(settings, new StringSerializer(), new ByteArraySerializer())) {
      // The key: one partition an account, so that its quota is exact and its clips stay in order.
      producer.send(new ProducerRecord<>(topic, known.get("account_id").asText(), value)).get();
    }
  }

  /** A record of the schema clip_event. What is not set has its default; what you don't know, leave out. */
  static GenericRecord clipEvent(Schema schema, byte[] sound, JsonNode known) {
    JsonNode woken = known.get("wake_word");
    return new GenericRecordBuilder(schema)
        .set("event_id", UUID.randomUUID().toString()) // of this message
        .set("clip_id", known.get("clip_id").asText()) // of the recording: the same whenever it is sent again
        .set("captured_at", Instant.now().toEpochMilli())
        .set("account_id", known.get("account_id").asText())
        .set("device_model", known.get("device_model").asText())
        .set("locale", known.get("locale").asText())
        .set( // absent means no
            "consent",
            new GenericRecordBuilder(branch(schema, "consent", "Consent"))
                .set("human_review", known.get("human_review").asBoolean())
                .set("version", "2026-03")
                .build())
        .set( // seconds from the first sample; without one the clip is withheld
            "wake_word",
            new GenericRecordBuilder(branch(schema, "wake_word", "WakeWord"))
                .set("start", woken.get("start").asDouble())
                .set("end", woken.get("end").asDouble())
                .build())
        .set( // the file as it is: WAV, FLAC, Ogg Opus or Vorbis, MP3
            "audio",
            new GenericRecordBuilder(branch(schema, "audio", "InlineAudio"))
                .set("content", ByteBuffer.wrap(sound))
                .set("codec", "flac")
                .build())
        .set("transcripts", List.of(transcript(schema, known.get("words")))) // n best, best first
        .build();
  }

  private static GenericRecord transcript(Schema schema, JsonNode words) {
    Schema transcript = schema.getField("transcripts").schema().getElementType();
    Schema word = transcript.getField("words").schema().getElementType();
    List<GenericRecord> said = new ArrayList<>();
    for (JsonNode one : words) {
      said.add(
          new GenericRecordBuilder(word)
              .set("text", one.get("text").asText())
              .set("start", one.get("start").asDouble())
              .set("end", one.get("end").asDouble())
              .build());
    }
    return new GenericRecordBuilder(transcript).set("confidence", 0.9).set("words", said).build();
  }

  private static Schema branch(Schema schema, String field, String name) {
    return schema.getField(field).schema().getTypes().stream()
        .filter(type -> type.getName().equals(name))
        .findFirst()
        .orElseThrow();
  }

  /** The schema's id; a registry gives the same schema the same id every time. */
  static int register(String registry, String subject, Schema schema) throws Exception {
    String question = JSON.writeValueAsString(Map.of("schema", schema.toString()));
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(registry + "/subjects/" + subject + "/versions"))
            .header("Content-Type", "application/vnd.schemaregistry.v1+json")
            .POST(HttpRequest.BodyPublishers.ofString(question))
            .build();
    HttpResponse<String> answer =
        HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
    if (answer.statusCode() != 200) {
      throw new IllegalStateException("the registry answered " + answer.statusCode());
    }
    return JSON.readTree(answer.body()).get("id").asInt();
  }

  /** The registry's wire format: a zero, the schema's id in four bytes, and the record in Avro's binary encoding. */
  static byte[] framed(int id, GenericRecord event) throws Exception {
    var framed = new ByteArrayOutputStream();
    framed.write(ByteBuffer.allocate(5).put((byte) 0).putInt(id).array());
    BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(framed, null);
    new GenericDatumWriter<GenericRecord>(event.getSchema(), GenericData.get()).write(event, encoder);
    encoder.flush();
    return framed.toByteArray();
  }
}
