"""Fetch what runs a model in a browser: two files of the npm package onnxruntime-web.

They lie in the repository, so this is only for another version: change VERSION
and INTEGRITY (as `npm view onnxruntime-web dist.integrity` gives it), and the
version in the LICENSE beside the files. The build is the smallest that runs every
model of pawsight: WebAssembly on the processor, without WebGPU and WebGL.
"""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

VERSION = "1.30.0"
INTEGRITY = (
    "sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJm"
    "g8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
)
FILES = ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm")
FOLDER = Path(__file__).parents[1] / "src" / "pawsight" / "exporting" / "onnxruntime-web"


def main() -> None:
    """Fetch the package with npm, check it, and put its two files in place."""
    if shutil.which("npm") is None:
        raise SystemExit("This needs npm (Debian: apt install npm).")
    with tempfile.TemporaryDirectory() as folder:
        package = f"onnxruntime-web@{VERSION}"
        done = subprocess.run(["npm", "pack", "--silent", package], cwd=folder, check=False)
        if done.returncode:
            raise SystemExit(f"npm could not fetch {package}; above it says why.")
        (packed,) = Path(folder).glob("*.tgz")
        digest = base64.b64encode(hashlib.sha512(packed.read_bytes()).digest()).decode()
        if f"sha512-{digest}" != INTEGRITY:
            raise SystemExit(f"{package} is not what INTEGRITY says. Nothing was changed.")
        with tarfile.open(packed) as files:
            for name in FILES:
                member = files.extractfile(f"package/dist/{name}")
                if member is None:
                    raise SystemExit(f"{package} has no dist/{name}.")
                (FOLDER / name).write_bytes(member.read())
    print(f"onnxruntime-web {VERSION} is in {FOLDER}.")


if __name__ == "__main__":
    main()
