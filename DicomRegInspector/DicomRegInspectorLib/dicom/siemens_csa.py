"""Siemens' CSA image header (0029,xx10): a list of named values that only their scanners' private elements hold.

The layout is not published; it is known from what nibabel's and dcm2niix's documentation tell of it: after the four
bytes ``SV10`` and four more (absent in the older kind), the number of tags and a check number, then for each tag a name
of 64 bytes, four numbers and a representation, and its values with four numbers before each, padded to four bytes.
"""

from __future__ import annotations

import struct

MAX_TAGS, MAX_ITEMS = 1024, 1024
_COUNT = struct.Struct("<LL").unpack_from
_TAG = struct.Struct("<64sl4slll").unpack_from
_ITEM = struct.Struct("<llll").unpack_from
_TAG_BYTES, _ITEM_BYTES = 84, 16


def csa_values(raw: bytes, names: frozenset[str]) -> dict[str, tuple[str, ...]]:
    """Return the values of the named tags, without empty ones; nothing of what is damaged.

    ``raw``: the element's value.
    """
    is_second = raw[:4] == b"SV10"
    offset = 8 if is_second else 0
    found: dict[str, tuple[str, ...]] = {}
    try:
        count, _ = _COUNT(raw, offset)
        offset += 8
        first_items = 0
        for number in range(min(count, MAX_TAGS)):
            name, _, _, _, items, _ = _TAG(raw, offset)
            offset += _TAG_BYTES
            if not 0 <= items <= MAX_ITEMS:
                break
            if number == 0:
                first_items = items
            values = []
            for _ in range(items):
                header = _ITEM(raw, offset)
                # The older kind counts the first tag's items into the lengths.
                length = header[1] if is_second else header[0] - first_items
                offset += _ITEM_BYTES
                if not 0 <= length <= len(raw) - offset:
                    if is_second:
                        return found
                    length = 0
                values.append(raw[offset : offset + length].split(b"\0")[0].strip())
                offset += length + -length % 4
            text = name.split(b"\0")[0].decode("ascii", "replace")
            kept = tuple(value.decode("ascii", "replace") for value in values if value)
            if text in names and kept:
                found[text] = kept
    except struct.error:
        pass
    return found
