"""What the parts of the build script share: files inside tarballs, arrays as bytes."""

import io
import tarfile

import numpy as np

from recipes import Refusal


def member(tarball: tarfile.TarFile, path: str) -> bytes:
    """Return the bytes of a file of a tarball."""
    file = tarball.extractfile(path)
    if file is None:
        raise Refusal(f"{path} is not a file of its package.")
    return file.read()


def npz(**arrays: np.ndarray) -> bytes:
    """Pack arrays; no pickles."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()
