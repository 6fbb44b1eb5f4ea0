# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes what arguments of system calls are called: generate.py LIST OUTPUT COMPILER...

LIST says which constants are meant (arguments.list); that they are there, and what they are, the compiler says."""

import re
import subprocess
import sys

FLAGS = ["-D_GNU_SOURCE", "-x", "c", "-"]


class List:
    def __init__(self, path):
        self.headers, self.sets, self.uses = [], {}, []
        with open(path, encoding="ascii") as f:
            for line in f:
                words = line.split("#")[0].split()
                if words:
                    getattr(self, "_add_" + words[0])(words[1:])

    def _add_headers(self, words):
        self.headers += words

    def _add_set(self, words):
        parts = self.sets[words[0]] = []
        for word in words[1:]:
            if word.startswith("-"):
                parts[-1][2].append(word[1:])
            else:
                mask, slash, rest = word.partition("/")
                if word.startswith("="):
                    parts.append(["ONE", "UINT32_MAX", [], word[1:]])
                elif slash:
                    parts.append(["ONE", mask, [], rest])
                else:
                    parts.append(["BITS", "UINT32_MAX", [], word])

    def _add_use(self, words):
        for use in words[1:]:
            argument, _, condition = use.partition("@")
            self.uses.append((*argument.split("."), *(condition.split("=") if condition else (None, "0")), words[0]))


class Compiler:
    """What the headers have."""

    def __init__(self, command, headers):
        self.command = command
        self.prologue = "".join(f"#if __has_include(<{h}>)\n#include <{h}>\n#endif\n" for h in headers)
        text = self._run(["-E", "-P"], self.prologue).stdout
        macros = self._run(["-E", "-dM"], self.prologue).stdout
        self.enums = dict(re.findall(r"\benum\s+(\w+)\s*{([^}]*)}", text))
        self.enums.update((name, body) for body, name in re.findall(r"\benum\s*{([^}]*)}\s*(\w+)\s*;", text))
        self.macros = self._constants(sorted(set(re.findall(r"^#define ([A-Za-z_]\w*) \S", macros, re.M))))

    def _run(self, arguments, text):
        return subprocess.run([*self.command, *arguments, *FLAGS], input=text, capture_output=True, text=True, check=False)

    def _constants(self, names):
        """Those of them that are constant integers: the compiler complains of the lines of the others, some at a time."""
        while True:
            lines = "".join(f"enum {{ constant_{i} = ({name}) & 0 }};\n" for i, name in enumerate(names))
            failed = self._run(["-fsyntax-only"], self.prologue + '#line 1 "constants"\n' + lines).stderr
            bad = {int(n) for n in re.findall(r"^constants:(\d+):.* error:", failed, re.M)}
            if not bad:
                return names
            names = [name for i, name in enumerate(names, 1) if i not in bad]

    def find(self, expression, but):
        if expression.startswith("enum:"):
            found = re.findall(r"(?:^|,)\s*([A-Z]\w*)", self.enums.get(expression[len("enum:"):], ""))
        else:
            found = [macro for macro in self.macros if re.fullmatch(expression, macro)]
        return [name for name in found if not any(re.fullmatch(no, name) for no in but)]


def write_sets(f, of, compiler):
    for name, parts in of.sets.items():
        lines = []
        for i, (kind, mask, but, expression) in enumerate(parts):
            if expression in ("signal", "int", "octal", "descriptor", "address"):
                lines.append(f"        {{ SYSCALL_PART_{expression.upper()}, {mask}, NULL, 0 }},\n")
                continue
            constants = compiler.find(expression, but)
            if not constants:
                continue
            f.write(f"static const struct syscall_constant {name}_{i}[] = {{\n")
            f.writelines(f"        {{ \"{c}\", (uint32_t) ({c}) }},\n" for c in constants)
            f.write("};\n")
            lines.append(f"        {{ SYSCALL_PART_{kind}, {mask}, {name}_{i}, {len(constants)} }},\n")
        f.write(f"static const struct syscall_part set_{name}[] = {{\n{''.join(lines)}        {{ 0 }},\n}};\n\n")


def write_uses(f, of):
    f.write("/* By call; what goes for all of them comes first. */\n")
    f.write("static const struct syscall_argument syscall_arguments[] = {\n")
    for call, argument, other, value, name in sorted(of.uses, key=lambda use: use[0]):
        other = f'"{other}"' if other else "NULL"
        f.write(f'        {{ "{call}", "{argument}", {other}, (uint32_t) ({value}), set_{name} }},\n')
    f.write("};\n")


def main():
    of = List(sys.argv[1])
    compiler = Compiler(sys.argv[3:], of.headers)
    with open(sys.argv[2], "w", encoding="ascii") as f:
        f.write("/* Made by generate.py from arguments.list and the headers of this machine. */\n\n" + compiler.prologue + "\n")
        write_sets(f, of, compiler)
        write_uses(f, of)


if __name__ == "__main__":
    main()
