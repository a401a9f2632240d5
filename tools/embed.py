#!/usr/bin/env python3
"""A text file as the inside of a C array: embed.py FILE."""
import sys

with open(sys.argv[1], "rb") as file:
    data = file.read() + b"\0"
for at in range(0, len(data), 20):
    print(", ".join(map(str, data[at:at + 20])) + ",")
