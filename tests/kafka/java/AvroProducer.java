/*
 * Writes Avro records in Confluent's wire format (byte 0, schema id in four bytes, big-endian, body) with Kafka's own Java producer, as any Java
 * client of a schema registry does: what meterline reads in the tests of interoperability.
 *
 *     java -cp 'LIB/*' AvroProducer.java BOOTSTRAP REGISTRY TOPIC [property=value ...]
 *
 * Standard input: one JSON object a line, {"schema": id, or the schema, or its text; "record": {...}; "key": text}. A schema that is not an id is
 * registered under TOPIC-value. Without "record" the value is null. The record is plain JSON; in a union the first branch that fits is taken; bytes and
 * fixed are text of one character a byte. Standard output: one line for each record, {"key":..,"schemaId":..,"partition":..,"offset":..}.
 */
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.Future;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringSerializer;

public class AvroProducer {
    private static final ObjectMapper JSON = new ObjectMapper();

    private record Sent(String key, Integer schemaId, Future<RecordMetadata> answer) {}

    private record Registered(int id, Schema schema) {}

    /** The schemas of a registry, by id and by text; each is asked for once. */
    private static class Registry {
        private final HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
        private final Map<String, Registered> known = new HashMap<>();
        private final String url;
        private final String subject;

        Registry(String url, String subject) {
            this.url = url.replaceAll("/+$", "");
            this.subject = subject;
        }

        Registered resolve(JsonNode asked) throws IOException, InterruptedException {
            String name = asked.isTextual() ? asked.textValue() : asked.toString();
            if (!known.containsKey(name)) {
                known.put(name, asked.isInt() ? fetched(asked.intValue()) : registered(name));
            }
            return known.get(name);
        }

        private Registered fetched(int id) throws IOException, InterruptedException {
            JsonNode answer = answer(HttpRequest.newBuilder(URI.create(url + "/schemas/ids/" + id)).build());
            return new Registered(id, new Schema.Parser().parse(answer.get("schema").textValue()));
        }

        private Registered registered(String text) throws IOException, InterruptedException {
            String body = JSON.createObjectNode().put("schema", text).toString();
            JsonNode answer = answer(HttpRequest.newBuilder(URI.create(url + "/subjects/" + subject + "/versions"))
                    .header("Content-Type", "application/vnd.schemaregistry.v1+json").POST(HttpRequest.BodyPublishers.ofString(body)).build());
            return new Registered(answer.get("id").intValue(), new Schema.Parser().parse(text));
        }

        private JsonNode answer(HttpRequest request) throws IOException, InterruptedException {
            HttpResponse<String> response = client.send(request, HttpResponse.BodyHandlers.ofString());
            if (response.statusCode() != 200) {
                throw new IOException(request.method() + " " + request.uri() + ": status " + response.statusCode() + ": " + response.body());
            }
            return JSON.readTree(response.body());
        }
    }

    public static void main(String[] arguments) throws Exception {
        if (arguments.length < 3) {
            System.err.println("usage: AvroProducer.java BOOTSTRAP REGISTRY TOPIC [property=value ...], JSON lines on standard input");
            System.exit(2);
        }
        String topic = arguments[2];
        Registry registry = new Registry(arguments[1], topic + "-value");
        List<Sent> sent = new ArrayList<>();
        try (KafkaProducer<String, byte[]> producer = new KafkaProducer<>(properties(arguments))) {
            BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                sent.add(send(producer, registry, topic, JSON.readTree(line)));
            }
        }
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        for (Sent one : sent) {
            ObjectNode told = JSON.createObjectNode().put("key", one.key).put("schemaId", one.schemaId);
            out.println(told.put("partition", one.answer.get().partition()).put("offset", one.answer.get().offset()));
        }
    }

    private static Properties properties(String[] arguments) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", arguments[0]);
        properties.put("key.serializer", StringSerializer.class.getName());
        properties.put("value.serializer", ByteArraySerializer.class.getName());
        properties.put("acks", "all");
        for (int i = 3; i < arguments.length; i++) {
            String[] pair = arguments[i].split("=", 2);
            properties.put(pair[0], pair[1]);
        }
        return properties;
    }

    private static Sent send(KafkaProducer<String, byte[]> producer, Registry registry, String topic, JsonNode line) throws Exception {
        String key = line.hasNonNull("key") ? line.get("key").textValue() : null;
        if (!line.hasNonNull("record")) {
            return new Sent(key, null, producer.send(new ProducerRecord<>(topic, key, null)));
        }
        Registered registered = registry.resolve(line.get("schema"));
        byte[] value = encoded(registered, datum(registered.schema, line.get("record")));
        return new Sent(key, registered.id, producer.send(new ProducerRecord<>(topic, key, value)));
    }

    private static byte[] encoded(Registered registered, Object datum) throws IOException {
        ByteArrayOutputStream value = new ByteArrayOutputStream();
        value.write(ByteBuffer.allocate(5).put((byte) 0).putInt(registered.id).array());
        BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(value, null);
        new GenericDatumWriter<Object>(registered.schema).write(datum, encoder);
        encoder.flush();
        return value.toByteArray();
    }

    private static Object datum(Schema schema, JsonNode node) {
        if (!fits(schema, node)) {
            throw new IllegalArgumentException(node + " does not fit " + schema);
        }
        return switch (schema.getType()) {
            case NULL -> null;
            case BOOLEAN -> node.booleanValue();
            case INT -> node.intValue();
            case LONG -> node.longValue();
            case FLOAT -> (float) number(node);
            case DOUBLE -> number(node);
            case STRING -> node.textValue();
            case BYTES -> ByteBuffer.wrap(node.textValue().getBytes(StandardCharsets.ISO_8859_1));
            case FIXED -> new GenericData.Fixed(schema, node.textValue().getBytes(StandardCharsets.ISO_8859_1));
            case ENUM -> new GenericData.EnumSymbol(schema, node.textValue());
            case UNION -> datum(branch(schema, node), node);
            case ARRAY -> array(schema, node);
            case MAP -> map(schema, node);
            case RECORD -> record(schema, node);
        };
    }

    private static boolean fits(Schema schema, JsonNode node) {
        return switch (schema.getType()) {
            case NULL -> node == null || node.isNull();
            case BOOLEAN -> node != null && node.isBoolean();
            case INT -> node != null && node.isIntegralNumber() && node.canConvertToInt();
            case LONG -> node != null && node.isIntegralNumber() && node.canConvertToLong();
            case FLOAT, DOUBLE -> node != null && (node.isNumber() || isNotFinite(node));
            case STRING, BYTES -> node != null && node.isTextual();
            case FIXED -> node != null && node.isTextual() && node.textValue().length() == schema.getFixedSize();
            case ENUM -> node != null && node.isTextual() && schema.hasEnumSymbol(node.textValue());
            case UNION -> schema.getTypes().stream().anyMatch(type -> fits(type, node));
            case ARRAY -> node != null && node.isArray();
            case MAP, RECORD -> node != null && node.isObject();
        };
    }

    private static boolean isNotFinite(JsonNode node) {
        return node.isTextual() && List.of("NaN", "Infinity", "-Infinity").contains(node.textValue());
    }

    private static double number(JsonNode node) {
        return node.isNumber() ? node.doubleValue() : Double.parseDouble(node.textValue());
    }

    private static Schema branch(Schema union, JsonNode node) {
        return union.getTypes().stream().filter(type -> fits(type, node)).findFirst().orElseThrow();
    }

    private static GenericData.Array<Object> array(Schema schema, JsonNode node) {
        GenericData.Array<Object> elements = new GenericData.Array<>(node.size(), schema);
        node.forEach(element -> elements.add(datum(schema.getElementType(), element)));
        return elements;
    }

    private static Map<String, Object> map(Schema schema, JsonNode node) {
        Map<String, Object> entries = new LinkedHashMap<>();
        node.properties().forEach(entry -> entries.put(entry.getKey(), datum(schema.getValueType(), entry.getValue())));
        return entries;
    }

    private static GenericData.Record record(Schema schema, JsonNode node) {
        GenericData.Record record = new GenericData.Record(schema);
        for (Schema.Field field : schema.getFields()) {
            boolean absent = !node.has(field.name()) && field.hasDefaultValue();
            record.put(field.pos(), absent ? GenericData.get().getDefaultValue(field) : datum(field.schema(), node.get(field.name())));
        }
        return record;
    }
}
