"""What of a text from a file may be shown: names, numbers and birth dates of people are masked, here and only here.

A description is free text, in which a patient's name stands often enough. Whoever brings such a text in from a file
passes it through :meth:`Identities.masked`, so that nothing that shows it has to think of it.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from itertools import permutations

HIDDEN = "▮▮▮"
"""In place of a word that identifies a person."""

LEAST_LETTERS, LEAST_DIGITS = 3, 4
"""What a part of a name, and a number, has at least to be masked where it stands alone."""
_CLEAR_DIGITS = 5
"""A number of so many digits is masked beside a letter too: ``1024px`` is a size, ``20241px`` hardly."""
_MOST_BETWEEN = 3
"""Characters between two parts of one name, date or number."""
_MOST_REMEMBERED = 1 << 14
_LEAST_JOINED = 5
"""Letters of two parts of a name written as one word: ``doejohn``; ``raw`` is not ``Ra^W``."""

COMMON_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
    abdomen abdominal ankle aorta apr april arm arterial artery aug august axial axis back best black bladder blood
    blue body bone bowel brain breast bright brown cardiac center centre cervical chest colon contrast core coronal
    cut dark day dec december deep delayed delta dental diastole down early elbow eye face fast fat feb february
    femur field fine finger first flow fluid foot frame free friday full gold gray green grey guide hand hard head
    heart heel high hip image images iron jan january joint jul july jun june kidney knee large last late lateral
    left leg lens light liver long low lower lumbar lung lungs main map mar march mark mask may mean medial middle
    monday mouth muscle nasal navel neck nerve nose nov november null obere oct october open oral orbit organ pass
    pelvis phase pine plain plan plane port portal post pre prone prostate quick range rapid ray red rest rib right
    ring rose round sagittal sample sand scan scout sella sep sept september series set shape sharp short shoulder
    side silver sinus size skin skull slice slices slow small smooth soft space spin spine spiral spleen star std
    still stomach stone stop stress strong study summer sun supine sweet temple test tests thick thigh thin thoracic
    thorax throat time tissue toe tongue tooth tracer trunk tumor tumour turn upper vein venous ventral venus view
    volume water wave week west white whole wide wing winter wrist year young zero
    admin administrator anon anonym anonymised anonymized anonymous case clinic default demo doctor dummy example
    hospital institute name nobody noname none object operator patient person phantom physician physicist qa quality
    radiologist radiology research service staff subject tech technician university unknown unnamed user volunteer
    water
    abu al ben bin bsc das del den der des di dos dr el fr frau herr hr ibn ii iii iv jr la le md miss mr mrs ms msc
    phd prof san sir sr ten ter van von
    affine average color colour counts cr ct deformable derived display doc dose dx ecg fiducial fiducials filtered
    gml grams homogeneous hounsfield identity line localizer marker matrix maximum mean mg minimum mixed monochrome
    mosaic mr nm none normal ops opt original other palette point pr primary projection protocol pt px reformatted
    reg registration report resampled rf rgb rigid rtdose rtimage rtplan rtstruct ruler save sc scale screen
    secondary seg segmentation structure structures transform us xa ybr
    agfa ants brain brainlab canon carestream dicom elastix electric elekta esaote fuji fujifilm general healthcare
    hitachi hologic iba lab medical mim philips planmed plastimatch raysearch samsung sectra shimadzu siemens slicer
    systems toshiba united varian velocity
    """,
    )
)
"""Words that descriptions and DICOM's own terms are made of, and that are names of people too."""

_PIECE = re.compile(r"[^\W\d_]+|\d+")
_CAMEL = re.compile(r"[^\W\d_a-z]?[a-z]+|[^\W\d_a-z]+(?![a-z])")
_HUMP = re.compile(r"[a-z][A-Z]|[A-Z]{2}[a-z]")
_UID = re.compile(r"(?<![\w.])[0-2](?:\.\d+){4,}(?![\w.])")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7ff\uf900-\ufaff\uff66-\uff9f]")
"""Letters of scripts that put no space between a name and the word after it."""
_MONTHS = re.findall(r"\w+", "january february march april may june july august september october november december")
_SPELLED_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"})
_WITHOUT_MARKS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"})
_HIRAGANA = {katakana: katakana - 0x60 for katakana in range(0x30A1, 0x30F7)}

Phrase = tuple[str, ...]
Span = tuple[int, int]


@dataclass(frozen=True)
class Identities:
    """Whom files name. Two of them joined by ``|`` are one."""

    names: frozenset[str] = frozenset()
    """Of people, as PN has them (PS3.5 section 6.2.1): component groups split by ``=``, components by ``^``."""
    numbers: frozenset[str] = frozenset()
    """Of patients, requests: Patient ID and what else is issued to one person."""
    birth_dates: frozenset[str] = frozenset()
    """``YYYYMMDD``."""
    places: frozenset[str] = frozenset()
    """Names of institutions; masked whole, for their words are everybody's."""
    _known: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __or__(self, other: Identities) -> Identities:
        """Return both."""
        return Identities(
            self.names | other.names,
            self.numbers | other.numbers,
            self.birth_dates | other.birth_dates,
            self.places | other.places,
        )

    @property
    def plain(self) -> Identities:
        """These without numbers of four digits, which a sentence of this project's own may hold for other reasons."""
        numbers = (number for number in self.numbers if not number.isdecimal() or len(number) >= _CLEAR_DIGITS)
        return replace(self, numbers=frozenset(numbers))

    def __bool__(self) -> bool:
        """Whether anybody is named."""
        return bool(self.names or self.numbers or self.birth_dates or self.places)

    def masked(self, text: str) -> str:
        """Return a text with :data:`HIDDEN` in place of whatever names one of these people.

        Words count whole, whatever their case, accents and order: ``DOE_JOHN``, ``john-doe``, ``JohnDoe`` for
        ``Doe^John``. A part of a name is masked alone from three letters on; a shorter one, and a word that
        descriptions are made of (:data:`COMMON_WORDS`: head, long, phantom), only beside another part of the
        same name. A number is masked whole from four digits on (or three letters); UIDs and decimal numbers stay.
        """
        if not text or not self:
            return text
        found = self._known.get(text)
        if found is None:
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            found = self._known[text] = self._masked(text)
        return found

    def are_named_in(self, text: str) -> bool:
        """Tell whether a text, such as a file's name, names one of these people."""
        return self.may_be_named_in(text) and self.masked(text) != text

    def may_be_named_in(self, text: str) -> bool:
        """Tell, fast and of a text as long as the list of all files, whether it is worth a closer look."""
        if not text or not self:
            return False
        return bool(_UNSPACED.search(text)) or not self._beginnings.isdisjoint(_beginnings_of(text))

    def _masked(self, text: str) -> str:
        plain = unicodedata.normalize("NFC", text)
        spans = sorted(self._spans(plain))
        if not spans:
            return text
        parts, end = [], 0
        for start, stop in spans:
            if stop <= end:
                continue
            if start >= end:
                parts += [plain[end:start], HIDDEN]
            end = stop
        return "".join([*parts, plain[end:]])

    @cached_property
    def _people(self) -> dict[str, set[int]]:
        """Every part of every name, folded, to the people it is of."""
        found: dict[str, set[int]] = defaultdict(set)
        for number, name in enumerate(sorted(self.names)):
            for word in _words_of_name(name):
                found[word].add(number)
        return dict(found)

    @cached_property
    def _alone(self) -> frozenset[str]:
        """Parts of names that are masked wherever they stand."""
        return frozenset(word for word in self._people if len(word) >= LEAST_LETTERS and word not in COMMON_WORDS)

    @cached_property
    def _within(self) -> tuple[str, ...]:
        """Names in scripts without spaces, masked within other letters too."""
        return tuple(word for word in self._people if len(word) > 1 and _UNSPACED.search(word))

    @cached_property
    def _phrases(self) -> dict[str, list[Phrase]]:
        """Words that count only one after the other, by the first."""
        found: dict[str, list[Phrase]] = defaultdict(list)
        told = [phrase for number in self.numbers for phrase in _number_phrases(number)]
        told += [phrase for date in self.birth_dates for phrase in _date_phrases(date)]
        told += [phrase for place in self.places for phrase in _place_phrases(place)]
        # A name with digits in it is a number that somebody gave.
        told += [phrase for name in self.names if re.search(r"\d", name) for phrase in _number_phrases(name)]
        for phrase in dict.fromkeys(told):
            found[phrase[0]].append(phrase)
        return dict(found)

    @cached_property
    def _beginnings(self) -> frozenset[str]:
        return frozenset([*self._people, *self._phrases])

    def _spans(self, text: str) -> Iterator[Span]:
        """Where in a text something is to be masked."""
        kept = [match.span() for match in _UID.finditer(text)]
        pieces = [
            match.span()
            for match in _PIECE.finditer(text)
            if not any(start <= match.start() < stop for start, stop in kept)
        ]
        words = [_variants(text[start:stop]) for start, stop in pieces]
        for at, (start, stop) in enumerate(pieces):
            yield from self._word_spans(text, start, stop, words[at])
            yield from self._phrase_spans(text, pieces, words, at)
            yield from self._neighbour_spans(pieces, words, at)

    def _word_spans(self, text: str, start: int, stop: int, words: frozenset[str]) -> Iterator[Span]:
        if not words.isdisjoint(self._alone):
            yield start, stop
        elif _UNSPACED.search(text, start, stop):
            if any(name in word for word in words for name in self._within):
                yield start, stop
        else:
            for part in _CAMEL.finditer(text, start, stop):
                if part.span() != (start, stop) and not _variants(part.group()).isdisjoint(self._alone):
                    yield part.span()

    def _phrase_spans(self, text: str, pieces: list[Span], words: list[frozenset[str]], at: int) -> Iterator[Span]:
        for word in words[at]:
            for phrase in self._phrases.get(word, ()):
                last = at + len(phrase) - 1
                if last >= len(pieces) or not all(part in words[at + k] for k, part in enumerate(phrase)):
                    continue
                if any(pieces[k + 1][0] - pieces[k][1] > _MOST_BETWEEN for k in range(at, last)):
                    continue
                span = pieces[at][0], pieces[last][1]
                if len(phrase) > 1 or not phrase[0].isdecimal() or _stands_alone(text, *span):
                    yield span

    def _neighbour_spans(self, pieces: list[Span], words: list[frozenset[str]], at: int) -> Iterator[Span]:
        """Two parts of one name beside each other, be they short or everybody's words."""
        if at + 1 == len(pieces) or pieces[at + 1][0] - pieces[at][1] > _MOST_BETWEEN:
            return
        if words[at].isdisjoint(words[at + 1]) and self._people_of(words[at]) & self._people_of(words[at + 1]):
            yield pieces[at]
            yield pieces[at + 1]

    def _people_of(self, words: Iterable[str]) -> set[int]:
        return {person for word in words for person in self._people.get(word, ())}


NOBODY = Identities()


def _stands_alone(text: str, start: int, stop: int) -> bool:
    """Whether digits are a number of their own: no decimals of another, and no size with its unit."""
    before, after = text[max(start - 2, 0) : start], text[stop : stop + 2]
    if re.search(r"\d[.,]$", before) or re.match(r"[.,]\d", after):
        return False
    return stop - start >= _CLEAR_DIGITS or not (before[-1:].isalpha() or after[:1].isalpha())


def _beginnings_of(text: str) -> set[str]:
    words = set(_PIECE.findall(text.casefold()))
    if text.isascii():
        return words | {part.casefold() for part in _CAMEL.findall(text)} if _HUMP.search(text) else words
    return {variant for word in _PIECE.findall(unicodedata.normalize("NFC", text)) for variant in _variants(word)}


@lru_cache(maxsize=1 << 14)
def _variants(word: str) -> frozenset[str]:
    """A word without case and accents, and with umlauts spelled out: what may be written for it."""
    if word.isascii():
        return frozenset((word.casefold(),))
    low = unicodedata.normalize("NFC", word).casefold()
    return frozenset(map(_without_marks, (low, low.translate(_SPELLED_OUT))))


def _without_marks(word: str) -> str:
    apart = unicodedata.normalize("NFKD", word.translate(_WITHOUT_MARKS))
    bare = "".join(letter for letter in apart if not unicodedata.combining(letter))
    return unicodedata.normalize("NFC", bare).translate(_HIRAGANA).casefold()


def _words_of_name(name: str) -> Iterator[str]:
    """The parts of a name, folded, and what they make when nothing is put between them."""
    for group in unicodedata.normalize("NFC", name).split("="):
        components = [re.findall(r"[^\W\d_]+", component) for component in group.split("^")]
        written = [word for component in components for word in component]
        joined = ["".join(component) for component in components if component]
        for first, second in permutations(joined[:3], 2):
            joined += [first + second] if len(first + second) >= _LEAST_JOINED or _UNSPACED.search(first) else []
            # A login: jdoe, doej.
            joined += [first[0] + second, second + first[0]] if len(second) >= LEAST_LETTERS else []
        for word in [*written, *joined]:
            yield from _variants(word)


def _number_phrases(number: str) -> Iterator[Phrase]:
    """A number as its digits and letters follow each other, whatever stands between them."""
    parts = _PIECE.findall(number.casefold())
    digits, letters = sum(map(len, filter(str.isdecimal, parts))), sum(map(len, filter(str.isalpha, parts)))
    is_word = letters >= LEAST_LETTERS and not all(part in COMMON_WORDS for part in parts if part.isalpha())
    if not parts or not (digits >= LEAST_DIGITS or (digits and digits + letters >= LEAST_DIGITS) or is_word):
        return
    yield tuple(parts)
    short = parts[0].lstrip("0")
    if parts[0].isdecimal() and len(short) >= LEAST_DIGITS:
        yield (short, *parts[1:])
    # 4711-83 is written 471183 as well.
    yield tuple(_PIECE.findall("".join(parts)))


def _date_phrases(date: str) -> Iterator[Phrase]:
    """A date in the order of every country, with and without separators; months as numbers and as words."""
    if not re.fullmatch(r"\d{8}", date) or date == "00000000":
        return
    year, month, day = date[:4], date[4:6], date[6:]
    if not 1 <= int(month) <= 12 or not 1 <= int(day) <= 31:
        return
    for years in (year, year[2:]):
        for order in ((years, month, day), (day, month, years), (month, day, years)):
            yield ("".join(order),)
        for months in {month, str(int(month)), _MONTHS[int(month) - 1][:3], _MONTHS[int(month) - 1]}:
            for days in {day, str(int(day))}:
                yield from ((years, months, days), (days, months, years), (months, days, years))


def _place_phrases(place: str) -> Iterator[Phrase]:
    folded = [min(_variants(part)) for part in _PIECE.findall(unicodedata.normalize("NFC", place))]
    if len(folded) > 1 or (folded and len(folded[0]) > LEAST_LETTERS and folded[0] not in COMMON_WORDS):
        yield tuple(folded)
