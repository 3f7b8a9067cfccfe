"""What a look tells, as tests ask for it."""

from api.doctor.findings import Finding, Findings, Verdict


async def told(findings: Findings) -> list[Finding]:
    """All findings of a look."""
    return [finding async for finding in findings]


async def wrongs(findings: Findings) -> list[str]:
    """What is wrong, each with what to do."""
    return [f"{one.message} {one.todo}" for one in await told(findings) if one.is_wrong]


async def wrong(findings: Findings) -> str:
    """The only thing that is wrong."""
    (found,) = await wrongs(findings)
    return found


async def warnings(findings: Findings) -> list[str]:
    """What should be better, each with what to do."""
    found = await told(findings)
    return [f"{one.message} {one.todo}" for one in found if one.verdict is Verdict.WARNING]
