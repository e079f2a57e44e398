"""Bit depths against each other and against the values (PS3.3 C.7.6.3, PS3.5 section 8.1), read piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...dicom import tags
from ...findings import Finding, Severity
from .pixel_facts import LARGEST, SMALLEST, PixelFacts, named

PIECE = 1 << 20
"""Bytes read at a time."""
DECODABLE = (1, 8, 16, 32, 64)
"""Bits Allocated that common decoders read."""


@dataclass(frozen=True)
class ValueScan:
    """What the stored values of a file turned out to be."""

    count: int
    smallest: int
    """Of the pixel's own bits, read by Pixel Representation; padding left out."""
    largest: int
    above: int
    """Values with bits above the stored ones that neither repeat the sign nor are 0."""
    above_bits: int
    """Those bits."""
    unextended: int
    """Negative values whose bits above the stored ones are 0."""
    first_above: int
    """Index of the first value with such bits; -1 without."""


def bit_findings(facts: PixelFacts) -> Iterator[Finding]:
    """Check the four numbers against each other; yields what disagrees."""
    if tags.PIXEL_DATA not in facts.bulk:
        return

    def finding(severity: Severity, text: str) -> Finding:
        evidence = {
            "bits_allocated": facts.get(tags.BITS_ALLOCATED),
            "bits_stored": facts.get(tags.BITS_STORED),
            "high_bit": facts.get(tags.HIGH_BIT),
            "pixel_representation": facts.get(tags.REPRESENTATION),
        }
        return Finding("pixel-bits-inconsistent", severity, text, facts.path, evidence)

    missing = [
        tag
        for tag in (tags.BITS_ALLOCATED, tags.BITS_STORED, tags.HIGH_BIT, tags.REPRESENTATION)
        if facts.get(tag) is None
    ]
    if missing:
        needed = any(tag != tags.HIGH_BIT for tag in missing)
        names = ", ".join(named(tag) for tag in missing)
        yield finding("error" if needed else "warning", f"{names} missing: how pixels are stored is not said")
    allocated, stored, high = facts.get(tags.BITS_ALLOCATED), facts.get(tags.BITS_STORED), facts.get(tags.HIGH_BIT)
    if allocated is not None and allocated not in DECODABLE:
        text = f"{named(tags.BITS_ALLOCATED)} is {allocated}; 1 or a multiple of 8 is allowed"
        yield finding("error", f"{text}, and common readers take 1, 8, 16, 32 and 64")
    if allocated is not None and stored is not None and not 1 <= stored <= allocated:
        yield finding("error", f"{named(tags.BITS_STORED)} is {stored}, with {allocated} bits allocated")
    elif stored is not None and high is not None and high != stored - 1:
        text = f"{named(tags.HIGH_BIT)} is {high}; with {stored} bits stored it must be {stored - 1}"
        yield finding("error" if allocated is not None and high >= allocated else "warning", text)
    if facts.get(tags.REPRESENTATION) not in (None, 0, 1):
        text = (
            f"{named(tags.REPRESENTATION)} is {facts.get(tags.REPRESENTATION)}; 0 (unsigned) and 1 (signed) are defined"
        )
        yield finding("error", text)
    elif facts.signed and (facts.integer(tags.SAMPLES) or 1) > 1:
        yield finding("warning", "Colour samples are said to be signed; colours have no sign")


def value_findings(facts: PixelFacts, scan: ValueScan | None) -> Iterator[Finding]:
    """Check values against bit depths and Smallest and Largest Image Pixel Value; yields what disagrees."""
    yield from _representation_findings(facts)
    if scan is None or not scan.count:
        return
    stored, allocated = facts.get(tags.BITS_STORED), facts.get(tags.BITS_ALLOCATED)
    overlays = [overlay for overlay in facts.overlays if not overlay.has_data and overlay.bit_position >= stored]
    overlay_bits = sum({1 << overlay.bit_position for overlay in overlays})
    evidence = {"bits_stored": stored, "bits_allocated": allocated, "values": scan.above, "bits": hex(scan.above_bits)}
    if scan.above and not scan.above_bits & ~overlay_bits:
        text = (
            f"{scan.above:,} values have bits above the {stored} stored ones set: these are overlay planes "
            f"(Overlay Bit Position (60xx,0102)), which a reader has to mask out"
        )
        yield Finding("pixel-bits-inconsistent", "info", text, facts.path, {**evidence, "overlay_bits": len(overlays)})
    elif scan.above:
        text = (
            f"{scan.above:,} of {scan.count:,} values have bits above the {stored} stored ones set (mask "
            f"{scan.above_bits:#x}, the first at value {scan.first_above:,}): readers that do not mask them out get "
            "other values"
        )
        share = {"share_percent": 100 * scan.above / scan.count}
        yield Finding("pixel-bits-inconsistent", "warning", text, facts.path, evidence | share)
    if scan.unextended:
        text = (
            f"{scan.unextended:,} negative values of {stored} bits have zeros above their sign bit: readers that take "
            f"all {allocated} bits see them as positive"
        )
        yield Finding("pixel-bits-inconsistent", "info", text, facts.path, {**evidence, "values": scan.unextended})
    yield from _range_findings(facts, scan)


def _representation_findings(facts: PixelFacts) -> Iterator[Finding]:
    """Elements that are US or SS by Pixel Representation (PS3.5 A.1), written as the other."""
    expected = "SS" if facts.signed else "US"
    for tag in (SMALLEST, LARGEST, tags.PADDING, tags.PADDING_LIMIT):
        vr, value = facts.vrs.get(tag), facts.get(tag)
        if vr not in ("US", "SS") or vr == expected or value is None or facts.get(tags.REPRESENTATION) is None:
            continue
        other = value + 65536 if value < 0 else value - 65536
        differs = value < 0 or value > 32767
        text = f"{named(tag)} is written as {vr}, Pixel Representation asks for {expected}: "
        text += f"{value} or {other}?" if differs else f"{value} either way"
        evidence = {"vr": vr, "expected_vr": expected, "value": value, "other_value": other if differs else value}
        yield Finding("pixel-bits-inconsistent", "warning" if differs else "info", text, facts.path, evidence)


def _range_findings(facts: PixelFacts, scan: ValueScan) -> Iterator[Finding]:
    smallest, largest = facts.get(SMALLEST), facts.get(LARGEST)
    if smallest is None or largest is None or facts.vrs.get(SMALLEST) != facts.vrs.get(LARGEST):
        return
    evidence = {
        "smallest": smallest,
        "largest": largest,
        "smallest_found": scan.smallest,
        "largest_found": scan.largest,
    }
    if smallest > largest:
        text = f"Smallest Image Pixel Value (0028,0106) is {smallest}, the largest {largest}"
    elif scan.smallest < smallest or scan.largest > largest:
        text = (
            f"Values reach from {scan.smallest} to {scan.largest}; Smallest and Largest Image Pixel Value "
            f"(0028,0106), (0028,0107) say {smallest} to {largest}"
        )
    else:
        return
    yield Finding("pixel-bits-inconsistent", "info", text, facts.path, evidence)


def needs_scan(facts: PixelFacts) -> bool:
    """Tell whether values can contradict the header; most files of 8 or 16 bits stored cannot."""
    element = facts.bulk.get(tags.PIXEL_DATA)
    stored, allocated = facts.get(tags.BITS_STORED), facts.get(tags.BITS_ALLOCATED)
    if element is None or element.length == tags.UNDEFINED or stored is None or allocated not in (8, 16, 32):
        return False
    if not 1 <= stored <= allocated or facts.get(tags.REPRESENTATION) not in (0, 1):
        return False
    return stored < allocated or (SMALLEST in facts.values and LARGEST in facts.values)


def scan_values(facts: PixelFacts) -> ValueScan:
    """Go through uncompressed values, a megabyte at a time."""
    element = facts.bulk[tags.PIXEL_DATA]
    allocated, stored = facts.get(tags.BITS_ALLOCATED), facts.get(tags.BITS_STORED)
    size = allocated // 8
    dtype = np.dtype(f"{'<' if facts.dataset.encoding.little else '>'}u{size}")
    end = min(element.offset + element.length, facts.dataset.size)
    totals = _Totals(stored, allocated, facts.signed, _padding(facts))
    for start in range(element.offset, end - size + 1, PIECE):
        raw = facts.dataset.bytes_at(start, min(PIECE, end - start))
        totals.add(np.frombuffer(raw, dtype, len(raw) // size))
    return totals.result()


def _padding(facts: PixelFacts) -> tuple[int, int] | None:
    padding = facts.get(tags.PADDING)
    if padding is None:
        return None
    limit = facts.get(tags.PADDING_LIMIT, padding)
    return min(padding, limit), max(padding, limit)


class _Totals:
    """Sums over the pieces."""

    def __init__(self, stored: int, allocated: int, signed: bool, padding: tuple[int, int] | None) -> None:
        self._stored, self._allocated, self._signed = stored, allocated, signed
        self._padding = padding
        self._count = self._above = self._above_bits = self._unextended = 0
        self._smallest: int | None = None
        self._largest: int | None = None
        self._first = -1

    def add(self, values: NDArray[np.unsignedinteger]) -> None:
        """One piece, stored values as unsigned numbers of all allocated bits."""
        mask = (1 << self._stored) - 1
        high = values & values.dtype.type(((1 << self._allocated) - 1) ^ mask)
        odd = high != 0
        if self._signed and self._allocated > self._stored:
            negative = values & values.dtype.type(1 << (self._stored - 1)) != 0
            self._unextended += int(np.count_nonzero(negative & ~odd))
            odd &= ~(negative & (high == ((1 << self._allocated) - 1) ^ mask))
        if odd.any():
            odd &= ~self._is_padding(values)
        if odd.any():
            self._above += int(np.count_nonzero(odd))
            self._above_bits |= int(np.bitwise_or.reduce(high[odd]))
            if self._first < 0:
                self._first = self._count + int(np.argmax(odd))
        self._count += values.size
        self._note_range(values & values.dtype.type(mask), ~self._is_padding(values) if self._padding else None)

    def _is_padding(self, values: NDArray[np.unsignedinteger]) -> NDArray[np.bool_]:
        """Padding values are of all allocated bits (C.7.5.1.1.2)."""
        if self._padding is None:
            return np.zeros(values.shape, bool)
        native = values.astype(values.dtype.newbyteorder("="), copy=False)
        whole = native.view(f"i{values.dtype.itemsize}") if self._padding[0] < 0 else native
        return (whole >= self._padding[0]) & (whole <= self._padding[1])

    def _note_range(self, own: NDArray[np.unsignedinteger], counted: NDArray[np.bool_] | None) -> None:
        if counted is not None:
            own = own[counted]
        if not own.size:
            return
        if self._signed:
            sign = own.dtype.type(1 << (self._stored - 1))
            # Turning the sign bit over puts negative values first.
            low, high = int((own ^ sign).min()) - int(sign), int((own ^ sign).max()) - int(sign)
        else:
            low, high = int(own.min()), int(own.max())
        self._smallest = low if self._smallest is None else min(self._smallest, low)
        self._largest = high if self._largest is None else max(self._largest, high)

    def result(self) -> ValueScan:
        """What all pieces say."""
        return ValueScan(
            self._count if self._smallest is not None else 0,
            self._smallest or 0,
            self._largest or 0,
            self._above,
            self._above_bits,
            self._unextended,
            self._first,
        )
