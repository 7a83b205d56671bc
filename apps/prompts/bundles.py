"""Several text files at once: one by one, or together in a zip."""

import io
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MOST_FILES = 50
MOST_BYTES = 1_000_000  # of all files together
SUFFIXES = (".prompt", ".json")
# The library has no base class for what may be wrong with a zip, and documents only the first.
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,  # packed bytes that are none
    EOFError,  # cut off
    NotImplementedError,  # a version or a flag that it does not know
    RuntimeError,  # encrypted
    UnicodeDecodeError,  # a name
)
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ALIKE = (1980, 1, 1, 0, 0, 0)  # so that equal files are an equal zip


@dataclass(frozen=True, slots=True)
class TextFile:
    name: str
    data: bytes


class BundleError(ValueError):
    """What was given is too much, or no zip; the message says why."""


def pack(files: Iterable[TextFile]) -> bytes:
    """A zip of them; equal files make an equal zip."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as bundle:
        for file in files:
            bundle.writestr(zipfile.ZipInfo(file.name, _ALIKE), file.data)
    return held.getvalue()


def unpack(files: Iterable[TextFile]) -> list[TextFile]:
    """The files, and what zips among them hold. Raises `BundleError`.

    However small a zip, no more is unpacked than may be given in all.
    """
    found: list[TextFile] = []
    left = MOST_BYTES
    for file in _each(files):
        found.append(file)
        left -= len(file.data)
        if left < 0:
            raise BundleError(f"More than {MOST_BYTES:,} bytes in all. Import fewer at a time.")
        if len(found) > MOST_FILES:
            raise BundleError(f"More than {MOST_FILES} files. Import fewer at a time.")
    return found


def _each(files: Iterable[TextFile]) -> Iterator[TextFile]:
    for file in files:
        if file.data.startswith(b"PK\x03\x04"):
            yield from _members(file)
        else:
            yield file


def _members(file: TextFile) -> Iterator[TextFile]:
    try:
        with zipfile.ZipFile(io.BytesIO(file.data)) as bundle:
            for member in bundle.infolist():
                if member.filename.endswith(SUFFIXES) and not member.is_dir():
                    _check_method(member)
                    with bundle.open(member) as text:
                        yield TextFile(member.filename, text.read(MOST_BYTES + 1))
    except _UNREADABLE as error:
        raise BundleError(f"{file.name} is no zip that can be read: {error}") from error


def _check_method(member: zipfile.ZipInfo) -> None:
    """Of other methods the library unpacks 4 KB at once, which may be gigabytes."""
    if member.compress_type not in _METHODS:
        raise BundleError(f"{member.filename} is packed in an unusual way. Zip it with “deflate”.")
