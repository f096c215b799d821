"""``scratchgpt doctor``: show what determines the speed here, and how to raise it."""

from typing import TYPE_CHECKING, Annotated

import typer

from scratchgpt.cli.console import byte_count, message, write_json, write_line

if TYPE_CHECKING:
    from scratchgpt.measure.findings import Blas, Cache, Findings

EPILOG = """Examples:

scratchgpt doctor

scratchgpt doctor --quick

scratchgpt doctor --json
"""

Rows = list[tuple[str, str]]

KERNELS = {
    "on": "on",
    "off": "off",
    "missing": "not available: Numba is not installed",
    "untested": "off, because this version of Numba is untested",
    "broken": "broken: they fail to run",
}
VECTORS = {
    "avx512f": "AVX-512",
    "avx512bf16": "AVX-512 BF16",
    "avx2": "AVX2",
    "fma": "FMA",
    "sve": "SVE",
    "neon": "Neon",
}


def doctor_command(
    quick: Annotated[bool, typer.Option("--quick", help="Skip the measurements.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show what determines the speed here, and how to raise it.

    This covers the software, the processor and the compiled kernels.
    """
    import textwrap

    from scratchgpt.measure import advice, examine

    if not quick:
        message("measuring for a few seconds ...")
    findings = examine(measure=not quick)
    hints = advice(findings)
    if as_json:
        write_json({**findings.as_dict(), "advice": hints})
        return
    sections = _sections(findings)
    width = max(len(name) for rows in sections.values() for name, _ in rows)
    for title, rows in sections.items():
        write_line(f"{title}:")
        for name, value in rows:
            write_line(f"  {name:<{width}}  {value}")
    write_line("how to make it faster:")
    for hint in hints or ["no problems found"]:
        for line in textwrap.wrap(hint, 88, initial_indent="  ", subsequent_indent="    "):
            write_line(line)


def _sections(found: "Findings") -> dict[str, Rows]:
    """Arrange the findings as names and values under headings."""
    sections = {
        "software": _software(found),
        "processor": _processor(found),
        "kernels": _kernels(found),
    }
    if found.measured:
        measured = found.measured
        sections["measured"] = [
            ("matrix products", f"{measured.sgemm_gflop_per_s:.0f} GFLOP/s"),
            ("  on one thread", f"{measured.sgemm_one_thread_gflop_per_s:.0f} GFLOP/s"),
            ("memory reads", f"{measured.read_gb_per_s:.1f} GB/s"),
        ]
    if found.environment:
        sections["environment"] = list(found.environment.items())
    return sections


def _software(found: "Findings") -> Rows:
    spelled = {"python": "Python", "numpy": "NumPy", "scipy": "SciPy", "numba": "Numba"}
    versions = found.versions.items()
    return [
        ("system", found.system),
        *((spelled.get(name, name), version or "not installed") for name, version in versions),
        *((f"BLAS of {blas.used_by}", _blas(blas)) for blas in found.blas),
    ]


def _processor(found: "Findings") -> Rows:
    rows = [
        ("name", found.processor),
        ("vector instructions", _vectors(found.vectors)),
        ("usable cores", str(found.cores)),
    ]
    if found.load_average is not None:
        rows.append(("load average", f"{found.load_average:.2f}"))
    return rows


def _kernels(found: "Findings") -> Rows:
    rows = [("state", KERNELS[found.kernels]), ("threads", str(found.threads))]
    if found.threading_layer:
        rows.append(("threading layer", found.threading_layer))
    if found.compiled_for:
        vectors = _vectors(found.compiled_vectors)
        rows.append(("compiled for", f"{found.compiled_for}: {vectors}"))
    if found.cache:
        rows += [("cache", found.cache.folder), ("", _cache(found.cache))]
    return rows


def _blas(blas: "Blas") -> str:
    threads = f"{blas.threads} thread{'' if blas.threads == 1 else 's'}"
    facts = (f"{blas.name} {blas.version}".rstrip(), blas.architecture, threads)
    return ", ".join(fact for fact in facts if fact)


def _cache(cache: "Cache") -> str:
    facts = (
        byte_count(cache.n_bytes),
        "compiled" if cache.compiled else "not compiled yet",
        "writable" if cache.problem is None else cache.problem,
    )
    return ", ".join(facts)


def _vectors(names: tuple[str, ...]) -> str:
    return ", ".join(VECTORS[name] for name in names) or "none that scratchgpt knows"
