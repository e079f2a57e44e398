"""Results in words: the inspection report, what one object says, and the JSON file."""

from .files import replace_file, write_json
from .show import show_file
from .terminal import Style, printable, write_text
from .text import inspection_report

__all__ = ["Style", "inspection_report", "printable", "replace_file", "show_file", "write_json", "write_text"]
