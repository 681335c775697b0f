"""Files with their columns and what was counted in them to a Croissant 1.1 description, as the values of its JSON-LD.

The format: https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html. Every file has a record set of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from forgelm.audit.croissant.column_types import ColumnType, Kind

CROISSANT = "http://mlcommons.org/croissant/1.1"
CROISSANT_RAI = "http://mlcommons.org/croissant/RAI/1.0"

# The context of the specification's appendix, and the vocabularies it recommends for provenance and statistics.
_CONTEXT = MappingProxyType(
    {
        "@language": "en",
        "@vocab": "https://schema.org/",
        **{
            name: f"cr:{name}"
            for name in (
                *("annotation", "arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "extract"),
                *("field", "fileObject", "fileProperty", "fileSet", "format", "includes", "isArray", "isLiveDataset"),
                *("jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex", "repeated"),
                *("replace", "samplingRate", "separator", "source", "subField", "transform"),
            )
        },
        "conformsTo": "dct:conformsTo",
        "cr": "http://mlcommons.org/croissant/",
        "data": {"@id": "cr:data", "@type": "@json"},
        "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
        "dct": "http://purl.org/dc/terms/",
        "ddi-stats": "http://rdf-vocabulary.ddialliance.org/cv/SummaryStatisticType/2.1.2/",
        "description": {"@container": "@language"},
        "examples": {"@id": "cr:examples", "@type": "@json"},
        "name": {"@container": "@language"},
        "prov": "http://www.w3.org/ns/prov#",
        "rai": "http://mlcommons.org/croissant/RAI/",
        "sc": "https://schema.org/",
        "wd": "http://www.wikidata.org/entity/",
    }
)
_MEDIA_TYPES = MappingProxyType(
    {
        ".jsonl": "application/jsonlines",
        ".ndjson": "application/jsonlines",
        ".json": "application/json",
        ".csv": "text/csv",
        ".tsv": "text/tab-separated-values",
        ".parquet": "application/x-parquet",
        ".txt": "text/plain",
    }
)
_COMPRESSIONS = MappingProxyType({".gz": "application/gzip", ".zst": "application/zstd", ".bz2": "application/x-bzip2"})
_DATA_TYPES: Mapping[Kind, str] = MappingProxyType(
    {
        "boolean": "sc:Boolean",
        "integer": "sc:Integer",
        "number": "sc:Float",
        "date": "sc:Date",
        "datetime": "sc:DateTime",
    }
)
_SPLITS = MappingProxyType({"train": "cr:TrainingSplit", "validation": "cr:ValidationSplit", "test": "cr:TestSplit"})
# Terms for what statistics are called; the identifiers are those of the specification's example.
_TERMS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "rows": {"dataType": "wd:Q4049983"},
        "mean": {"dataType": ["sc:Float", "ddi-stats:7975ed0"]},
        "min": {"equivalentProperty": "sc:minValue"},
        "max": {"equivalentProperty": "sc:maxValue"},
    }
)


@dataclass(frozen=True)
class DescribedFile:
    """One data file: ``url`` is where it lies, absolute or relative to the description; ``name`` is unique."""

    name: str
    url: str
    split: str
    sha256: str
    size_bytes: int
    columns: Mapping[str, ColumnType]


@dataclass(frozen=True)
class Origin:
    """What the data was made from: a dataset's address or name, at a revision where it has one."""

    name: str
    revision: str | None = None


@dataclass(frozen=True)
class DescribedDataset:
    """What is known about a dataset. Whatever is unknown is left out of the description, never made up.

    ``statistics`` holds by split, then by name, what was counted or measured, by ``tool`` at ``generated_at``
    (ISO 8601). ``license`` is an SPDX identifier, a URL or a name; ``languages`` are ISO 639-1 codes; ``responsible``
    are properties of the responsible-AI vocabulary without its prefix; ``preparation`` says what was done to the data.
    """

    name: str
    description: str
    files: tuple[DescribedFile, ...]
    tool: str
    generated_at: str
    statistics: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    languages: tuple[str, ...] = ()
    responsible: Mapping[str, Any] = field(default_factory=dict)
    preparation: tuple[str, ...] = ()
    origins: tuple[Origin, ...] = ()
    license: str | None = None
    url: str | None = None
    creator: str | None = None
    date_published: str | None = None
    date_modified: str | None = None


def build_croissant(dataset: DescribedDataset) -> dict[str, Any]:
    """Return the description of ``dataset``, to be written as JSON; it states only what is known."""
    splits = list(dict.fromkeys(file.split for file in dataset.files))
    responsible = dict(dataset.responsible)
    if dataset.preparation:
        responsible["dataPreprocessingProtocol"] = list(dataset.preparation)
    described: dict[str, Any] = {
        "@context": dict(_CONTEXT),
        "@type": "sc:Dataset",
        "conformsTo": [CROISSANT, *([CROISSANT_RAI] if responsible else [])],
        "name": dataset.name,
        "description": dataset.description,
        "url": dataset.url,
        "license": _locate_license(dataset.license),
        "creator": {"@type": "sc:Organization", "name": dataset.creator} if dataset.creator else None,
        "datePublished": dataset.date_published,
        "dateModified": dataset.date_modified,
        "sdDatePublished": dataset.generated_at,
        "inLanguage": list(dataset.languages),
        **{f"rai:{name}": value for name, value in responsible.items()},
        "prov:wasDerivedFrom": [_describe_origin(origin) for origin in dataset.origins],
        "distribution": [_describe_file(file) for file in dataset.files],
        "recordSet": [_describe_splits(splits), *_describe_record_sets(dataset)] if splits else [],
    }
    return {name: value for name, value in described.items() if value not in (None, [], ())}


def _locate_license(name: str | None) -> str | None:
    """Return the address of a licence known by its SPDX identifier, anything else as it is."""
    if name is None or "/" in name or " " in name:
        return name
    return f"https://spdx.org/licenses/{name}"


def _describe_origin(origin: Origin) -> dict[str, Any]:
    described = {"@type": "prov:Entity", "prov:label": origin.name}
    return described | ({"sc:version": origin.revision} if origin.revision else {})


def _describe_file(file: DescribedFile) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": _make_id(file.name),
        "name": PurePosixPath(file.name).name,
        "contentUrl": file.url,
        "contentSize": f"{file.size_bytes} B",
        "encodingFormat": _list_formats(file.name),
        "sha256": file.sha256,
    }


def _list_formats(name: str) -> str | list[str]:
    """Return the media type of the content first, that of the compression after it."""
    suffixes = [suffix.lower() for suffix in PurePosixPath(name).suffixes[-2:]]
    content = [_MEDIA_TYPES[suffix] for suffix in suffixes if suffix in _MEDIA_TYPES]
    formats = content[-1:] + [_COMPRESSIONS[suffix] for suffix in suffixes[-1:] if suffix in _COMPRESSIONS]
    return formats if len(formats) > 1 else next(iter(formats), "application/octet-stream")


def _describe_splits(splits: list[str]) -> dict[str, Any]:
    """Return the record set of the splits' names, with what each stands for where all are of the usual three."""
    is_usual = all(split in _SPLITS for split in splits)
    fields: list[dict[str, Any]] = [{"@type": "cr:Field", "@id": "splits/name", "name": "name", "dataType": "sc:Text"}]
    rows = [{"splits/name": split} | ({"splits/url": _SPLITS[split]} if is_usual else {}) for split in splits]
    if is_usual:
        fields.append({"@type": "cr:Field", "@id": "splits/url", "name": "url", "dataType": ["sc:URL", "cr:Split"]})
    return {
        "@type": "cr:RecordSet",
        "@id": "splits",
        "name": "splits",
        "description": "The splits of the dataset.",
        "dataType": "cr:Split",
        "key": {"@id": "splits/name"},
        "field": fields,
        "data": rows,
    }


def _describe_record_sets(dataset: DescribedDataset) -> list[dict[str, Any]]:
    files = Counter(file.split for file in dataset.files)
    described, splits_seen = [], set()
    for file in dataset.files:
        is_named_after_split = files[file.split] == 1 and file.split != "splits"
        name = file.split if is_named_after_split else f"{file.split}/{file.name}"
        record_set = {
            "@type": "cr:RecordSet",
            "@id": _make_id(name),
            "name": name,
            "description": f"The rows of {file.name}, of the split {file.split}.",
            "field": [_state_split(_make_id(name), file), *_describe_columns(_make_id(name), file)],
        }
        # What was counted holds for the whole split, so it stands once, with the split's first file.
        if file.split not in splits_seen and file.split in dataset.statistics:
            record_set["annotation"] = _describe_statistics(dataset, file.split)
        splits_seen.add(file.split)
        described.append(record_set)
    return described


def _state_split(record_set: str, file: DescribedFile) -> dict[str, Any]:
    name = "split" if "split" not in file.columns else "split_name"
    return {
        "@type": "cr:Field",
        "@id": f"{record_set}/{name}#constant",
        "name": name,
        "description": "The split of all these rows.",
        "dataType": "sc:Text",
        "value": file.split,
        "references": {"field": {"@id": "splits/name"}},
    }


def _describe_columns(record_set: str, file: DescribedFile) -> list[dict[str, Any]]:
    return [_describe_column(record_set, file, name, column) for name, column in file.columns.items()]


def _describe_column(record_set: str, file: DescribedFile, name: str, column: ColumnType) -> dict[str, Any]:
    identifier = f"{record_set}/{_make_id(name)}"
    source = {"fileObject": {"@id": _make_id(file.name)}, "extract": _extract(file, name)}
    described: dict[str, Any] = {"@type": "cr:Field", "@id": identifier, "name": name}
    if column.lists:
        described |= {"isArray": True, "arrayShape": ",".join(["-1"] * column.lists)}
    inner = {inner: of for inner, of in column.fields.items() if of.kind != "object"}
    deeper = [inner for inner, of in column.fields.items() if of.kind == "object"]
    if not inner:
        return described | {**_type_of(column), "source": source}
    described["source"] = source
    if deeper:
        described["description"] = f"Holds more, nested deeper: {', '.join(deeper)}."
    described["subField"] = [
        {
            "@type": "cr:Field",
            "@id": f"{identifier}/{_make_id(inner_name)}",
            "name": inner_name,
            **({"isArray": True, "arrayShape": ",".join(["-1"] * of.lists)} if of.lists else {}),
            **_type_of(of),
            "source": source | {"transform": {"jsonPath": _quote_step(inner_name)}},
        }
        for inner_name, of in inner.items()
    ]
    return described


def _extract(file: DescribedFile, column: str) -> dict[str, str]:
    is_json = _list_formats(file.name) == _MEDIA_TYPES[".json"]
    return {"jsonPath": f"[*].{_quote_step(column)}"} if is_json else {"column": column}


def _quote_step(name: str) -> str:
    return name if name.isidentifier() and name.isascii() else "'" + name.replace("'", "\\'") + "'"


def _type_of(column: ColumnType) -> dict[str, Any]:
    if column.kind == "mixed":
        return {"dataType": "sc:Text", "description": "Its values differ in type."}
    if column.kind == "null":
        return {"dataType": "sc:Text", "description": "No value was seen."}
    return {"dataType": _DATA_TYPES.get(column.kind, "sc:Text")}


def _describe_statistics(dataset: DescribedDataset, split: str) -> list[dict[str, Any]]:
    activity = {"@type": "prov:Activity", "prov:label": dataset.tool, "prov:endedAtTime": dataset.generated_at}
    return [
        {
            "@type": "cr:Field",
            "@id": f"{_make_id(split)}/statistics/{_make_id(name)}",
            "name": name,
            "value": value,
            "dataType": "sc:Integer" if isinstance(value, int) else "sc:Float",
            **_TERMS.get(name.rpartition(".")[2], {}),
            "prov:wasGeneratedBy": activity,
        }
        for name, value in dataset.statistics[split].items()
    ]


def _make_id(name: str) -> str:
    """Return ``name`` as part of an IRI: slashes of paths stay."""
    return quote(name, safe="/-._~")
