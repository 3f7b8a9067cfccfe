"""Where the statements of an SQL script begin and end.

Reads only what can hide a semicolon, by the lexical rules of Postgres (SQL Syntax, Lexical Structure):
strings, quoted names, dollar quotes, comments, parentheses, and SQL-standard function bodies
(`begin atomic ... end`). It knows nothing of what the statements mean.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"""
    (?P<line_comment>   -- [^\n]* )
  | (?P<block_comment>  /\* )
  | (?P<string>         (?<![\w$]) [eE] ' (?: \\. | '' | [^'\\] )* '? | ' (?: '' | [^'] )* '? )
  | (?P<name>           " (?: "" | [^"] )* "? )
  | (?P<dollar>         (?<![\w$]) \$ (?: [^\W\d]\w* )? \$ )
  | (?P<word>           [^\W\d] [\w$]* )
  | (?P<other>          [^\s] )
    """,
    re.VERBOSE | re.DOTALL,
)
_BLOCK_EDGE = re.compile(r"/\*|\*/")


@dataclass(frozen=True)
class Statement:
    """One statement of a script.

    Attributes
    ----------
    text
        As it stands there, with the comments before it, without the semicolon.
    line
        Line of the script on which `text` begins, from 1.
    code_line
        Line on which its first word stands, after all comments.
    words
        Its first words, lower case: enough to tell what kind of statement it is.
    """

    text: str
    line: int
    code_line: int
    words: tuple[str, ...]


@dataclass
class _Reading:
    """What is known of the statement that is being read."""

    first: int | None = None
    depth: int = 0
    blocks: int = 0
    words: list[str] = field(default_factory=list)

    def take(self, kind: str, text: str, at: int) -> None:
        """Note a token: where the code begins, and how deep in parentheses and bodies it is."""
        if self.first is None:
            self.first = at
        if kind == "word":
            self._take_word(text.lower())
        elif text == "(":
            self.depth += 1
        elif text == ")":
            self.depth = max(0, self.depth - 1)

    def _take_word(self, word: str) -> None:
        # In a body, `case` and `begin` each have their own `end`.
        if self.blocks:
            self.blocks += {"case": 1, "begin": 1, "end": -1}.get(word, 0)
        elif word == "atomic" and self.words[-1:] == ["begin"]:
            self.blocks = 1
        # The last word is kept for `begin atomic`, the first ones for telling what it is.
        self.words = [*self.words[:4], word]

    @property
    def complete(self) -> bool:
        """Whether a semicolon here ends the statement."""
        return not self.depth and not self.blocks


def split(script: str) -> list[Statement]:
    """Split a script into its statements; comments after the last one are one more, which does nothing."""
    statements = []
    reading, start = _Reading(), 0
    for kind, at, end in _tokens(script):
        if kind == "other" and script[at] == ";" and reading.complete:
            statements.append(_statement(script, start, at, reading))
            reading, start = _Reading(), end
        else:
            reading.take(kind, script[at:end], at)
    statements.append(_statement(script, start, len(script), reading))
    return [statement for statement in statements if statement.text]


def _tokens(script: str) -> Iterator[tuple[str, int, int]]:
    """Kind, start and end of each token; comments are passed over."""
    at = 0
    while (found := _TOKEN.search(script, at)) is not None:
        kind, at = str(found.lastgroup), found.end()
        if kind == "line_comment":
            continue
        if kind == "block_comment":
            at = _end_of_block(script, at)
            continue
        if kind == "dollar":
            closing = script.find(found.group(), at)
            at = len(script) if closing < 0 else closing + len(found.group())
        yield kind, found.start(), at


def _end_of_block(script: str, at: int) -> int:
    """End of a block comment that was opened before `at`; such comments nest."""
    depth = 1
    while depth and (edge := _BLOCK_EDGE.search(script, at)) is not None:
        depth += 1 if edge.group() == "/*" else -1
        at = edge.end()
    return len(script) if depth else at


def _statement(script: str, start: int, end: int, reading: _Reading) -> Statement:
    text = script[start:end]
    start += len(text) - len(text.lstrip())
    first = start if reading.first is None else reading.first
    return Statement(
        text=text.strip(),
        line=script.count("\n", 0, start) + 1,
        code_line=script.count("\n", 0, first) + 1,
        words=tuple(reading.words),
    )
