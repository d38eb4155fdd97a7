"""Kernels know no Odoo: they import the standard library, named libraries, each other.

A kernel is a package at a module's root with one of the names in suite.KERNELS.
"""

import ast
import sys

import suite

LIBRARIES = {"dateutil", "holidays", "phonenumbers", "pytz", "stdnum", "xlrd"}
# What a kernel's own program calls the package around the kernels, so as not to
# import the module, which imports Odoo.
OWN = "telemarketing_kernels"
LIBRARIES |= {
    "cryptography",
    "asterisk",
    "openpyxl",
    "python_calamine",
    "xlsxwriter",
    "chardet",
    "numpy",
}


def offences(kernel, path):
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    # How many dots may an import climb without leaving the kernel?
    depth = len(path.relative_to(kernel).parts)
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module]
        elif isinstance(node, ast.ImportFrom) and node.level > depth:
            # Another kernel of the same module is a sibling: ..identity
            package = (node.module or "").split(".")[0]
            if node.level > depth + 1 or package not in suite.KERNELS:
                yield node.lineno, f"leaves the kernel: {ast.unparse(node)}"
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in (
            "__import__",
            "importlib.import_module",
            "import_module",
        ):
            yield node.lineno, f"imports by name: {ast.unparse(node)}"
        for name in names:
            top = name.split(".")[0]
            if top == OWN:
                continue
            if top not in sys.stdlib_module_names and top not in LIBRARIES:
                yield node.lineno, f"imports {name}"


def main():
    bad = 0
    for kernel in suite.kernels():
        for path in sorted(kernel.rglob("*.py")):
            for line, text in offences(kernel, path):
                bad += 1
                print(f"{path.relative_to(suite.HOME)}:{line}: {text}")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
