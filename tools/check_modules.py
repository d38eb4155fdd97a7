"""Manifests, licences, browser tags, readable XML, nothing of the machine in a file.

check_modules.py --folders prints the modules' folders instead.
"""

import ast
import re
import subprocess
import sys

import suite
from lxml import etree

VERSION = re.compile(r"19\.0\.\d+\.\d+\.\d+")
OPENS_BROWSER = re.compile(r"\b(start_tour|browser_js)\(")
# What one developer's machine or network is called has no place in the repository.
MACHINE = re.compile(
    r"""registry\.npmjs|"resolved":|files\.pythonhosted|pypi\.org/simple|--index-url
    |(?<![\w.$}])/(?:work|home|root|Users)/\w""",
    re.VERBOSE,
)
TEXT = {".py", ".sh", ".xml", ".js", ".cjs", ".json", ".md", ".txt", ".in", ".cfg"}
TEXT |= {".toml", ".conf", ".csv", ".scss", ".po", ".pot", ".sql", ".npmrc", ""}


def manifests():
    for name, folder in suite.own().items():
        values, where = suite.manifest(name), folder / "__manifest__.py"
        if not VERSION.fullmatch(values.get("version", "")):
            yield where, f"version {values.get('version')!r} is not 19.0.x.y.z"
        if values.get("license") not in ("LGPL-3", "AGPL-3"):
            yield where, f"licence {values.get('license')!r}"
        for key in ("name", "summary", "category", "depends"):
            if not values.get(key):
                yield where, f"no {key}"
        for dependency in values["depends"]:
            if suite.manifest(dependency) is None:
                yield where, f"depends on {dependency}, which does not exist"
        if values.get("license") == "LGPL-3":
            for needed in sorted(suite.closure([name])):
                other = suite.manifest(needed) or {}
                if other.get("license", "LGPL-3") != "LGPL-3":
                    yield where, f"LGPL-3, but needs {needed}: {other['license']}"
        if not (folder / "readme" / "DESCRIPTION.md").is_file():
            yield where, "no readme/DESCRIPTION.md"
        if not (folder / "i18n" / "es.po").is_file():
            yield where, "no i18n/es.po"
        models = [
            path.read_text(encoding="utf-8") for path in folder.glob("models/*.py")
        ]
        brings_models = any(re.search(r"^    _name = ", text, re.M) for text in models)
        if brings_models and not (folder / "data" / "neutralize.sql").is_file():
            yield where, "no data/neutralize.sql (a restored copy must call nobody)"


def browser_tags():
    """./tm test quick leaves out the tag 'browser', so those tests must carry it."""
    for folder in suite.own().values():
        for path in sorted(folder.glob("tests/**/*.py")):
            source = path.read_text(encoding="utf-8")
            for node in ast.parse(source).body:
                if not isinstance(node, ast.ClassDef):
                    continue
                body = ast.get_source_segment(source, node)
                tags = " ".join(map(ast.unparse, node.decorator_list))
                if OPENS_BROWSER.search(body) and "'browser'" not in tags:
                    yield path, f"{node.name} opens a browser: needs the tag 'browser'"


def xml():
    for folder in suite.own().values():
        for path in sorted(folder.rglob("*.xml")):
            try:
                etree.parse(path)
            except etree.XMLSyntaxError as error:
                yield path, f"not well-formed: {error}"


def machine():
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=suite.HOME,
        capture_output=True,
        text=True,
    )
    for name in listed.stdout.splitlines():
        path = suite.HOME / name
        if (
            path.suffix not in TEXT
            or not path.is_file()
            or path.name == "check_modules.py"
        ):
            continue
        for number, line in enumerate(
            path.read_text(encoding="utf-8", errors="replace").splitlines(), 1
        ):
            if match := MACHINE.search(line):
                yield path, f"line {number} names a machine or registry: {match[0]}"


def main():
    if sys.argv[1:] == ["--folders"]:
        print(*(path.relative_to(suite.HOME) for path in suite.own().values()))
        return
    bad = 0
    for checking in (manifests, browser_tags, xml, machine):
        for path, text in checking():
            bad += 1
            print(f"{path.relative_to(suite.HOME)}: {text}")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
