"""Hatchling build hook: typed gRPC stubs from protos/trimtab into the package trimtab_protos.

The stubs carry the version of the generator as their floor, so grpcio-tools is pinned to an old release in
`[build-system] requires`, and the stubs are never committed. They are rewritten from `trimtab.v1` to
`trimtab_protos.v1`, so that the wire package keeps its name and no top-level `trimtab` module is installed.
"""

import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

WIRE_IMPORT = re.compile(r"^(from|import) trimtab\.v1\b", re.MULTILINE)


class StubsHook(BuildHookInterface):  # type: ignore[type-arg]
    """Runs before a wheel (also an editable one) is assembled."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel":
            return
        root = Path(self.root)
        package = root / "protos" / "trimtab_protos" / "v1"
        with tempfile.TemporaryDirectory() as scratch:
            generate(root / "protos", Path(scratch))
            install(Path(scratch) / "trimtab" / "v1", package)


def generate(protos: Path, out: Path) -> None:
    """Runs protoc with the mypy plugins over every file below `protos/trimtab`."""
    import grpc_tools
    from grpc_tools import protoc

    plugins = []
    for name in ("protoc-gen-mypy", "protoc-gen-mypy_grpc"):
        found = shutil.which(name)
        if found is None:
            raise RuntimeError(f"{name} is not on PATH: install mypy-protobuf into the build environment")
        plugins.append(f"--plugin={name}={found}")
    well_known = Path(grpc_tools.__file__).parent / "_proto"
    outputs = [f"--{kind}_out={out}" for kind in ("python", "grpc_python", "mypy", "mypy_grpc")]
    files = sorted(str(path) for path in (protos / "trimtab").rglob("*.proto"))
    status = protoc.main(["protoc", f"-I{protos}", f"-I{well_known}", *plugins, *outputs, *files])
    if status != 0:
        raise RuntimeError(f"protoc failed with status {status}; its messages are above")


def install(generated: Path, package: Path) -> None:
    """Replaces the stubs in `package` by the generated ones, imports rewritten."""
    shutil.rmtree(package, ignore_errors=True)
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    for source in sorted(generated.iterdir()):
        text = source.read_text()
        if source.suffix == ".pyi":
            text = text.replace("trimtab.v1", "trimtab_protos.v1")
        else:
            text = WIRE_IMPORT.sub(r"\1 trimtab_protos.v1", text)
        (package / source.name).write_text(text)
