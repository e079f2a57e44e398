"""Is a registration read the way it was meant? Asked of its two images, or of the file alone."""

from .hypotheses import HYPOTHESES, TITLES
from .result import AuditResult, Reading
from .run import audit_mapping
from .signs import signs_in_vectors

__all__ = ["HYPOTHESES", "TITLES", "AuditResult", "Reading", "audit_mapping", "signs_in_vectors"]
