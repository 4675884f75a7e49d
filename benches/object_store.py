"""As much of S3 as an index asks for, with a delay: ListObjectsV2 and GET and HEAD of objects, with ranges.

    python object_store.py FOLDER COUNT MILLISECONDS

Bucket `bench` has COUNT objects, in/000000.dcm and so on, whose contents are the files of FOLDER in turn. Prints its
port. The first byte of each answer comes so many milliseconds after its request. It checks no signature: it is as
little as can be between a client and the delay. moto's server, in Python too, answers some hundred requests a second:
a tenth of what 64 in flight ask for at 20 ms.
"""

from __future__ import annotations

import asyncio
import sys
import urllib.parse
from pathlib import Path

BUCKET = "bench"
PAGE = 1000  # keys of one page of a listing, as S3 has it
MODIFIED = "Wed, 31 Jan 2024 10:11:12 GMT"


def key(number: int) -> str:
    """The name of an object."""
    return f"in/{number:06d}.dcm"


class Bucket:
    """What is stored."""

    def __init__(self, folder: Path, count: int) -> None:
        self.contents = [path.read_bytes() for path in sorted(folder.rglob("*.dcm"))[:200]]
        self.number = {key(i): i for i in range(count)}
        self.keys = list(self.number)

    def list(self, query: dict[str, str]) -> bytes:
        """One page: the token is the number of its first key."""
        prefix, first = query.get("prefix", ""), int(query.get("continuation-token", "0"))
        found = [name for name in self.keys if name.startswith(prefix)]
        page = found[first : first + min(PAGE, int(query.get("max-keys", PAGE)))]
        more = first + len(page) < len(found)
        token = f"<NextContinuationToken>{first + len(page)}</NextContinuationToken>" if more else ""
        contents = "".join(
            f"<Contents><Key>{name}</Key><LastModified>2024-01-31T10:11:12.000Z</LastModified><ETag>&quot;{name}&quot;</ETag>"
            f"<Size>{len(self.content(name))}</Size><StorageClass>STANDARD</StorageClass></Contents>"
            for name in page
        )
        return (
            '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>{BUCKET}</Name><Prefix>{prefix}</Prefix><KeyCount>{len(page)}</KeyCount><MaxKeys>{PAGE}</MaxKeys>"
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{contents}</ListBucketResult>"
        ).encode()

    def content(self, name: str) -> bytes:
        """The bytes of an object."""
        return self.contents[self.number[name] % len(self.contents)]


class Connection(asyncio.Protocol):
    """One client, which asks one thing after the other."""

    def __init__(self, bucket: Bucket, delay: float) -> None:
        self.bucket, self.delay, self.waiting = bucket, delay, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where answers go."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each whole request, later."""
        self.waiting += data
        while (end := self.waiting.find(b"\r\n\r\n")) >= 0:
            head, self.waiting = self.waiting[:end], self.waiting[end + 4 :]
            asyncio.get_running_loop().call_later(self.delay, self.send, head.decode("latin-1"))

    def send(self, head: str) -> None:
        """Answer one request."""
        request, *lines = head.split("\r\n")
        method, target, _ = request.split(" ")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        path, _, query = target.partition("?")
        name = urllib.parse.unquote(path).removeprefix(f"/{BUCKET}").lstrip("/")
        if not name:
            self.write("200 OK", self.bucket.list(dict(urllib.parse.parse_qsl(query))), "Content-Type: application/xml")
        elif name not in self.bucket.number:
            self.write("404 Not Found", b"<Error><Code>NoSuchKey</Code></Error>", "Content-Type: application/xml")
        else:
            self.send_object(method, name, fields.get("range", ""))

    def send_object(self, method: str, name: str, wanted: str) -> None:
        """The whole of it, or one range: bytes=first-last, bytes=first-, bytes=-length."""
        body, status, more = self.bucket.content(name), "200 OK", f'ETag: "{name}"\r\nLast-Modified: {MODIFIED}'
        size = len(body)
        if wanted.startswith("bytes="):
            low, _, high = wanted[6:].partition("-")
            first = int(low) if low else max(0, size - int(high))
            end = min(size, int(high) + 1) if low and high else size
            body, status = body[first:end], "206 Partial Content"
            more += f"\r\nContent-Range: bytes {first}-{end - 1}/{size}"
        self.write(status, body, f"{more}\r\nAccept-Ranges: bytes", with_body=method != "HEAD")

    def write(self, status: str, body: bytes, fields: str, with_body: bool = True) -> None:
        """One answer."""
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{fields}\r\n\r\n".encode()
        self.transport.write(head + body if with_body else head)


async def serve(folder: Path, count: int, delay: float) -> None:
    """Until the process that started this one ends it."""
    bucket = Bucket(folder, count)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(bucket, delay), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]) / 1e3))
