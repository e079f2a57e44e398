"""Names of files and folders that tell who the patient is: said once, for a path is needed as it is."""

from __future__ import annotations

import os
from collections.abc import Iterable

from ..findings import Finding
from ..findings.about import about_file
from ..privacy import Identities
from ..words import plural


def file_name_findings(paths: Iterable[str], given: Iterable[str], identities: Identities) -> list[Finding]:
    """Return one finding when paths hold what files among them say of a person; the message does not repeat it.

    Parameters
    ----------
    paths
        Of all files.
    given
        Files and folders that were named: the folders above them say nothing of what is in them.
    """
    split = [path.rpartition(os.sep) for path in paths]
    every = [*{folder for folder, _, _ in split}, *(name for _, _, name in split)]
    if not identities.may_be_named_in("\n".join(every)):
        return []
    above = sorted({os.path.join(os.path.dirname(os.path.normpath(path)), "") for path in given}, key=len)
    folders, files = set(), 0
    for above_file, _, name in split:
        folder = os.path.join(above_file, "")
        root = next((root for root in reversed(above) if root and folder.startswith(root)), "")
        folders.add(folder[len(root) :])
        files += identities.are_named_in(name)
    named = sum(map(identities.are_named_in, folders))
    if not files and not named:
        return []
    counted = ((files, "file name"), (named, "folder name"))
    told = " and ".join(plural(count, noun) for count, noun in counted if count)
    message = (
        f"{told} {'holds' if files + named == 1 else 'hold'} the name, a number or the birth date of a person that the "
        "files name. Paths stand as they are in the text and JSON reports; the HTML report and the scene mask them."
    )
    evidence = {"files": files, "folders": named}
    return [Finding("file-names-identify", "info", message, about_file("", "file names"), evidence)]
