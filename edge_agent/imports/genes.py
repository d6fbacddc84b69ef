"""Genes of drug metabolism: diplotypes and phenotypes in the spelling of CPIC.

Phenotype terms: Caudle et al. 2017, doi:10.1038/gim.2016.87 (which replaced "extensive" by
"normal"), and LOINC answer list LL3856-3. Star alleles: PharmVar, https://www.pharmvar.org.
A phenotype is never worked out from a diplotype here, and never assumed to be normal.
"""

from __future__ import annotations

import re

LOINC_PHENOTYPES = {
    "LA9657-3": "poor metabolizer",
    "LA10317-8": "intermediate metabolizer",
    "LA25391-6": "normal metabolizer",
    "LA25390-8": "rapid metabolizer",
    "LA10315-2": "ultrarapid metabolizer",
    "LA25392-4": "increased function",
    "LA25393-2": "normal function",
    "LA25395-7": "decreased function",
}
PHENOTYPES = (*LOINC_PHENOTYPES.values(), "poor function", "indeterminate")

_GENE = re.compile(r"[A-Z][A-Z0-9]{1,9}(-[A-Z0-9]{1,4})?", re.ASCII)
_STAR = r"\*\d{1,3}[A-Z]?(?:\.\d{1,3})?(?:x(?:≥?\d{1,2}|N))?"
_HLA = r"\*\d{2,3}(?::\d{2,3}){1,3}[A-Z]?"
_STARRED = re.compile(rf"{_STAR}(?:\+{_STAR})*|{_HLA}", re.ASCII)
_NAMED = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9][A-Za-z0-9.:>+_() -]{0,39}", re.ASCII)
_SHORT = {
    "pm": "poor metabolizer", "im": "intermediate metabolizer", "nm": "normal metabolizer",
    "em": "normal metabolizer", "rm": "rapid metabolizer", "um": "ultrarapid metabolizer",
}  # fmt: skip
_NUMBER = re.compile(r"\d+")


def gene_symbol(text: str) -> str:
    """Return the HGNC symbol in ``text`` ("CYP2D6").

    :raises ValueError: it is none.
    """
    if not _GENE.fullmatch(text):
        raise ValueError(f"{text!r} is no gene symbol such as CYP2D6")
    return text


def gene_in(text: str) -> str:
    """Return the gene that a diplotype's text begins with; ``""`` when it begins with none."""
    found = _GENE.match(text)
    return found[0] if found and text[found.end() :][:1] in {"*", " ", ":"} else ""


def diplotype(text: str, gene: str = "") -> str:
    """Return two alleles in one spelling: ``CYP2C19 *17 / CYP2C19*2`` is ``*2/*17``.

    Star alleles are put in order, since their order means nothing; others stay as they are.

    :raises ValueError: not two alleles.
    """
    alleles = [_allele(half, gene) for half in text.split("/")]
    if len(alleles) != 2 or not all(map(_is_allele, alleles)):
        raise ValueError(f"{text!r} is not two alleles such as *1/*4")
    if all(_STARRED.fullmatch(one) for one in alleles):
        alleles.sort(key=lambda one: ([int(n) for n in _NUMBER.findall(one)], one))
    return "/".join(alleles)


def phenotype(text: str) -> str:
    """Return a phenotype in CPIC's words, American spelling, lower case.

    :raises ValueError: not one of :data:`PHENOTYPES`, with or without "likely" before it.
    """
    words = " ".join(text.lower().replace("metaboliser", "metabolizer").split())
    words = words.replace("extensive", "normal").replace("ultra-rapid", "ultrarapid")
    words = _SHORT.get(words, words)
    if words.removeprefix("likely ") not in PHENOTYPES:
        raise ValueError(f"{text!r} is no phenotype known here")
    return words


def _is_allele(text: str) -> bool:
    return bool(_STARRED.fullmatch(text) or _NAMED.fullmatch(text))


def _allele(half: str, gene: str) -> str:
    half = half.strip()
    if gene and half.startswith(gene):
        half = half[len(gene) :].lstrip(" :")
    return half.strip()
