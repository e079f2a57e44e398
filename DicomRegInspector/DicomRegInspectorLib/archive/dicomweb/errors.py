"""What goes wrong between a run and a server. Every text names the address, and none holds a secret."""

from __future__ import annotations

from ...errors import FileError
from ..studies import SourceError


class ServerError(SourceError):
    """The server as a whole is of no use any more: away for longer than it is waited for, or it does not know the run.

    What it holds stays to be done: the next run goes on.
    """


class AnswerError(FileError):
    """One answer of a server is of no use: what was asked for is not there, cut off, or not what it should be."""

    @property
    def sentence(self) -> str:
        """The address, too: it is no file of this machine, and the only thing that tells where the problem lies."""
        return str(self)


class BusyError(AnswerError):
    """A server that answers did not answer this, however often it was asked."""
