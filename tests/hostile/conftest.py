"""What the hostile cases share: a refusal is one clear line, whatever the cause."""

import re
import struct
import zlib

import pytest

from reproduce.runtime.errors import UserError


@pytest.fixture
def refused():
    """refused(pattern, call): the call ends in a UserError of one line that matches."""

    def check(pattern, call):
        with pytest.raises(UserError) as caught:
            call()
        line = str(caught.value)
        assert "\n" not in line.strip()
        assert re.search(pattern, line), line

    return check


@pytest.fixture
def png():
    """png(width, height, depth, colour type, rows, extra chunks): a PNG, by the specification."""

    def chunk(kind, content):
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    def make(width, height, depth, colour, rows, extra=()):
        head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
        packed = zlib.compress(b"".join(b"\0" + row for row in rows))
        chunks = [(b"IHDR", head), *extra, (b"IDAT", packed), (b"IEND", b"")]
        return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in chunks)

    return make
