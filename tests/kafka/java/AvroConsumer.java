/*
 * Reads a topic with Kafka's own Java consumer, from its beginning and read_committed, and prints what is there: what a Java client sees of what
 * meterline wrote.
 *
 *     java -cp 'LIB/*' AvroConsumer.java BOOTSTRAP REGISTRY TOPIC COUNT SECONDS [property=value ...]
 *
 * It ends after COUNT records; with exit status 1 when fewer have come in SECONDS. Standard output: one JSON object a line, {"topic", "partition",
 * "offset", "key", "headers": [{"key", "value"}], "timestamp" (ms), "schemaId", "value"}. A value in Confluent's wire format (byte 0, schema id in four
 * bytes, big-endian, Avro body) is decoded by the schema that the registry has for the id; every other value is text, with schemaId null. Avro's bytes
 * and fixed are text of one character a byte; what JSON cannot say of numbers is "NaN", "Infinity", "-Infinity".
 */
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericFixed;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

public class AvroConsumer {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;
    private static final int HEADER_BYTES = 5;

    private final HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final Map<Integer, Schema> schemas = new HashMap<>();
    private final String registry;
    private final PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);

    AvroConsumer(String registry) {
        this.registry = registry.replaceAll("/+$", "");
    }

    public static void main(String[] arguments) throws Exception {
        if (arguments.length < 5) {
            System.err.println("usage: AvroConsumer.java BOOTSTRAP REGISTRY TOPIC COUNT SECONDS [property=value ...]");
            System.exit(2);
        }
        int count = Integer.parseInt(arguments[3]);
        int seen = new AvroConsumer(arguments[1]).run(properties(arguments), arguments[2], count, Duration.ofSeconds(Long.parseLong(arguments[4])));
        if (seen < count) {
            System.err.println("only " + seen + " of " + count + " records came");
            System.exit(1);
        }
    }

    private static Properties properties(String[] arguments) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", arguments[0]);
        properties.put("key.deserializer", ByteArrayDeserializer.class.getName());
        properties.put("value.deserializer", ByteArrayDeserializer.class.getName());
        properties.put("isolation.level", "read_committed");
        for (int i = 5; i < arguments.length; i++) {
            String[] pair = arguments[i].split("=", 2);
            properties.put(pair[0], pair[1]);
        }
        return properties;
    }

    private int run(Properties properties, String topic, int count, Duration patience) throws Exception {
        int seen = 0;
        long deadline = System.nanoTime() + patience.toNanos();
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(properties)) {
            List<TopicPartition> partitions = consumer.partitionsFor(topic).stream().map(known -> new TopicPartition(topic, known.partition())).toList();
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            while (seen < count && System.nanoTime() < deadline) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
                    if (seen < count) {
                        print(record);
                        seen++;
                    }
                }
            }
        }
        out.flush();
        return seen;
    }

    private void print(ConsumerRecord<byte[], byte[]> record) throws Exception {
        ObjectNode told = NODES.objectNode().put("topic", record.topic()).put("partition", record.partition()).put("offset", record.offset());
        told.set("key", text(record.key()));
        ArrayNode headers = told.putArray("headers");
        for (Header header : record.headers()) {
            headers.addObject().put("key", header.key()).set("value", text(header.value()));
        }
        told.put("timestamp", record.timestamp());
        byte[] value = record.value();
        if (value != null && value.length >= HEADER_BYTES && value[0] == 0) {
            int id = ByteBuffer.wrap(value, 1, 4).getInt();
            told.put("schemaId", id).set("value", decoded(schema(id), value));
        } else {
            told.putNull("schemaId").set("value", text(value));
        }
        out.println(told);
    }

    private static JsonNode text(byte[] raw) {
        return raw == null ? NODES.nullNode() : NODES.textNode(new String(raw, StandardCharsets.UTF_8));
    }

    private Schema schema(int id) throws IOException, InterruptedException {
        if (!schemas.containsKey(id)) {
            HttpRequest request = HttpRequest.newBuilder(URI.create(registry + "/schemas/ids/" + id)).build();
            HttpResponse<String> response = client.send(request, HttpResponse.BodyHandlers.ofString());
            if (response.statusCode() != 200) {
                throw new IOException("GET " + request.uri() + ": status " + response.statusCode() + ": " + response.body());
            }
            schemas.put(id, new Schema.Parser().parse(JSON.readTree(response.body()).get("schema").textValue()));
        }
        return schemas.get(id);
    }

    private static JsonNode decoded(Schema schema, byte[] value) throws IOException {
        BinaryDecoder decoder = DecoderFactory.get().binaryDecoder(value, HEADER_BYTES, value.length - HEADER_BYTES, null);
        JsonNode node = node(new GenericDatumReader<Object>(schema).read(null, decoder));
        if (!decoder.isEnd()) {
            throw new IOException("bytes are left after the Avro body of " + value.length + " bytes");
        }
        return node;
    }

    private static JsonNode node(Object datum) {
        if (datum == null) {
            return NODES.nullNode();
        } else if (datum instanceof GenericRecord record) {
            ObjectNode object = NODES.objectNode();
            record.getSchema().getFields().forEach(field -> object.set(field.name(), node(record.get(field.pos()))));
            return object;
        } else if (datum instanceof Collection<?> elements) {
            ArrayNode array = NODES.arrayNode();
            elements.forEach(element -> array.add(node(element)));
            return array;
        } else if (datum instanceof Map<?, ?> entries) {
            ObjectNode object = NODES.objectNode();
            entries.forEach((key, value) -> object.set(key.toString(), node(value)));
            return object;
        }
        return leaf(datum);
    }

    private static JsonNode leaf(Object datum) {
        if (datum instanceof Boolean value) {
            return NODES.booleanNode(value);
        } else if (datum instanceof Integer value) {
            return NODES.numberNode(value);
        } else if (datum instanceof Long value) {
            return NODES.numberNode(value);
        } else if (datum instanceof Float value && Float.isFinite(value)) {
            return NODES.numberNode(value);
        } else if (datum instanceof Double value && Double.isFinite(value)) {
            return NODES.numberNode(value);
        } else if (datum instanceof ByteBuffer bytes) {
            return NODES.textNode(StandardCharsets.ISO_8859_1.decode(bytes).toString());
        } else if (datum instanceof GenericFixed fixed) {
            return NODES.textNode(new String(fixed.bytes(), StandardCharsets.ISO_8859_1));
        }
        return NODES.textNode(datum.toString());
    }
}
