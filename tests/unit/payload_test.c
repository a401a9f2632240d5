/* Payloads of every format to readings and rejections. A case's outcome is written as text: a reading as
 * "LINE.PART gateway|TYPE|ATTRIBUTE time value" (a time that was not its own in parentheses), a rejection as
 * "LINE! reason", and "N texts" for what is not numeric. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/bytes.h"
#include "core/number.h"
#include "ingest/payload.h"

#define RECEIVED INT64_C(1700000000000)

struct payload_case {
    enum payload_format format;
    const char *body, *outcome;
    enum payload_precision precision;
};

static void outcome_write(struct bytes *to, const struct payload_result *result) {
    for (size_t i = 0; i < result->count; i++) {
        const struct payload_reading *reading = &result->readings[i];
        char value[NUMBER_DOUBLE_SIZE];
        bytes_append_format(to, "%u.%u ", reading->line, reading->part);
        bytes_append_slice(to, reading->series.gateway);
        bytes_append_char(to, '|');
        bytes_append_slice(to, reading->series.type);
        bytes_append_char(to, '|');
        bytes_append_slice(to, reading->series.attribute);
        bytes_append_format(to, reading->own_time ? " %lld " : " (%lld) ", (long long)reading->timestamp);
        bytes_append(to, value, number_write_double(value, reading->value));
        bytes_append_char(to, '\n');
    }
    for (size_t i = 0; i < result->rejected; i++)
        bytes_append_format(to, "%u! %s\n", result->rejections[i].line, result->rejections[i].reason);
    if (result->not_numeric)
        bytes_append_format(to, "%zu texts\n", result->not_numeric);
    bytes_append_char(to, '\0');
}

static void check_payload(const struct payload *payload, const char *outcome) {
    struct error error = {0};
    struct payload_reader *reader = NULL;
    struct payload_result result;
    struct arena arena = {0};
    struct bytes text = {0};
    /* An end that may not be read over. */
    char *body = malloc(payload->body.length ? payload->body.length : 1);
    struct payload copy = *payload;
    memcpy(body, payload->body.data, payload->body.length);
    copy.body.data = body;
    assert_int_equal(payload_reader_new(&reader, &error), 0);
    assert_int_equal(payload_read(reader, &copy, &arena, &result, &error), 0);
    outcome_write(&text, &result);
    assert_string_equal(text.data, outcome);
    payload_reader_free(reader);
    arena_release(&arena);
    bytes_release(&text);
    free(body);
}

static void check_cases(const struct payload_case *cases, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct payload payload = {.format = cases[i].format,
                                  .precision = cases[i].precision,
                                  .body = slice_of(cases[i].body),
                                  .received = RECEIVED,
                                  .gateway = SLICE("meter-1")};
        check_payload(&payload, cases[i].outcome);
    }
}

#define READING(gateway, value)                                                                                        \
    "{\"gateway\":\"" gateway "\",\"metricType\":\"WATER\",\"metricAttribute\":\"FLOW\",\"timestamp\":"                \
    "\"2023-11-14T22:13:20Z\",\"value\":" value "}"

static void test_json(void **state) {
    (void)state;
    static const struct payload_case cases[] = {
        {PAYLOAD_JSON, READING("a", "1.5"), "1.0 a|WATER|FLOW 1700000000000 1.5\n", 0},
        {PAYLOAD_JSON, " [" READING("a", "1") " ,\n" READING("b", "-2e3") "] ",
         "1.0 a|WATER|FLOW 1700000000000 1\n2.0 b|WATER|FLOW 1700000000000 -2000\n", 0},
        {PAYLOAD_JSON, "[]", "", 0},
        {PAYLOAD_JSON, "[" READING("a", "1") "," READING("", "1") ",null,7]",
         "1.0 a|WATER|FLOW 1700000000000 1\n2! gateway is empty\n3! null is no reading\n4! not JSON: no object, but a "
         "bare value, at byte 0\n",
         0},
        /* A document that breaks off is rejected as a whole: its sender must not take half of it for all. */
        {PAYLOAD_JSON, "[" READING("a", "1") ",{", "1! truncated: the JSON text ends at byte 109\n", 0},
        {PAYLOAD_JSON, "[" READING("a", "1") "]x", "1! not JSON: unexpected 'x' at byte 108\n", 0},
        {PAYLOAD_JSON, "", "1! truncated: the JSON text ends at byte 0\n", 0},
        {PAYLOAD_NDJSON, READING("a", "1") "\r\n\n" READING("b", "2") "\n{\n",
         "1.0 a|WATER|FLOW 1700000000000 1\n3.0 b|WATER|FLOW 1700000000000 2\n4! truncated: the JSON text ends at byte "
         "1\n",
         0},
        {PAYLOAD_NDJSON, READING("a\\u0000", "1"), "1! gateway has control characters\n", 0},
    };
    check_cases(cases, sizeof cases / sizeof *cases);
}

static void test_csv(void **state) {
    (void)state;
    static const struct payload_case cases[] = {
        {PAYLOAD_CSV,
         "value,gateway,type,attribute,timestamp\n1.5,a,GAS,FLOW,2023-11-14T22:13:20Z\r\n\n"
         "2,\"b, \"\"c\"\"\",GAS,FLOW,2023-11-14T22:13:21Z",
         "2.0 a|GAS|FLOW 1700000000000 1.5\n4.0 b, \"c\"|GAS|FLOW 1700000001000 2\n", 0},
        {PAYLOAD_CSV,
         "gateway,type,attribute,timestamp,value\na,GAS,FLOW,noon,1\na,GAS,FLOW,2023-11-14T22:13:20Z,one\na,b\n"
         "a,GAS,FLOW,2023-11-14T22:13:20Z,?\n",
         "2! timestamp 'noon' is not an ISO-8601 time between 1970 and 9999\n3! value 'one' is not a finite number\n"
         "4! 2 columns where the header has 5\n1 texts\n",
         0},
        {PAYLOAD_CSV, "a,GAS,FLOW,2023-11-14T22:13:20Z,1\n",
         "1! the first line is not the header gateway,type,attribute,timestamp,value (in any order)\n", 0},
        {PAYLOAD_CSV, "", "", 0},
    };
    check_cases(cases, sizeof cases / sizeof *cases);
}

static void test_line_protocol(void **state) {
    (void)state;
    static const struct payload_case cases[] = {
        {PAYLOAD_LINE_PROTOCOL, "readings,gateway=gw\\ 1 voltage=241.3 1700000000123456789\n",
         "1.0 gw 1|READINGS|readings_voltage 1700000000123 241.3\n", 0},
        /* Every kind of value; times by every precision. */
        {PAYLOAD_LINE_PROTOCOL, "m,host=h a=1,b=-2i,c=3u,d=t,e=FALSE,f=\"x, \\\" =\\\\\",g=1e3 1700000000000",
         "1.0 h|M|m_a 1700000000000 1\n1.1 h|M|m_b 1700000000000 -2\n1.2 h|M|m_c 1700000000000 3\n"
         "1.6 h|M|m_g 1700000000000 1000\n3 texts\n",
         PAYLOAD_MILLISECONDS},
        {PAYLOAD_LINE_PROTOCOL, "m,host=h a=18446744073709551615u 1700000000",
         "1.0 h|M|m_a 1700000000000 1.8446744073709552e+19\n", PAYLOAD_SECONDS},
        {PAYLOAD_LINE_PROTOCOL, "m,host=h a=1 1700000000000999", "1.0 h|M|m_a 1700000000000 1\n", PAYLOAD_MICROSECONDS},
        {PAYLOAD_LINE_PROTOCOL,
         "m,host=h a=1 1700000000\nm,host=h a=2 1700000000001\nm,host=h a=3 1700000000002000\n"
         "m,host=h a=4 1700000000003000000",
         "1.0 h|M|m_a 1700000000000 1\n2.0 h|M|m_a 1700000000001 2\n3.0 h|M|m_a 1700000000002 3\n"
         "4.0 h|M|m_a 1700000000003 4\n",
         PAYLOAD_AUTO},
        {PAYLOAD_LINE_PROTOCOL, "m,host=h a=1", "1.0 h|M|m_a (1700000000000) 1\n", 0},
        /* Escapes: \, and \space in measurements; \= too in keys and tag values; a backslash before anything else. */
        {PAYLOAD_LINE_PROTOCOL, "my\\,me\\ as\\=ure,gate\\=way=x,gateway=a\\,b\\ c\\=d\\e fi\\ el\\,d\\==1,\\g=2",
         "1.0 a,b c=d\\e|MY,ME AS\\=URE|my,me as\\=ure_fi el,d= (1700000000000) 1\n"
         "1.1 a,b c=d\\e|MY,ME AS\\=URE|my,me as\\=ure_\\g (1700000000000) 2\n",
         0},
        /* A text may span lines: what follows has its own number. */
        {PAYLOAD_LINE_PROTOCOL, "# comment\r\n\r\n  m,host=h a=1,t=\"x\ny\"  \r\nm,host=h a=2   \n",
         "3.0 h|M|m_a (1700000000000) 1\n5.0 h|M|m_a (1700000000000) 2\n1 texts\n", 0},
        /* Which tag names the meter, the type, the attribute. */
        {PAYLOAD_LINE_PROTOCOL,
         "m,host=h,meter=m,device_id=i,device=d,entity_id=e a=1\nm,host=h,gateway=g,device=d a=1",
         "1.0 d|M|m_a (1700000000000) 1\n2.0 g|M|m_a (1700000000000) 1\n", 0},
        {PAYLOAD_LINE_PROTOCOL, "m a=1", "1.0 meter-1|M|m_a (1700000000000) 1\n", 0},
        {PAYLOAD_LINE_PROTOCOL, "m,type=WATER,attribute=FLOW value=1,max=2",
         "1.0 meter-1|WATER|FLOW (1700000000000) 1\n1.1 meter-1|WATER|FLOW_max (1700000000000) 2\n", 0},
        {PAYLOAD_LINE_PROTOCOL, "W,domain=sensor,entity_id=house_power value=412,friendly_name_str=\"House\"",
         "1.0 house_power|ELECTRICITY|W_value (1700000000000) 412\n1 texts\n", 0},
        {PAYLOAD_LINE_PROTOCOL,
         "m\xc2\xb3,entity_id=Gas_1 value=1\nm\xc2\xb3,entity_id=tap value=2\nx,unit=kWh v=1\nx,unit=furlong v=1",
         "1.0 Gas_1|GAS|m\xc2\xb3_value (1700000000000) 1\n2.0 tap|WATER|m\xc2\xb3_value (1700000000000) 2\n"
         "3.0 meter-1|ELECTRICITY|x_v (1700000000000) 1\n4.0 meter-1|X|x_v (1700000000000) 1\n",
         0},
        /* What is wrong is rejected with its line; the others stay. */
        {PAYLOAD_LINE_PROTOCOL, "m a=1\nm a\nm b=2\n",
         "1.0 meter-1|M|m_a (1700000000000) 1\n"
         "3.0 meter-1|M|m_b (1700000000000) 2\n2! a field without =\n",
         0},
        {PAYLOAD_LINE_PROTOCOL, "m a=1,b=x 5",
         "1! 'x' is no value: a finite number, a whole one with i or u, true, false, "
         "or a text in double quotes\n",
         0},
        {PAYLOAD_LINE_PROTOCOL, "m a=\"x\nm a=2",
         "2.0 meter-1|M|m_a (1700000000000) 2\n1! a text without a closing "
         "quote\n",
         0},
        {PAYLOAD_LINE_PROTOCOL, "m a=\"x\"y", "1! something follows the closing quote of a text\n", 0},
        {PAYLOAD_LINE_PROTOCOL, "m a=1 noon", "1! 'noon' is no time: a whole number since 1970\n", 0},
        {PAYLOAD_LINE_PROTOCOL, "m a=1 99999999999999999999",
         "1! '99999999999999999999' is no time: a whole number "
         "since 1970\n",
         0},
        {PAYLOAD_LINE_PROTOCOL, "m a=1 1700000000000000000 x", "1! something follows the time\n", 0},
        {PAYLOAD_LINE_PROTOCOL, "m,t a=1", "1! a tag without =\n", 0},
        {PAYLOAD_LINE_PROTOCOL, "m,t= a=1", "1! the value of a tag is missing\n", 0},
        {PAYLOAD_LINE_PROTOCOL, "m,t=a=b a=1", "1! a second = in a tag; it is written \\=\n", 0},
        {PAYLOAD_LINE_PROTOCOL, "m,=x a=1", "1! the name of a tag is missing\n", 0},
        {PAYLOAD_LINE_PROTOCOL, "m,t=x\r\n", "1! there are no fields\n", 0},
        {PAYLOAD_LINE_PROTOCOL, ",t=x a=1", "1! the measurement is missing\n", 0},
        {PAYLOAD_LINE_PROTOCOL, "m a=1,", "1! the name of a field is missing\n", 0},
        {PAYLOAD_LINE_PROTOCOL, "m a=1e999\nm a=NaN\nm a=0x10",
         "1! '1e999' is no value: a finite number, a whole one with i or u, true, false, or a text in double quotes\n"
         "2! 'NaN' is no value: a finite number, a whole one with i or u, true, false, or a text in double quotes\n"
         "3! '0x10' is no value: a finite number, a whole one with i or u, true, false, or a text in double quotes\n",
         0},
        {PAYLOAD_LINE_PROTOCOL, "m\x01 a=1", "1! metricType has control characters\n", 0},
        {PAYLOAD_LINE_PROTOCOL, "m,gateway=\xff a=1", "1! gateway is not UTF-8\n", 0},
    };
    check_cases(cases, sizeof cases / sizeof *cases);
}

static void test_thingsboard(void **state) {
    (void)state;
    static const struct payload_case cases[] = {
        {PAYLOAD_THINGSBOARD_DEVICE, "{\"ts\":1600000000512,\"values\":{\"temperature\":22.5,\"on\":true,\"x\":\"1\"}}",
         "1.0 meter-1|TELEMETRY|temperature 1600000000512 22.5\n2 texts\n", 0},
        {PAYLOAD_THINGSBOARD_DEVICE, "{\"values\":{\"WATER.FLOW\":1,\"b\":2},\"ts\":1600000000512}",
         "1.0 meter-1|WATER|FLOW 1600000000512 1\n1.1 meter-1|TELEMETRY|b 1600000000512 2\n", 0},
        {PAYLOAD_THINGSBOARD_DEVICE, "{\"a\":1,\"b\":{\"c\":2}}",
         "1.0 meter-1|TELEMETRY|a (1700000000000) 1\n1 texts\n", 0},
        {PAYLOAD_THINGSBOARD_DEVICE, "[{\"a\":1},{\"ts\":1600000000000,\"values\":{\"a\":2}}]",
         "1.0 meter-1|TELEMETRY|a (1700000000000) 1\n2.0 meter-1|TELEMETRY|a 1600000000000 2\n", 0},
        {PAYLOAD_THINGSBOARD_DEVICE, "{\"ts\":\"now\",\"values\":{\"a\":2}}",
         "1! ts is not a time in whole ms since 1970\n", 0},
        {PAYLOAD_THINGSBOARD_DEVICE, "{\"a\":1", "1! truncated: the JSON text ends at byte 6\n", 0},
        {PAYLOAD_THINGSBOARD_DEVICE, "7", "1! not JSON: unexpected '7' at byte 0\n", 0},
        {PAYLOAD_THINGSBOARD_GATEWAY,
         "{\"Device A\":[{\"ts\":1600000000000,\"values\":{\"t\":42,\"h\":80}}],\"B\\u00e9\":[{\"t\":1}],\"C\":[]}",
         "1.0 Device A|TELEMETRY|t 1600000000000 42\n1.1 Device A|TELEMETRY|h 1600000000000 80\n"
         "2.0 B\xc3\xa9|TELEMETRY|t (1700000000000) 1\n",
         0},
        {PAYLOAD_THINGSBOARD_GATEWAY, "{\"A\":[{\"ts\":1,\"values\":{\"t\":42}}]}",
         "1! timestamp 1970-01-01T00:00:00.001Z is earlier than 2000-01-01T00:00:00Z: the clock that it was made by is "
         "wrong\n",
         0},
    };
    check_cases(cases, sizeof cases / sizeof *cases);
}

static void test_value(void **state) {
    (void)state;
    static const struct {
        const char *body, *outcome;
    } cases[] = {
        {" 241.3\n", "1.0 g|WATER|FLOW (1700000000000) 241.3\n"},
        {"{\"value\":7,\"timestamp\":\"2023-11-14T22:13:20Z\"}", "1.0 g|WATER|FLOW 1700000000000 7\n"},
        {"{\"ts\":1700000000001,\"value\":-7}", "1.0 g|WATER|FLOW 1700000000001 -7\n"},
        {"on", "1! neither a number nor a JSON object\n"},
        {"", "1! neither a number nor a JSON object\n"},
        {"{\"v\":7}", "1! value is missing\n"},
        {"{\"value\":\"7\"}", "1! value is not a finite number\n"},
        {"{\"value\":7}}", "1! not JSON: unexpected '}' at byte 11\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct payload payload = {.format = PAYLOAD_VALUE,
                                  .body = slice_of(cases[i].body),
                                  .received = RECEIVED,
                                  .gateway = SLICE("g"),
                                  .type = SLICE("WATER"),
                                  .attribute = SLICE("FLOW")};
        check_payload(&payload, cases[i].outcome);
    }
}

#define TELEGRAM(time, checksum)                                                                                       \
    "/ISk5\\2MT382-1000\r\n\r\n1-3:0.2.8(50)\r\n0-0:1.0.0(" time ")\r\n0-0:96.1.1(4B384547303034303436333935353037)"   \
    "\r\n1-0:1.8.1(000004.426*kWh)\r\n1-0:1.8.2(000002.399*kWh)\r\n1-0:1.7.0(00.244*kW)\r\n1-0:32.7.0(230.0*V)\r\n"    \
    "0-0:96.14.0(0002)\r\n0-0:96.13.0()\r\n0-1:24.1.0(003)\r\n0-1:96.1.0(3232323241424344313233343536373839)\r\n"      \
    "0-1:24.2.1(170102161005W)(00000.107*m3)\r\n0-2:24.1.0(007)\r\n0-2:96.1.0(573031)\r\n"                             \
    "0-2:24.2.1(170702161005S)(00012.500*m3)\r\n!" checksum "\r\n"

/* Codes, units, winter and summer time, meters behind the meter, and the checksum (computed by hand from its
 * definition). */
static void test_dsmr(void **state) {
    (void)state;
    static const char good[] = "1.0 K8EG004046395507|ELECTRICITY|ENERGY_IMPORT_T1 1483381202000 4.426\n"
                               "1.1 K8EG004046395507|ELECTRICITY|ENERGY_IMPORT_T2 1483381202000 2.399\n"
                               "1.2 K8EG004046395507|ELECTRICITY|ACTIVE_POWER_IMPORT 1483381202000 244\n"
                               "1.3 K8EG004046395507|ELECTRICITY|VOLTAGE_L1 1483381202000 230\n"
                               "1.4 2222ABCD123456789|GAS|VOLUME 1483369805000 0.107\n"
                               "1.5 W01|WATER|VOLUME 1499004605000 12.5\n";
    static const struct payload_case cases[] = {
        {PAYLOAD_DSMR, TELEGRAM("170102192002W", "B260"), good, 0},
        {PAYLOAD_DSMR, "1-0:1.8.1(1*kWh)\r\n!\r\n" TELEGRAM("170102192002W", "b260") "/cut off", good, 0},
        {PAYLOAD_DSMR, TELEGRAM("170102192002W", ""), good, 0}, /* as before DSMR 4 */
        {PAYLOAD_DSMR, TELEGRAM("170102192003W", "B260"), "1! the telegram's checksum is EEEC, not B260\n", 0},
        {PAYLOAD_DSMR, "/X\r\n1-0:1.7.0(1*kW)\r\n!\r\n",
         "1! the telegram has no value that is known, or no number of its meter (0-0:96.1.1)\n", 0},
        {PAYLOAD_DSMR, "/X\n0-0:96.1.1(31)\n1-0:1.7.0(1*kW)\n1-0:2.7.0(1*kX)\n1-0:1.8.0(x*kWh)\n1-0:1.8.0(1\n!\n",
         "1.0 1|ELECTRICITY|ACTIVE_POWER_IMPORT (1700000000000) 1000\n", 0},
        {PAYLOAD_DSMR, "/X\r\n1-0:1.7.0(1*kW)\r\n",
         "1! no telegram: it begins with / and ends with a line that begins with !\n", 0},
    };
    check_cases(cases, sizeof cases / sizeof *cases);
}

/* Clocks that were never set or run far ahead, long names and long lines, each by its limit. */
static void test_limits(void **state) {
    (void)state;
    static const struct payload_limits limits = {.earliest = INT64_C(1600000000000), .ahead = 60000};
    struct payload payload = {.format = PAYLOAD_LINE_PROTOCOL,
                              .precision = PAYLOAD_MILLISECONDS,
                              .body = SLICE("m,host=h a=1 1599999999999\nm,host=h a=2 1600000000000\n"
                                            "m,host=h a=3 1700000060000\nm,host=h a=4 1700000060001\n"
                                            "m,host=h a=5 0\nm,host=h a=6 4070908800000\n"),
                              .received = RECEIVED,
                              .limits = &limits};
    check_payload(&payload,
                  "2.0 h|M|m_a 1600000000000 2\n3.0 h|M|m_a 1700000060000 3\n"
                  "1! timestamp 2020-09-13T12:26:39.999Z is earlier than 2020-09-13T12:26:40Z: the clock that it "
                  "was made by is wrong\n"
                  "4! timestamp 2023-11-14T22:14:20.001Z is later than 2023-11-14T22:14:20Z: the clock that it "
                  "was made by is wrong\n"
                  "5! timestamp 1970-01-01T00:00:00Z is earlier than 2020-09-13T12:26:40Z: the clock that it was "
                  "made by is wrong\n"
                  "6! timestamp 2099-01-01T00:00:00Z is later than 2023-11-14T22:14:20Z: the clock that it was "
                  "made by is wrong\n");
    struct bytes body = {0};
    bytes_append_string(&body, "m,host=");
    for (int i = 0; i < 256; i++)
        bytes_append_char(&body, 'h');
    bytes_append_string(&body, " a=1\nm,host=h t=\"");
    for (int i = 0; i < PAYLOAD_LINE_MAXIMUM; i++)
        bytes_append_char(&body, 'x');
    bytes_append_string(&body, "\"\nm,host=h a=2\n");
    payload.body = bytes_slice(&body);
    check_payload(&payload, "3.0 h|M|m_a (1700000000000) 2\n1! gateway has 256 bytes; at most 255 are possible\n"
                            "2! the line has 65549 bytes; at most 65536 are possible\n");
    bytes_release(&body);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json),        cmocka_unit_test(test_csv),   cmocka_unit_test(test_line_protocol),
        cmocka_unit_test(test_thingsboard), cmocka_unit_test(test_value), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_dsmr),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
