"""From an inspection to a report on the disk: measuring what the inspection leaves out, drawing, and saying of what."""

from ..report.html.write_report import ReportOptions, Written, check_report_place, options_in_words, write_report

__all__ = ["ReportOptions", "Written", "check_report_place", "options_in_words", "write_report"]
