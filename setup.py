"""Builds the compiled core and the front for agents (`groma-mcp`) when a Rust toolchain is there; else the wheel is plain Python.

GROMA_BUILD_CORE: `auto` (build it if it can be built), `rust` (it must be built), `pure` (do not try).
"""

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build import build
from setuptools_rust import Binding, RustBin, RustExtension, Strip

WANTED = os.environ.get("GROMA_BUILD_CORE") or "auto"
if WANTED not in ("auto", "rust", "pure"):
    sys.exit(f"GROMA_BUILD_CORE is {WANTED!r}; it must be auto, rust or pure.")

EXTENSIONS = [
    RustExtension(
        "groma._rs",
        path="rust/py/Cargo.toml",
        binding=Binding.PyO3,
        debug=False,
        optional=WANTED == "auto",
        py_limited_api=True,
        args=["--locked"],
    ),
]
if os.name == "posix":  # it speaks over sockets that no other system has
    EXTENSIONS.append(
        RustBin(
            "groma-mcp",
            path="rust/stdio/Cargo.toml",
            debug=False,
            optional=WANTED == "auto",
            strip=Strip.No,  # its profile does that
            args=["--locked", "--profile=front"],
        )
    )


class Build(build):
    """A fresh build folder every time: a stale one would slip an old library into the wheel."""

    def finalize_options(self):
        if self.build_base == "build":
            self.build_base = tempfile.mkdtemp(prefix="groma-build-")
            atexit.register(shutil.rmtree, self.build_base, ignore_errors=True)
        super().finalize_options()


class BdistWheel(bdist_wheel):
    """Tags the wheel by what was really built, not by what was asked for."""

    def get_tag(self):  # asked more than once, and by an editable install too, whose library lies beside the sources
        build = self.get_finalized_command("build")
        tag = super().get_tag()
        if self.built_core():
            return tag
        if any(Path(build.build_scripts).glob("groma-mcp*")):
            return "py3", "none", tag[2]
        self.root_is_pure = True
        return "py3", "none", "any"

    def built_core(self):
        built = Path(self.get_finalized_command("build").build_lib)
        return any(path.suffix in (".so", ".pyd") for path in built.glob("groma/_rs.*"))

    def run(self):
        super().run()
        if not self.built_core():
            sys.stderr.write("groma: no compiled core was built; this package runs on the plain-Python core (slower).\n")


setup(
    rust_extensions=[] if WANTED == "pure" else EXTENSIONS,
    cmdclass={"build": Build, "bdist_wheel": BdistWheel},
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
