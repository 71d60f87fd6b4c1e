"""Code store: compiled functions on disk, one file for each function and signature. Stands in for numba's own cache.

numba keeps an index beside numbered bodies. Two processes that compile at once can leave an index that names another
signature's body, and a file torn by a power loss is an exception at every start. Here a file's name says all that its
code depends on, it appears whole or not at all, it begins with its digest, and what cannot be read back is compiled
again.

```
<cache folder>/<package>.<module>.<path>/<function>-<line>.<sources_stamp>.<signature>.code
```
"""

import hashlib
import os
import pickle
from functools import cache
from pathlib import Path

from numba.core.compiler import CompileResult
from numba.core.serialize import dumps
from numba.core.sigutils import normalize_signature

from shm.code_cache import code_folder, sources_stamp

DIGEST_BYTES = 32


@cache
def _place(file: str) -> tuple[Path, str]:
    """(folder, sources_stamp) of a source file's code: one look for all its functions, twice five hundred in a role."""
    path = Path(file).resolve()
    return code_folder(path), sources_stamp(path)


class CodeStore:
    """The files of one function. numba's dispatcher calls `load_overload` and `save_overload`, nobody else."""

    def __init__(self, function, kind: str = ""):
        self._folder, self._stamp = _place(function.__code__.co_filename)
        self._stem = f"{function.__qualname__.replace('<locals>', '_')}-{function.__code__.co_firstlineno}{kind}"
        cells = [cell.cell_contents for cell in function.__closure__ or ()]
        self._body = hashlib.sha256(function.__code__.co_code + (dumps(cells) if cells else b"")).digest()

    @property
    def cache_path(self) -> str:
        """Folder of the files, for numba's statistics."""
        return str(self._folder)

    def load_overload(self, sig, target_context):
        """The compiled function, or None when there is none that can be used."""
        try:
            content = self._path(sig).read_bytes()
        except OSError:
            return None
        if hashlib.sha256(content[DIGEST_BYTES:]).digest() != content[:DIGEST_BYTES]:
            return None
        try:  # numba's own implementations stay out: what is stored needs none, and a compilation brings them in itself
            result = self.rebuild(target_context, content[DIGEST_BYTES:])
        except Exception:  # whatever unpickling may raise: a type's module is gone, another library's layout
            return None
        # types of two modules may look alike: only those that were asked for will be found again
        return result if result.signature.args == normalize_signature(sig)[0] else None

    def save_overload(self, sig, result) -> None:
        """Write one file, remove what older sources left. A full disk makes the next start slower, no more."""
        if result.library.has_dynamic_globals:  # an address of this process is in the code
            return
        content = self.reduce(result)
        path = self._path(sig)
        partial = path.with_suffix(f".{os.getpid()}")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(hashlib.sha256(content).digest() + content)
            os.replace(partial, path)
            for old in self._folder.iterdir():
                if old.suffix == ".code" and self._stamp not in old.name:
                    old.unlink(missing_ok=True)
        except OSError:
            partial.unlink(missing_ok=True)

    def reduce(self, result) -> bytes:
        """What the file holds: object code, types and environments."""
        return dumps(result._reduce())

    def rebuild(self, target_context, content: bytes):
        """The compiled function from what the file holds."""
        return CompileResult._rebuild(target_context, *pickle.loads(content))

    def _path(self, sig) -> Path:
        key = hashlib.sha256(repr(sig).encode() + self._body).hexdigest()[:24]
        return self._folder / f"{self._stem}.{self._stamp}.{key}.code"
