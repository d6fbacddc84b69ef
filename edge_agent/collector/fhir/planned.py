"""What is to be created: a resource, and the identifier under which it is created once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from edge_agent.collector.fhir.identifiers import search_query, urn
from edge_agent.collector.fhir.terms import Json


@dataclass(frozen=True, slots=True)
class Planned:
    """A resource with the one identifier that tells it from all others of its kind.

    Where it refers to another planned resource it gives that one's :attr:`urn`, until a server
    has told what it calls it: :meth:`resolved`.
    """

    resource: Json
    system: str
    value: str

    @property
    def kind(self) -> str:
        """Its resource type."""
        return str(self.resource["resourceType"])

    @property
    def query(self) -> str:
        """The search by which a server finds it, also as the condition of its creation."""
        return search_query(self.system, self.value)

    @property
    def urn(self) -> str:
        """The name it goes by inside a bundle."""
        return urn(f"{self.kind} {self.system}|{self.value}")

    def needs(self) -> set[str]:
        """Return the names of the resources it refers to."""
        return {one for one in _references(self.resource) if one.startswith("urn:uuid:")}

    def resolved(self, references: Mapping[str, str]) -> Planned:
        """Return it with the server's own references in place of names."""
        return Planned(_replaced(self.resource, references), self.system, self.value)

    def entry(self) -> Json:
        """Return the entry of a bundle that creates it unless it is there."""
        return {
            "fullUrl": self.urn,
            "resource": self.resource,
            "request": {"method": "POST", "url": self.kind, "ifNoneExist": self.query},
        }


def bundle(entries: list[Planned], kind: str) -> Json:
    """Return a bundle of ``kind`` (``transaction`` or ``batch``)."""
    return {"resourceType": "Bundle", "type": kind, "entry": [one.entry() for one in entries]}


def _references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "reference" and isinstance(value, str):
                yield value
            else:
                yield from _references(value)
    elif isinstance(node, list):
        for one in node:
            yield from _references(one)


def _replaced(resource: Json, references: Mapping[str, str]) -> Json:
    def walk(node: object) -> object:
        if isinstance(node, dict):
            return {
                key: references.get(value, value)
                if key == "reference" and isinstance(value, str)
                else walk(value)
                for key, value in node.items()
            }
        return [walk(one) for one in node] if isinstance(node, list) else node

    return {key: walk(value) for key, value in resource.items()}
