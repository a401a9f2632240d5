"""Requests that HTTP servers have read differently, and what meterline answers; None: it waits for more. Node's parser is the second opinion: what it
refuses, meterline must refuse."""

HOST = b"Host: a\r\n"


def post(*fields, body=b"abcd", version=b"1.1", host=HOST):
    return b"POST /echo HTTP/" + version + b"\r\n" + host + b"".join(field + b"\r\n" for field in fields) + b"\r\n" + body


CASES = {
    "plain": (post(b"Content-Length: 4"), 404),
    "two different lengths": (post(b"Content-Length: 4", b"Content-Length: 3"), 400),
    "two equal lengths": (post(b"Content-Length: 4", b"Content-Length: 4"), 400),
    "a list of lengths": (post(b"Content-Length: 4, 4"), 400),
    "space before the colon": (post(b"Content-Length : 4"), 400),
    "length and chunked": (post(b"Content-Length: 4", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"), 400),
    "chunked and length": (post(b"Transfer-Encoding: chunked", b"Content-Length: 4", body=b"0\r\n\r\n"), 400),
    "chunked in HTTP/1.0": (post(b"Transfer-Encoding: chunked", body=b"0\r\n\r\n", version=b"1.0"), 400),
    "two Hosts": (post(b"Content-Length: 4", b"Host: b"), 400),
    "no Host": (post(b"Content-Length: 4", host=b""), 400),
    "NUL in a field": (post(b"Content-Length: 4", b"X: a\0b"), 400),
    "folded line": (post(b"Content-Length: 4", b"X: a", b" b"), 400),
    "folded length": (post(b"Content-Length:", b" 4"), 400),
    "length +4": (post(b"Content-Length: +4"), 400),
    "length -4": (post(b"Content-Length: -4"), 400),
    "length 0x4": (post(b"Content-Length: 0x4"), 400),
    "length 4 4": (post(b"Content-Length: 4 4"), 400),
    "length too large": (post(b"Content-Length: 99999999999999999999"), 400),
    "unknown coding": (post(b"Transfer-Encoding: nonsense"), 501),
    "chunked twice": (post(b"Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n"), 501),
    "chunked and identity": (post(b"Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n"), 501),
    "coding after a tab": (post(b"Transfer-Encoding:\x0bchunked", body=b"0\r\n\r\n"), 400),
    "bare LF": (post(b"Content-Length: 4").replace(b"\r\n", b"\n"), 400),
    "LF in a field": (post(b"Content-Length: 4", b"X: a\nY: b"), 400),
    "CR in a field": (post(b"Content-Length: 4", b"X: a\rY: b"), 400),
    "no name": (post(b"Content-Length: 4", b": a"), 400),
    "no colon": (post(b"Content-Length: 4", b"X"), 400),
    "space in the name": (post(b"Content-Length: 4", b"X Y: a"), 400),
    "HTTP/0.9": (b"GET /\r\n\r\n", 400),
    "lower case version": (b"GET / http/1.1\r\n" + HOST + b"\r\n", 400),
    "two spaces": (b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "space at the end": (b"GET / HTTP/1.1 \r\n" + HOST + b"\r\n", 400),
    "tab": (b"GET\t/ HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "space first": (b" GET / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
}
# Bodies in chunks are read by a path that takes them; none of these may be taken.
CHUNKS = {
    "size 0x4": b"0x4\r\nabcd\r\n0\r\n\r\n",
    "size +4": b"+4\r\nabcd\r\n0\r\n\r\n",
    "size -4": b"-4\r\nabcd\r\n0\r\n\r\n",
    "space after the size": b"4 \r\nabcd\r\n0\r\n\r\n",
    "space before the size": b" 4\r\nabcd\r\n0\r\n\r\n",
    "no size": b"\r\nabcd\r\n0\r\n\r\n",
    "LF after the size": b"4\nabcd\r\n0\r\n\r\n",
    "LF after the data": b"4\r\nabcd\n0\r\n\r\n",
    "too much data": b"4\r\nabcdef\r\n0\r\n\r\n",
    "size too large": b"fffffffffffffffff\r\nabcd\r\n0\r\n\r\n",
    "LF at the end": b"4\r\nabcd\r\n0\r\n\n",
    "NUL in an extension": b"4;a\0b\r\nabcd\r\n0\r\n\r\n",
    "LF in an extension": b"4;a\nb\r\nabcd\r\n0\r\n\r\n",
}


def chunked(body):
    return b"POST /write HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + body


# A server of Node that answers 200 to all that its parser takes; prints its port.
NODE = """
const server = require('http').createServer((request, response) => {
  request.on('data', () => 0); request.on('end', () => response.end('taken')); });
server.on('clientError', (error, socket) => { if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\\r\\nConnection: close\\r\\n\\r\\n'); });
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
"""
