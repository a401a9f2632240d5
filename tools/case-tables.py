#!/usr/bin/env python3
"""Writes the tables of upper and lower case (Unicode, by Python's own database) that src/sql/function/library/letter_case.c includes."""
import unicodedata

CODES = [code for code in range(0x80, 0x110000) if not 0xD800 <= code < 0xE000]


def escaped(text: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in text.encode())


def write_mapping(name: str, mapped) -> None:
    rows = [(code, mapped(chr(code))) for code in CODES if mapped(chr(code)) != chr(code)]
    print(f"static const struct case_mapping {name}[] = {{")
    for code, text in rows:
        print(f'    {{0x{code:x}, {len(text)}, "{escaped(text)}"}},')
    print("};")


def write_ranges(name: str, holds) -> None:
    ranges: list[list[int]] = []
    for code in CODES:
        if holds(chr(code)):
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1][1] = code
            else:
                ranges.append([code, code])
    print(f"static const struct case_range {name}[] = {{")
    for first, last in ranges:
        print(f"    {{0x{first:x}, 0x{last:x}}},")
    print("};")


write_mapping("case_upper", str.upper)
write_mapping("case_lower", str.lower)
write_ranges("case_upper_letters", str.isupper)
write_ranges("case_lower_letters", str.islower)
write_ranges("case_digits", lambda letter: unicodedata.category(letter) == "Nd")
