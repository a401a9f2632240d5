/* Numbers of the Parquet format (parquet.thrift) and how SQL types stand in it. */
#ifndef METERLINE_LAKE_PARQUET_FORMAT_H
#define METERLINE_LAKE_PARQUET_FORMAT_H

#include "model/type.h"

#define PARQUET_MAGIC "PAR1"

enum parquet_physical {
    PARQUET_BOOLEAN,
    PARQUET_INT32,
    PARQUET_INT64,
    PARQUET_INT96,
    PARQUET_FLOAT,
    PARQUET_DOUBLE,
    PARQUET_BYTE_ARRAY,
    PARQUET_FIXED,
};

enum parquet_encoding {
    PARQUET_PLAIN = 0,
    PARQUET_PLAIN_DICTIONARY = 2,
    PARQUET_RLE = 3,
    PARQUET_DELTA = 5, /* DELTA_BINARY_PACKED */
    PARQUET_RLE_DICTIONARY = 8,
};

enum parquet_codec { PARQUET_UNCOMPRESSED = 0, PARQUET_GZIP = 2, PARQUET_ZSTD = 6 };

enum parquet_page { PARQUET_DATA_PAGE = 0, PARQUET_DICTIONARY_PAGE = 2, PARQUET_DATA_PAGE_V2 = 3 };

/* How values of a SQL type are kept, as Iceberg's appendix A (Parquet) says: decimals of up to 9 digits are INT32, of
 * up to 18 INT64. */
static inline enum parquet_physical parquet_physical(const struct type *type) {
    switch (type->kind) {
    case TYPE_BOOLEAN:
        return PARQUET_BOOLEAN;
    case TYPE_INTEGER:
    case TYPE_DATE:
        return PARQUET_INT32;
    case TYPE_BIGINT:
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
        return PARQUET_INT64;
    case TYPE_DECIMAL:
        return type->precision <= 9 ? PARQUET_INT32 : type->precision <= 18 ? PARQUET_INT64 : PARQUET_FIXED;
    case TYPE_DOUBLE:
        return PARQUET_DOUBLE;
    default:
        return PARQUET_BYTE_ARRAY;
    }
}

/* Bytes that hold every DECIMAL of so many digits, in two's complement. */
static inline unsigned parquet_decimal_bytes(unsigned precision) {
    static const unsigned char bytes[] = {1, 1, 1,  2,  2,  3,  3,  4,  4,  4,  5,  5,  6,  6,  6,  7,  7,  8,  8, 9,
                                          9, 9, 10, 10, 11, 11, 11, 12, 12, 13, 13, 13, 14, 14, 15, 15, 16, 16, 16};
    return bytes[precision];
}

#endif
