"""The constraints of the PHD guide that matter here, as StructureDefinitions of our own making.

Each is FHIR's own definition of the resource, out of the test server's packages, with a few
elements made stricter. The guide's files are not copied; what is here was written from its rules.
"""

import json
from pathlib import Path

PACKAGES = Path(__file__).parent / "node_modules"
OFFICIAL = PACKAGES / "@medplum" / "definitions" / "dist" / "fhir" / "r4"
GUIDE = "http://hl7.org/fhir/uv/phd/StructureDefinition"
UCUM = "http://unitsofmeasure.org"
MDC = "urn:iso:std:iso:11073:10101"
GATEWAY = "http://hl7.org/fhir/StructureDefinition/observation-gatewayDevice"
CATEGORIES = "http://hl7.org/fhir/uv/phd/CodeSystem/PhdObservationCategories"


class Profile:
    """A definition to be made stricter, element by element."""

    def __init__(self, base: dict, name: str) -> None:
        self.definition = json.loads(json.dumps(base))
        self.definition |= {
            "id": name, "name": name, "url": f"{GUIDE}/{name}", "derivation": "constraint",
            "baseDefinition": base["url"],
        }  # fmt: skip
        self.definition.pop("differential", None)
        self.elements = self.definition["snapshot"]["element"]
        self.kind = base["type"]

    def stricter(self, path: str, **changes) -> "Profile":
        """Change the element at ``path`` (without the type's name)."""
        self._element(f"{self.kind}.{path}").update(changes)
        return self

    def child(self, path: str, **more) -> "Profile":
        """Add an element below a data type, of which a resource's definition says nothing."""
        parent, _, _ = path.rpartition(".")
        self._insert(f"{self.kind}.{parent}", f"{self.kind}.{path}", None, more)
        return self

    def slice(self, path: str, name: str, by: list[str], fixed: dict, **pattern) -> "Profile":
        """Ask for exactly one entry of a list, known by a pattern or by fixed elements."""
        whole = f"{self.kind}.{path}"
        discriminator = [{"type": "value", "path": one} for one in by]
        element = self._element(whole)
        element["slicing"] = {"discriminator": discriminator, "rules": "open"}
        bounds = {"min": 1, "max": "1", "type": element["type"]}
        self._insert(whole, whole, name, bounds | pattern)
        for where, value in fixed.items():
            self._insert(f"{whole}:{name}", f"{whole}:{name}.{where}", None, {"min": 1, **value})
        return self

    def write(self, folder: Path) -> None:
        (folder / f"{self.definition['id']}.json").write_text(json.dumps(self.definition))

    def _element(self, element_id: str) -> dict:
        return next(one for one in self.elements if one["id"] == element_id)

    def _insert(self, after: str, element_id: str, name: str | None, more: dict) -> None:
        places = [
            place for place, one in enumerate(self.elements)
            if one["id"] == after or one["id"].startswith((f"{after}.", f"{after}:"))
        ]  # fmt: skip
        element_id = f"{element_id}:{name}" if name else element_id
        path = ".".join(part.partition(":")[0] for part in element_id.split("."))
        bounds = {"min": 0, "max": "*" if name else "1"}
        element = {"id": element_id, "path": path, **bounds, **more}
        if name:
            element["sliceName"] = name
        element["base"] = {"path": path, "min": 0, "max": "*" if name else element["max"]}
        self.elements.insert(places[-1] + 1, element)


def fixed(kind: str, value: str) -> dict:
    return {"type": [{"code": kind}], f"fixed{kind[0].upper()}{kind[1:]}": value}


def write_profiles(folder: Path) -> None:
    """Write the profiles into ``folder``, for the test server."""
    entries = json.loads((OFFICIAL / "profiles-resources.json").read_text())["entry"]
    wanted = {"Observation", "Device", "Patient"}
    base = {
        entry["resource"]["type"]: entry["resource"]
        for entry in entries
        if entry["resource"].get("url", "").rpartition("/")[2] in wanted
    }
    folder.mkdir(exist_ok=True)
    for profile in (*_observations(base["Observation"]), *_devices(base["Device"])):
        profile.write(folder)
    Profile(base["Patient"], "PhdPatient").stricter("identifier", min=1).write(folder)
    coincident = Profile(base["Observation"], "PhdCoincidentTimeStampObservation")
    coincident.stricter("subject", min=1).stricter("device", min=1)
    coincident.stricter("value[x]", type=[{"code": "Quantity"}, {"code": "dateTime"}])
    coincident.stricter("derivedFrom", max="0").stricter("hasMember", max="0").write(folder)


def _observations(base: dict):
    quantity = {"type": [{"code": "Quantity"}]}
    numeric = _measurement(base, "PhdNumericObservation").stricter("value[x]", **quantity)
    _in_ucum(numeric, "value[x]")
    yield numeric
    yield _measurement(base, "PhdCompoundNumericObservation").stricter("value[x]", max="0")
    yield _measurement(base, "PhdStringObservation").stricter("value[x]", type=[{"code": "string"}])
    sampled = _measurement(base, "PhdRtsaObservation").stricter(
        "value[x]", type=[{"code": "SampledData"}]
    )
    sampled.child("value[x].origin", min=1, type=[{"code": "Quantity"}])
    _in_ucum(sampled, "value[x].origin")
    sampled.child("value[x].factor", min=1, type=[{"code": "decimal"}])
    yield sampled


def _measurement(base: dict, name: str) -> Profile:
    profile = Profile(base, name)
    profile.slice("extension", "gateway", ["url"], {"url": fixed("uri", GATEWAY)})
    phd = {"coding": [{"system": CATEGORIES, "code": "phd"}]}
    profile.slice("category", "phd", ["$this"], {}, patternCodeableConcept=phd)
    profile.stricter("extension", min=1).stricter("category", min=1)
    profile.stricter("subject", min=1).stricter("device", min=1)
    return profile.stricter("effective[x]", min=1, type=[{"code": "dateTime"}, {"code": "Period"}])


def _in_ucum(profile: Profile, path: str) -> None:
    profile.child(f"{path}.value", min=1, type=[{"code": "decimal"}])
    profile.child(f"{path}.system", min=1, **fixed("uri", UCUM))
    profile.child(f"{path}.code", min=1, type=[{"code": "code"}])


def _devices(base: dict):
    for name, kind in (("PhgDevice", "531981"), ("PhdDevice", "65573")):
        profile = Profile(base, name).stricter("identifier", min=1).stricter("type", min=1)
        profile.stricter("specialization", min=1).stricter("version", min=1)
        profile.stricter("parent", max="0")
        profile.child("type.coding", min=1, max="*", type=[{"code": "Coding"}])
        profile.child("type.coding.system", min=1, **fixed("uri", MDC))
        profile.child("type.coding.code", min=1, **fixed("code", kind))
        if name == "PhdDevice":
            profile.stricter("manufacturer", min=1).stricter("modelNumber", min=1)
        yield profile
