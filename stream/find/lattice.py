"""Runs of spoken digits and letters, through fillers, joiners, homophones, repairs and cut-offs.

A run is bounded by ordinary words, and it is found whatever it means.
"""

from __future__ import annotations

from collections.abc import Sequence

from stream.find.cues import starts
from stream.find.language import Language, Role
from stream.find.lexemes import Lexeme
from stream.find.run_builder import build_run
from stream.find.runs import Run, make_run

GAP_MAX = 6  # lexemes between two runs that may be one
GLUED_MAX = 24  # characters of such a run


def find_runs(lexemes: Sequence[Lexeme], language: Language) -> tuple[Run, ...]:
    """All runs, left to right, without overlap."""
    runs: list[Run] = []
    done = 0
    for at in [at for at, lexeme in enumerate(lexemes) if lexeme.roles]:
        if at >= done and starts(lexemes, at):
            run = build_run(lexemes, at)
            if run.elements and runs and _goes_on(lexemes, runs[-1], run, language):
                runs[-1] = make_run([*runs[-1].elements, *run.elements], runs[-1].begin, run.end, repaired=True)
            elif run.elements:
                runs.append(run)
            done = run.end
    return tuple(runs)


def _goes_on(lexemes: Sequence[Lexeme], left: Run, right: Run, language: Language) -> bool:
    """Whether a few words between two runs of single digits only interrupt one number: "... let me grab it ..."."""
    between = lexemes[left.end : right.begin]
    if len(between) > GAP_MAX or left.said_singly < 2 or right.said_singly < 2:
        return False
    if left.digits + left.letters + right.digits + right.letters > GLUED_MAX:
        return False
    announcing = language.listed("announcing")  # as context words do, they begin another number
    if any(piece in language.contexts or piece in announcing for lexeme in between for piece in lexeme.text.split()):
        return False
    stalls = any(role in lexeme.roles for lexeme in between for role in (Role.FILLER, Role.REPAIR))
    return stalls or (len(between) <= 2 and left.said_singly >= 3 and right.said_singly >= 3)
