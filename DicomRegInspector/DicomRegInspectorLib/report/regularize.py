"""What ``regularize`` did, in words."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

from .text.terminal import plural, printable

if TYPE_CHECKING:
    from ..tasks.regularize import Outcome

_LISTED = 20


def regularize_report(outcome: Outcome) -> str:
    """The outcome as text: what was done, what was left out, and where the result is."""
    lines = [printable(outcome.description)]
    for one in outcome.volumes:
        size = " × ".join(str(count) for count in one["dimensions"])
        spacing = " × ".join(f"{step:.6g}" for step in (*one["spacing_mm"][:2], one["slice_distance_mm"]))
        name = f"{one['label']}: " if one["label"] else ""
        valid = one["valid_fraction"]
        rest = "" if valid == 1 else f", {100 * (1 - valid):.1f} % of it the fill value {one['fill']:g}"
        tilt = "" if one["is_orthogonal"] else ", tilted"
        lines.append(f"  {name}{size} voxels of {spacing} mm{tilt}{rest}")
    if outcome.dropped:
        lines.append(f"left out, {plural(len(outcome.dropped), 'image')}:")
        for one in outcome.dropped[:_LISTED]:
            frame = f" frame {one.slice.frame_number}" if one.slice.frame_number is not None else ""
            lines.append(f"  {printable(os.path.basename(one.slice.path))}{frame}: {printable(one.reason)}")
        reasons = Counter(one.reason for one in outcome.dropped[_LISTED:])
        lines += [f"  and {count} more: {printable(reason)}" for reason, count in reasons.items()]
    lines += [f"note: {printable(note)}" for note in outcome.notes]
    lines += [f"written: {printable(path)}" for path in outcome.written]
    return "\n".join(lines)
