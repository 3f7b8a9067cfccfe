"""The Dockerfile, read far enough to be held to what it says."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "Dockerfile"
IGNORED = ROOT / ".dockerignore"


@dataclass(frozen=True)
class Instruction:
    """One instruction, its lines joined."""

    name: str
    value: str

    @property
    def list(self) -> Any:
        """The value in exec form."""
        return json.loads(self.value)


def instructions() -> list[Instruction]:
    """All instructions in their order."""
    lines = [line for line in DOCKERFILE.read_text().splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    pairs = (line.partition(" ") for line in joined.splitlines() if line.strip())
    return [Instruction(name, re.sub(r"\s+", " ", value.strip())) for name, _, value in pairs]


def stages() -> list[list[Instruction]]:
    """The instructions of each stage, from its FROM on."""
    found: list[list[Instruction]] = []
    for instruction in instructions():
        if instruction.name == "FROM":
            found.append([])
        if found:
            found[-1].append(instruction)
    return found


def only(stage: list[Instruction], name: str) -> Instruction:
    """The one instruction of that name."""
    (found,) = [instruction for instruction in stage if instruction.name == name]
    return found


def arguments() -> dict[str, str]:
    """The build arguments with their defaults."""
    pairs = (i.value.partition("=") for i in instructions() if i.name == "ARG")
    return {name: default for name, _, default in pairs}


def copied() -> list[tuple[list[str], str]]:
    """What is copied from the checkout: sources, and the place."""
    copies = (shlex.split(i.value) for i in instructions() if i.name == "COPY")
    return [(words[:-1], words[-1]) for words in copies if not words[0].startswith("--from")]


def environment() -> dict[str, str]:
    """What the image sets."""
    words = shlex.split(only(stages()[-1], "ENV").value)
    return dict(word.split("=", 1) for word in words)


def in_context(path: str) -> bool:
    """Whether the builder is sent a path of the checkout: the last rule that matches wins."""
    sent = True
    for line in IGNORED.read_text().splitlines():
        rule = line.strip()
        if rule and not rule.startswith("#") and _matches(path, rule.removeprefix("!")):
            sent = rule.startswith("!")
    return sent


def _matches(path: str, rule: str) -> bool:
    parts = path.split("/")
    starts = ["/".join(parts[: n + 1]) for n in range(len(parts))]
    if rule.startswith("**/"):
        return any(fnmatch(part, rule[3:]) for part in parts)
    return any(fnmatch(start, rule) and start.count("/") == rule.count("/") for start in starts)
