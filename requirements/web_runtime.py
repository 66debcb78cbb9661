"""Fetch what runs a model in a browser: two files of the npm package onnxruntime-web.

They lie in the repository, so this is only for another version: change VERSION
and INTEGRITY (as `npm view onnxruntime-web dist.integrity` gives it), and the
version in the LICENSE beside the files. The build is the smallest that runs every
model of pawsight: WebAssembly on the processor, without WebGPU and WebGL.
"""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
import urllib.request
from pathlib import Path

VERSION = "1.30.0"
INTEGRITY = (
    "sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJm"
    "g8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
)
SOURCE = f"https://registry.npmjs.org/onnxruntime-web/-/onnxruntime-web-{VERSION}.tgz"
FILES = ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm")
FOLDER = Path(__file__).parents[1] / "src" / "pawsight" / "exporting" / "onnxruntime-web"


def main() -> None:
    """Fetch the package, check it, and put its two files in place."""
    with urllib.request.urlopen(SOURCE, timeout=60) as response:
        packed = response.read()
    found = "sha512-" + base64.b64encode(hashlib.sha512(packed).digest()).decode()
    if found != INTEGRITY:
        raise SystemExit(f"{SOURCE}\nis not what INTEGRITY says, but {found}. Nothing was changed.")
    with tarfile.open(fileobj=io.BytesIO(packed)) as package:
        for name in FILES:
            member = package.extractfile(f"package/dist/{name}")
            if member is None:
                raise SystemExit(f"onnxruntime-web {VERSION} has no dist/{name}.")
            (FOLDER / name).write_bytes(member.read())
    print(f"onnxruntime-web {VERSION} is in {FOLDER}.")


if __name__ == "__main__":
    main()
