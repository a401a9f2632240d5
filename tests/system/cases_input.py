"""Bad input of every kind: a clear message, the right exit status, nothing lost, nothing written by a command that was called wrongly."""
import gzip

from system_program import SAMPLE

EDF = "Date;Time;Global_active_power;Global_reactive_power;Voltage;Global_intensity;Sub_metering_1;Sub_metering_2;Sub_metering_3\n"
ROW = "1/1/2007;00:{:02d}:00;2.58;0.136;241.97;10.6;0;0;0.0\n"
CSV = "gateway,type,attribute,timestamp,value\n"


def test_dataset_files(meterline):
    cases = [
        ("empty.txt", b"", "empty"),
        ("header.txt", b"a;b;c\n1;2;3\n", "Date;Time"),
        ("binary.txt", bytes(range(256)) * 20, "Date;Time"),
    ]
    for name, content, words in cases:
        meterline("replay", "-t", "electricity", meterline.file(name, content), status=1, says=[name, words])
    meterline("replay", "-t", "electricity", meterline.folder / "missing.txt", status=1, says="missing.txt")
    meterline("replay", "-t", "electricity", meterline.folder, status=1, says="is a folder: give one file of it")


def test_rows_that_are_read_and_rows_that_are_not(meterline):
    good = "".join(ROW.format(minute) for minute in range(3))
    content = "\ufeff" + EDF + good + "1/1/2007;00:03:00;?;?;?;?;?;?;\n" + "31/2/2007;00:00:00;1;1;1;1;0;0;0\n" + ROW.format(4).replace("2.58", "1e999") + \
        ROW.format(5).replace("2.58", "nan") + "x" * 10_000_000 + "\n" + ROW.format(6).rstrip("\n")
    path = meterline.file("mixed.txt", content.replace("\n", "\r\n"))
    _, err = meterline("replay", "-t", "electricity", path, says=["published 16 readings", "1 missing", "4 malformed"])
    for line in (6, 7, 8, 9):
        assert f"mixed.txt:{line}:" in err, err
    assert meterline.end_offsets() == 16
    meterline("replay", "-t", "electricity", "--strict", "--again", path, status=1, says="mixed.txt:6:")


def test_truncated_gzip_keeps_what_came_before(meterline):
    packed = gzip.compress((EDF + "".join(ROW.format(minute % 60) for minute in range(20000))).encode())
    _, err = meterline("replay", "-t", "electricity", meterline.file("cut.gz", packed[:len(packed) // 2]), status=1, says="cut.gz")
    assert "early" in err or "truncated" in err, err


def test_values_and_timestamps_of_readings(meterline):
    bad = ["g,W,F,2024-01-01T00:00:00Z,inf", "g,W,F,2024-01-01T00:00:00Z,", "g,W,F,1960-01-01T00:00:00Z,1", "g,W,F,yesterday,1", ",W,F,2024-01-01T00:00:00Z,1"]
    meterline("replay", "-t", "readings", meterline.file("r.csv", CSV + "g,W,F,2024-01-01T00:00:00Z,1\n" + "\n".join(bad) + "\n"), says=["published 1 readings", "1 missing", "4 malformed"])
    lines = '{"gateway":"g","metricType":"W","metricAttribute":"F","timestamp":"2024-01-01T00:00:00Z","value":2}\n{"gateway":"g"}\nnot json\n'
    meterline("replay", "-t", "readings", meterline.file("r.json", lines), says=["published 1 readings", "2 malformed"])


def test_usage(meterline):
    cases = [
        (["run", "--windws", "60"], "did you mean --windows"),
        (["run", "--windows", "0"], "out of range"),
        (["run", "--windows", "-60"], "out of range"),
        (["run", "--windows", ",".join(str(n) for n in range(1, 40))], "more than 16"),
        (["run", "--grace", "5x"], "not a duration"),
        (["replay", "-t", "elektricity", "f"], "electricity"),
        (["replay", "-t", "electricity"], ""),
        (["replay", "-t", "electricity", "-s", "5", "-e", "2", SAMPLE], ""),
        (["query", "--from", "yesterday"], "ISO-8601"),
        (["query", "--format", "xml"], "table|csv|json"),
        (["tail"], "missing"),
        (["topics", "crate", "x"], "crate"),
        (["rnu"], "did you mean run"),
    ]
    for words, says in cases:
        meterline(*words, status=2, says=says)
    assert not meterline.data.exists(), "a command that was called wrongly has made the data folder"
    for command in ("replay", "run", "query", "tail", "track", "topics"):
        out, _ = meterline(command, "--help")
        assert out.startswith(f"Usage: meterline {command}") and "Examples:" in out


def test_commands_without_a_log(meterline):
    for words in (["query"], ["tail", "metrics"], ["topics"], ["track", "metrics"]):
        meterline(*words, status=1, says="--data")
        assert not meterline.data.exists()
    meterline("run", "--bus", "kafka://127.0.0.1:1", status=1, says="does not answer")
    meterline("topics", "create", "metrics")
    meterline("tail", "metrcs", status=1, says="did you mean metrics")
    meterline("query", status=1, says="meterline run")


def test_wrong_clock_does_not_close_windows(meterline):
    rows = ["a,W,F,2024-01-01T00:00:00Z,1", "b,W,F,2999-01-01T00:00:00Z,1", "a,W,F,2024-01-01T00:00:30Z,2"]
    meterline("replay", "-t", "readings", meterline.file("r.csv", CSV + "\n".join(rows) + "\n"))
    meterline("topics", "metrics")
    meterline("run", "--final")
    assert [(row["gateway"], row["sampleCount"]) for row in meterline.rows(60)] == [("a", "2")]
    (rejected,) = meterline.records("metrics-rejected")
    assert "MAX_AHEAD" in rejected["headers"]["error"] and rejected["headers"]["origin.topic"] == "metrics"


def test_dsmr(meterline):
    """Telegrams of a P1 port from a file and by a pipe; what is damaged or has no time is told."""
    body = ("/ISk5\\2MT382-1000\r\n\r\n1-3:0.2.8(50)\r\n0-0:1.0.0({}W)\r\n0-0:96.1.1(4B384547303034303436333935353037)\r\n1-0:1.8.1(000004.426*kWh)\r\n1-0:1.8.2(000002.399*kWh)\r\n"
            "1-0:2.8.1(000002.444*kWh)\r\n1-0:1.7.0(00.{}*kW)\r\n1-0:32.7.0(229.5*V)\r\n0-1:24.1.0(003)\r\n0-1:96.1.0(3232323241424344313233343536373839)\r\n0-1:24.2.1(170102161005W)(00000.107*m3)\r\n!")

    def telegram(time_, power):
        text, crc = body.format(time_, power), 0
        for byte in text.encode():
            crc ^= byte
            for _ in range(8):
                crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
        return f"{text}{crc:04X}\r\n"

    good = telegram("170102192002", 244) + "noise\r\n" + telegram("170102192012", 245)
    meterline("replay", "-t", "dsmr", meterline.file("p1.txt", good), "--json")
    meterline("replay", "-t", "dsmr", "-", "--json", input=telegram("170102192022", 246).replace("\r\n", "\n") + good.replace("244", "999") + body.format("", 1))
    meterline("replay", "-t", "dsmr", "-", "--strict", "--json", input=good.replace("244", "999"), status=1, says="checksum")
    meterline("replay", "-t", "dsmr", "-d", "1", "-", status=1, says="day offset")
    records = [record["value"] for record in meterline.records("metrics")]
    power = sorted((record["timestamp"], record["value"]) for record in records if record["metricAttribute"] == "ACTIVE_POWER_IMPORT")
    assert power[:2] == [("2017-01-02T18:20:02Z", 244), ("2017-01-02T18:20:12Z", 245)] and ("2017-01-02T18:20:22Z", 246) in power, power
    assert {(record["gateway"], record["metricType"], record["timestamp"], record["value"]) for record in records if record["metricAttribute"] == "VOLUME"} == {("2222ABCD123456789", "GAS", "2017-01-02T15:10:05Z", 0.107)}
