"""Classify files as photos or other files, by their names, else by their first bytes.

The name decides for nearly every file, so a million files can be listed without
opening them. Whether a photo can be decoded is not checked here.
"""

from __future__ import annotations

import functools
import importlib.util
import os
from collections.abc import Iterable
from enum import Enum
from pathlib import PurePath


class Kind(Enum):
    """The kind of a file."""

    PHOTO = "photo"  # a picture in a format that pawsight reads
    FOREIGN = "foreign"  # a picture in another format
    OTHER = "other"  # no picture
    UNKNOWN = "unknown"  # not known from the name; the first bytes decide


# Also listed in web/static/intake.js.
_PHOTO = """
apng avif avifs bmp dib gif heic heics heif heifs hif ico j2c j2k jfif jp2 jpc jpe jpeg jpf jpg
jpx mpo pbm pcx pgm pjp pjpeg png pnm ppm qoi sgi tga tif tiff webp
"""
_RAW = "a camera's raw format"
_JXL = "JPEG XL"
# Formats that need an extra of pawsight: the name of the extra, and the package it installs.
_EXTRAS = {_RAW: ("raw", "rawpy"), _JXL: ("jxl", "pillow_jxl")}
_FOREIGN = {
    _RAW: """
        3fr ari arw bay cap cr2 cr3 crw dcr dng erf fff gpr iiq k25 kdc mdc mef mos mrw nef nrw
        orf pef ptx r3d raf raw rw2 rwl rwz sr2 srf srw x3f
        """,
    "a medical image (DICOM)": "dcm dicom ima",
    "a drawing, not a photo": "ai cdr emf eps svg svgz wmf",
    "an editor's own format": "afphoto clip kra pdn psb psd psp xcf",
    _JXL: "jxl",
    "a format that pawsight does not read": """
        bpg cin cur dds djv djvu dpx exr fit fits flif hdp hdr icns jbg jbig jls jng jxr miff
        mng pam pcd pct pfm pict ras sun wbmp wdp xbm xpm xwd
    """,
}
_OTHER = """
7z aae avi avro bak bat bin bz2 cfg ckpt conf css csv dat db dll doc docx eml exe gz h5 hdf5 htm
html ini ipynb jar joblib js json jsonl keras key lnk lock log m4a m4v mat md md5 mkv mov mp3 mp4
mpeg mpg names npy npz ods odt onnx orig parquet pb pdf pickle pkl ppt pptx pt pth py pyc rar rst
rtf safetensors sh sha1 sha256 sqlite sqlite3 sub sum tar tex tfrecord tfrecords tflite tgz thm
toml torrent tsv ttf txt url wav webm wmv xls xlsx xml xmp xz yaml yml zip zst
"""

_KINDS = (
    dict.fromkeys(_PHOTO.split(), Kind.PHOTO)
    | {extension: Kind.FOREIGN for group in _FOREIGN.values() for extension in group.split()}
    | dict.fromkeys(_OTHER.split(), Kind.OTHER)
)
_REASONS = {extension: reason for reason, group in _FOREIGN.items() for extension in group.split()}
# Folders that systems, storage devices and photo programs create for their own use, in lower case.
_PROGRAMS = {
    "#recycle": "recycle bin of a Synology or TerraMaster NAS",
    "#snapshot": "snapshots of a Synology NAS",
    "@eadir": "thumbnails of a Synology NAS",
    "@tmp": "temporary files of a Synology NAS",
    "@sharebin": "recycle bin of a Synology NAS",
    "@recycle": "recycle bin of a QNAP NAS",
    "@recently-snapshot": "snapshots of a QNAP NAS",
    ".@__thumb": "thumbnails of a QNAP NAS",
    "@__thumb": "thumbnails of a QNAP NAS",
    ".recycle": "recycle bin of Samba",
    ".recycle.bin": "recycle bin of Samba",
    "$recycle.bin": "recycle bin of Windows",
    "system volume information": "Windows",
    "~snapshot": "snapshots of a NetApp",
    ".snapshot": "snapshots of a file server",
    ".snapshots": "snapshots of a file server",
    ".zfs": "snapshots of ZFS",
    ".trash": "trash",
    ".trashes": "trash of macOS",
    "network trash folder": "trash of macOS",
    ".temporaryitems": "temporary files of macOS",
    "temporary items": "temporary files of macOS",
    ".appledouble": "macOS",
    "__macosx": "macOS, in archives",
    "lost+found": "repairs of a Linux file system",
    ".stversions": "earlier versions of Syncthing",
    ".sync": "Resilio Sync",
    "_gsdata_": "GoodSync",
    "files_trashbin": "trash of Nextcloud",
    "files_versions": "earlier versions of Nextcloud",
    ".dropbox.cache": "cache of Dropbox",
    ".tmp.drivedownload": "cache of Google Drive",
    ".tmp.driveupload": "cache of Google Drive",
    ".thumbnails": "thumbnails of Android or Linux",
    ".thumb": "thumbnails",
    ".thumbs": "thumbnails",
    ".globaltrash": "trash of Android",
    ".picasaoriginals": "originals kept by Picasa",
    ".dtrash": "trash of digiKam",
    ".photoprism": "PhotoPrism",
    ".xvpics": "thumbnails of xv and GIMP",
    "captureone": "cache of Capture One",
    "lightroom_temp": "temporary files of Lightroom",
    "nksc_param": "settings of Nikon's programs",
    "__pycache__": "Python",
    ".ipynb_checkpoints": "Jupyter",
}
# Endings of folders that file managers show as one file: removing photos from them breaks them.
_PACKAGES = {
    ".photoslibrary": "library of Apple Photos",
    ".photolibrary": "library of iPhoto",
    ".migratedphotolibrary": "library of iPhoto",
    ".aplibrary": "library of Aperture",
    ".migratedaplibrary": "library of Aperture",
    ".lrdata": "previews of Lightroom",
    ".lrlibrary": "library of Lightroom",
    ".lrcat-data": "data of Lightroom",
    ".photoboothlibrary": "library of Photo Booth",
    ".imovielibrary": "library of iMovie",
    ".fcpbundle": "library of Final Cut Pro",
    ".tvlibrary": "library of Apple TV",
    ".cocatalog": "catalog of Capture One",
    ".cosession": "session of Capture One",
    ".theater": "library of iMovie",
}
_PACKAGE_NAMES = {
    "iphoto library": "library of iPhoto",
    "photo booth library": "library of Photo Booth",
}
_NUMBERED = {".trash-": "trash of Linux", "found.": "repairs of Windows"}

# The brands of an ISO base media file that hold still pictures in HEVC or AV1.
_STILL_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1", b"avif", b"avis"}
SNIFF_BYTES = 132  # DICOM has its name after 128 bytes
SHARD_INDEX = "shards.json"  # the index of a set that `pawsight pack` wrote
ARCHIVE_ENDINGS = (
    *(".zip", ".tar", ".tar.gz", ".tar.xz", ".tar.bz2"),
    *(".tgz", ".txz", ".tbz2", ".tbz"),
)
TABLE_ENDINGS = (".csv", ".tsv")
# For messages.
EXAMPLES = "Photos are files such as .jpg, .png, .webp, .heic, .tif, .bmp or .gif."
ARCHIVES = f"an archive ({', '.join(ARCHIVE_ENDINGS[:5])})"
TABLES = f"a table ({', '.join(TABLE_ENDINGS)})"


def kind_of(name: str) -> Kind:
    """Return the kind of a file by its name alone; hidden files are OTHER."""
    if name.startswith("."):
        return Kind.OTHER
    _, dot, extension = name.rpartition(".")
    kind = _KINDS.get(extension.lower(), Kind.UNKNOWN) if dot else Kind.UNKNOWN
    if kind is Kind.FOREIGN and _is_read(_REASONS[extension.lower()]):
        return Kind.PHOTO
    return kind


@functools.cache
def _is_read(reason: str) -> bool:
    """Return whether an extra that reads a foreign format is installed."""
    return reason in _EXTRAS and importlib.util.find_spec(_EXTRAS[reason][1]) is not None


def _advice(reason: str) -> str:
    """Return what to do with a photo in a foreign format."""
    if reason not in _EXTRAS:
        return "save it as JPEG or PNG"
    what = "read its preview" if reason == _RAW else "read it"
    return f'save it as JPEG, or {what}: pip install "pawsight[{_EXTRAS[reason][0]}]"'


def belongs_to(folder_name: str) -> str:
    """Return the program that creates folders of this name, or their purpose; "" if unknown."""
    name = folder_name.lower()
    if name in _PROGRAMS:
        return _PROGRAMS[name]
    if folder_name in ("RECYCLER", "RECYCLED"):  # in lower case it may be a class
        return "recycle bin of Windows"
    for start, program in _NUMBERED.items():
        if name.startswith(start) and name.removeprefix(start).isdecimal():
            return program
    return package_of(name)


def package_of(folder_name: str) -> str:
    """Return the kind of package that a folder is by its name; "" if it is no package."""
    name = folder_name.lower()
    stem, dot, ending = name.rpartition(".")
    return _PACKAGE_NAMES.get(name, "") or (_PACKAGES.get(dot + ending, "") if stem else "")


def is_system_folder(name: str) -> bool:
    """Return whether a folder is hidden, or created by a system or photo program for its use."""
    return name.startswith(".") or bool(belongs_to(name))


def is_packed(folder: str | PurePath) -> bool:
    """Return whether a local folder is a packed set, as written by `pawsight pack`."""
    return os.path.isfile(os.path.join(folder, SHARD_INDEX))  # noqa: PTH113, PTH118


def is_wanted(folders: Iterable[str], name: str) -> bool:
    """Return whether a file in these folders is to be unpacked or copied: a picture or a table."""
    is_system_file = any(map(is_system_folder, folders))
    return not is_system_file and (is_table_name(name) or kind_of(name) is not Kind.OTHER)


def is_table_name(name: str) -> bool:
    """Return whether a file is a table, by its name."""
    return name.lower().endswith(TABLE_ENDINGS) and not name.startswith(".")


def is_raw(name: str) -> bool:
    """Return whether a file is a camera's raw photo, by its name."""
    return PurePath(name).suffix.lower().removeprefix(".") in _FOREIGN[_RAW].split()


def foreign_reason(name: str) -> str:
    """Return why a file of kind FOREIGN is not read, and what to do."""
    extension = PurePath(name).suffix.lower()
    reason = _REASONS.get(extension.removeprefix("."), "a format that pawsight does not read")
    return f"{extension} is {reason}; {_advice(reason)}"


def sniff(start: bytes) -> tuple[Kind, str]:
    """Return the kind of a file by its first bytes.

    Args:
        start: The first SNIFF_BYTES bytes, or all of a shorter file.

    Returns:
        PHOTO, FOREIGN or OTHER; and for FOREIGN the reason why it is not read, else "".
    """
    if start[4:8] == b"ftyp" and start[8:12] in _STILL_BRANDS:
        return Kind.PHOTO, ""
    if start.startswith(b"RIFF") and start[8:12] == b"WEBP":
        return Kind.PHOTO, ""
    if start.startswith(b"BM") and start[6:10] == bytes(4) and len(start) >= 26:
        return Kind.PHOTO, ""
    if start[:1] == b"P" and start[1:2] in b"123456" and start[2:3].isspace():
        return Kind.PHOTO, ""
    is_canon_raw = start.startswith(b"II*\x00") and start[8:11] == b"CR\x02"
    if start.startswith(_PHOTO_STARTS) and not is_canon_raw:
        return Kind.PHOTO, ""
    if start[128:132] == b"DICM":
        return Kind.FOREIGN, (
            "it is a medical image (DICOM), which pawsight does not read; save it as PNG or TIFF"
        )
    for first, reason in _FOREIGN_STARTS.items():
        if start.startswith(first) or start[4:12] == first:
            if _is_read(reason):
                return Kind.PHOTO, ""
            if reason in _EXTRAS:
                return Kind.FOREIGN, f"it is {reason}; {_advice(reason)}"
            return Kind.FOREIGN, f"it is {reason}, which pawsight does not read; save it as JPEG"
    return Kind.OTHER, ""


_PHOTO_STARTS = (
    b"\xff\xd8\xff",  # JPEG
    b"\x89PNG\r\n\x1a\n",
    b"GIF87a",
    b"GIF89a",
    b"II*\x00",  # TIFF
    b"MM\x00*",
    b"II+\x00",  # BigTIFF
    b"MM\x00+",
    b"\x00\x00\x00\x0cjP  \r\n\x87\n",  # JPEG 2000
    b"\xff\x4f\xff\x51",
    b"qoif",
)
_FOREIGN_STARTS = {
    b"8BPS": "a Photoshop file",
    b"gimp xcf": "a GIMP file",
    b"\xff\x0a": _JXL,
    b"\x00\x00\x00\x0cJXL \r\n\x87\n": _JXL,
    b"<svg": "an SVG drawing",
    b"\x76\x2f\x31\x01": "OpenEXR",
    b"BPG\xfb": "BPG",
    b"DDS ": "a DirectDraw surface",
    b"AT&TFORM": "DjVu",
    b"FLIF": "FLIF",
    b"II\xbc\x01": "JPEG XR",
    b"FUJIFILMCCD-RAW": _RAW,
    b"II*\x00": _RAW,  # Canon's older format: a TIFF marked CR
    b"IIU\x00": _RAW,  # Panasonic
    b"IIRO": _RAW,  # Olympus
    b"\x00MRM": _RAW,  # Minolta
    b"ftypcrx ": _RAW,  # Canon, in the container format of films
    b"FOVb": _RAW,  # Sigma
}
