"""Tables of numbers as text, each in the shortest form that reads back the same: as ``repr`` has it, in half its time.

A number is taken apart into its whole part, 16 decimals and what is left beyond them, exactly; then as few decimals are
kept as tell it from its neighbours (Steele and White, "How to print floating-point numbers accurately", PLDI 1990).
"""

from __future__ import annotations

import numpy as np

_DECIMALS = 16
_LEAST, _MOST = 1.0, 2.0**23
"""Sizes between which a number's spacing to its neighbours is no less than 2⁻⁵² and no more than a few decimals."""
_SURE = 1e-6
"""Of the last decimal: what comparisons are off by at most is far less. Closer calls are left to Python."""
_FEW = 0.2
"""Share of numbers beyond which Python writes all of them."""
_AT_ONCE = 4096
"""Rows that are written together: what is made of them on the way stays near the processor."""
_FOUR = np.frombuffer(b"".join(b"%04d" % number for number in range(10_000)), np.uint32)
_WIDTH = 28
_POINT, _END = 9, 26
_KEPT = np.array([[column >= 8 - digits for column in range(8)] for digits in range(9)])
_DECIMALS_KEPT = np.array([[column < max(digits, 1) for column in range(_DECIMALS)] for digits in range(_DECIMALS + 1)])


def number_lines(table: np.ndarray) -> str:
    """Return the rows of a table (n, m), float64, as lines of numbers between commas; ``nan`` where there is none."""
    blocks = (table[start : start + _AT_ONCE] for start in range(0, len(table), _AT_ONCE))
    return b"".join([_lines(block) for block in blocks]).decode("ascii")


def _lines(table: np.ndarray) -> bytes:
    values = table.ravel()
    size = np.abs(values)
    with np.errstate(invalid="ignore"):
        easy = (size >= _LEAST) & (size < _MOST)
    if easy.sum() < (1 - _FEW) * len(values):
        return _by_python(table)
    size[~easy] = 1.0
    whole, decimals, count, doubtful = _shortest(size)
    text, kept = _laid_out(whole, decimals, count)
    text[:, 0], kept[:, 0] = ord("-"), values < 0
    text[:, _END] = ord(",")
    text[table.shape[1] - 1 :: table.shape[1], _END] = ord("\n")
    for number in np.flatnonzero(doubtful | ~easy).tolist():
        written = repr(float(values[number])).encode()
        text[number, : len(written)] = np.frombuffer(written, np.uint8)
        kept[number, :_END] = np.arange(_END) < len(written)
    return text[kept].tobytes()


def _by_python(table: np.ndarray) -> bytes:
    line = ",".join(["%r"] * table.shape[1]) + "\n"
    return (line * len(table) % tuple(table.ravel().tolist())).encode()


def _shortest(size: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Whole parts, decimals as a number of 16 digits, how many of these are written, and where that is in doubt."""
    whole = np.floor(size)
    first, left = _eight_digits(((size - whole) * 2.0**52).astype(np.uint64))
    second, left = _eight_digits(left)
    exact, beyond = first * 10**8 + second, left * 2.0**-52
    # Half way to the neighbour, in units of the last decimal.
    half = np.ldexp(1e16, np.frexp(size)[1] - 54)
    decimals = exact + (beyond > 0.5)
    doubtful = np.abs(beyond - 0.5) < _SURE
    count = np.full(len(size), _DECIMALS)
    going = np.arange(len(size))
    for digits in range(1, _DECIMALS + 1):
        unit = 10**digits
        over = exact % unit
        down, up = over + beyond, (unit - over) - beyond
        least = np.minimum(down, up)
        doubtful[going[(np.abs(least - half) < _SURE) | (np.abs(down - up) < _SURE)]] = True
        kept = np.flatnonzero(least < half)
        going, exact, beyond, half = going[kept], exact[kept], beyond[kept], half[kept]
        if not going.size:
            break
        decimals[going] = exact - over[kept] + unit * (up < down)[kept]
        count[going] = _DECIMALS - digits
    carried = decimals == 10**_DECIMALS
    decimals[carried] = 0
    return whole.astype(np.uint64) + carried, decimals, count, doubtful


def _eight_digits(part: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The next eight decimals of a fraction in units of 2⁻⁵², and the fraction that is left; uint64."""
    high, low = (part >> 26) * 10**8, (part & (2**26 - 1)) * 10**8
    high += low >> 26
    return high >> 26, ((high & (2**26 - 1)) << 26) | (low & (2**26 - 1))


def _laid_out(whole: np.ndarray, decimals: np.ndarray, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Characters, and which of them are written, (n, 28); sign and end are left open."""
    text, kept = np.empty((len(whole), _WIDTH), np.uint8), np.zeros((len(whole), _WIDTH), bool)
    text[:, 1:_POINT] = _digits(whole, 2)
    text[:, _POINT], kept[:, [_POINT, _END]] = ord("."), True
    text[:, _POINT + 1 : _END] = _digits(decimals, 4)
    digits = np.searchsorted(10 ** np.arange(1, 8), whole, side="right") + 1
    kept[:, 1:_POINT] = _KEPT[digits]
    kept[:, _POINT + 1 : _END] = _DECIMALS_KEPT[count]
    return text, kept


def _digits(numbers: np.ndarray, fours: int) -> np.ndarray:
    """(n, 4 fours) characters of numbers, with leading zeros."""
    written = np.empty((len(numbers), fours), np.uint32)
    for place in range(fours - 1, -1, -1):
        rest = numbers // 10_000
        written[:, place] = _FOUR[numbers - rest * 10_000]
        numbers = rest
    return written.view(np.uint8)
