"""Results in words: the inspection report, what one object says, and the JSON file."""

from .files import replace_file, write_json
from .text.inspection_report import inspection_report
from .text.show import show_file
from .text.terminal import Style, printable, write_text

__all__ = ["Style", "inspection_report", "printable", "replace_file", "show_file", "write_json", "write_text"]
