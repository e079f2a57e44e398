"""Sample data made on the spot from formulas, declared as synthetic: nothing is downloaded, nobody is in it."""

from __future__ import annotations

from .sets import SAMPLES, Sample, describe_samples, make_samples, write_samples

__all__ = ["SAMPLES", "Sample", "describe_samples", "make_samples", "write_samples"]
