"""Compares Parquet files with the lines of JSON beside them (tests/unit/lake_parquet_test.c leaves both), value for
value, as pyarrow and DuckDB read them."""
import decimal
import json
import math
import pathlib
import struct

import duckdb
import pyarrow.parquet


def number(text):
    """The bits of a double: NaN is one value, -0.0 is not 0.0."""
    if text is None:
        return None
    value = float("nan") if "nan" in text else float.fromhex(text)
    return "nan" if math.isnan(value) else struct.pack("<d", value)


def bits(value):
    return None if value is None else "nan" if math.isnan(value) else struct.pack("<d", value)


def clean(row):
    row = list(row)
    row[4] = None if row[4] is None else bytes.fromhex(row[4])
    row[3] = number(row[3])
    row[5] = None if row[5] is None else bytes.fromhex(row[5])
    row[9:12] = [None if v is None else decimal.Decimal(v) for v in row[9:12]]
    row[12] = bytes.fromhex(row[12])
    return tuple(row)


def arrow_rows(path):
    """Times as numbers: Python's own have no year 10,000."""
    import pyarrow as pa
    table = pyarrow.parquet.read_table(path)
    columns = []
    for name, kind in (("b", None), ("i", None), ("l", None), ("d", "double"), ("s", "text"), ("y", None),
                       ("date", pa.int32()), ("time", pa.int64()), ("ts", pa.int64()), ("d9", None), ("d18", None),
                       ("d38", None), ("r", "text")):
        column = table[name]
        if kind == "double":
            columns.append([bits(v) for v in column.to_pylist()])
        elif kind == "text":
            columns.append([None if v is None else v.encode() for v in column.to_pylist()])
        elif kind is not None:
            values = column.cast(kind).to_pylist()
            columns.append([None if v is None else v // 1000 if kind == pa.int64() else v for v in values])
        else:
            columns.append(column.to_pylist())
    return list(zip(*columns))


def duck_rows(connection, path):
    rows = connection.execute(
        "select b, i, l, d, encode(s), y, (date - date '1970-01-01')::bigint, epoch_us(time) // 1000, "
        f"epoch_us(ts) // 1000 + case when epoch_us(ts) % 1000 < 0 then -1 else 0 end, d9, d18, d38, encode(r) "
        f"from read_parquet('{path}')").fetchall()
    return [tuple(bits(v) if c == 3 else v for c, v in enumerate(row)) for row in rows]


def ids(path):
    schema = pyarrow.parquet.read_schema(path)
    return [int(field.metadata[b"PARQUET:field_id"]) for field in schema]


def statistics_hold(path):
    """What a reader may skip by statistics holds no value that it wants."""
    file = pyarrow.parquet.ParquetFile(path)
    for group in range(file.num_row_groups):
        rows = file.read_row_group(group)
        for c, name in enumerate(rows.column_names):
            stats = file.metadata.row_group(group).column(c).statistics
            assert stats.null_count == rows[name].null_count, (path, group, name)
            if stats.has_min_max and name in ("i", "l", "s", "r", "y"):
                values = [v for v in rows[name].to_pylist() if v is not None]
                assert all(stats.min <= v <= stats.max for v in values), (path, group, name)


def compare(folder):
    connection = duckdb.connect()
    connection.execute("set TimeZone='UTC'")
    paths = sorted(pathlib.Path(folder).glob("*.parquet"))
    assert paths, "no files"
    values = 0
    for path in paths:
        rows = [clean(json.loads(line)) for line in path.with_suffix(".json").read_text().splitlines()]
        for reader, found in (("pyarrow", arrow_rows(path)), ("DuckDB", duck_rows(connection, path))):
            assert len(found) == len(rows), (reader, path, len(found), len(rows))
            for at, (one, other) in enumerate(zip(rows, found)):
                assert one == other, (reader, path, at, one, other)
        assert ids(path) == list(range(1, 14)), path
        statistics_hold(path)
        values += 13 * len(rows)
    return len(paths), values
