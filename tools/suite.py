"""What the suite consists of, read from the manifests: names, dependencies, hashes.

Standard library only, so that it also runs before the Python packages are there.
"""

import ast
import functools
import hashlib
import os
import sysconfig
from pathlib import Path

HOME = Path(os.environ.get("TM_HOME") or Path(__file__).resolve().parent.parent)
KERNELS = (
    *("identity", "importing", "compliance", "booking"),
    *("pacing", "ami", "calls", "dialplan", "bridge", "calculation", "recording"),
)


def read_manifest(place):
    values = ast.literal_eval((place / "__manifest__.py").read_text(encoding="utf-8"))
    values.setdefault("depends", [] if place.name == "base" else ["base"])
    return values


@functools.cache
def own():
    """{name: folder} of our modules, each after what it needs."""
    found = {
        manifest.parent.name: manifest.parent
        for place in (HOME, HOME / "addons")
        for manifest in sorted(place.glob("*/__manifest__.py"))
    }
    ordered = {}

    def visit(name):
        if name in found and name not in ordered:
            for dependency in read_manifest(found[name])["depends"]:
                visit(dependency)
            ordered[name] = found[name]

    for name in sorted(found):
        visit(name)
    return ordered


@functools.cache
def _odoo_addons():
    """Folders that hold modules which are not ours: Odoo's own and installed ones."""
    places = []
    if library := os.environ.get("TM_ODOO_LIB"):
        places += [Path(library) / "odoo" / "addons", Path(library) / "addons"]
        # A source checkout keeps most modules beside the package.
        places += [Path(library).parent / "addons"]
    places.append(Path(sysconfig.get_paths()["purelib"]) / "odoo" / "addons")
    return [place for place in places if place.is_dir()]


def folder(name):
    """Where a module is, ours or not; None where there is no such module."""
    if name in own():
        return own()[name]
    for place in _odoo_addons():
        if (place / name / "__manifest__.py").is_file():
            return place / name
    return None


@functools.cache
def manifest(name):
    return read_manifest(folder(name)) if folder(name) else None


def closure(names):
    """All modules that these need, themselves included. Unknown ones are kept."""
    seen, queue = set(), list(names)
    while queue:
        name = queue.pop()
        if name not in seen:
            seen.add(name)
            queue += (manifest(name) or {}).get("depends", [])
    return seen


def foreign(names):
    """What these modules need that is not ours: enough to name to Odoo's -i."""
    return sorted(
        {
            dependency
            for name in closure(names) & set(own())
            for dependency in manifest(name)["depends"]
        }
        - set(own())
        | {"base"}
    )


def kernels():
    """Folders of our kernels: rules without Odoo.

    The pacing package is older than the module around it, so manifests are not asked.
    """
    return [
        init.parent
        for place in (HOME, HOME / "addons")
        for kernel in KERNELS
        for init in sorted(place.glob(f"telemarketing_*/{kernel}/__init__.py"))
    ]


def code_hash(names=None):
    """Changes when a file of these modules changes (of all of ours by default)."""
    digest = hashlib.sha256()
    for name in names or own():
        folder = own()[name]
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(str(path.relative_to(folder)).encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
