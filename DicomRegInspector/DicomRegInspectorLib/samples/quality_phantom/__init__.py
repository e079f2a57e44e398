"""A phantom whose every quality number is known: images, structures, landmarks and registrations made from formulas."""

from __future__ import annotations

from .answers import OBSERVER_MM, Answer, answers_of
from .files import FOLDING, NAMES, REGISTRATION, write_quality_phantom

__all__ = ["FOLDING", "NAMES", "OBSERVER_MM", "REGISTRATION", "Answer", "answers_of", "write_quality_phantom"]
