"""What a Delta table asks of its readers and writers: versions, and above them features by name.

Source: https://github.com/delta-io/delta/blob/master/PROTOCOL.md (protocol evolution, valid feature names).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from brickyard.workspace.compute.gateway.errors import SparkError, unsupported

__all__ = ["DEFAULTS", "GENERATED", "IDENTITY", "PREFIX", "Protocol", "features_in", "need_defaults"]

#: Properties that ask for a feature: `delta.feature.<name> = supported`.
PREFIX = "delta.feature."
DEFAULTS, GENERATED, IDENTITY = "allowColumnDefaults", "generatedColumns", "identityColumns"
#: The version of writers from which on features have names, and that of readers.
NAMED, NAMED_FOR_READERS = 7, 3
#: Features that a version of writers has without naming them, each with those before it.
IMPLIED = {
    2: ("appendOnly", "invariants"),
    3: ("checkConstraints",),
    4: ("changeDataFeed", "generatedColumns"),
    5: ("columnMapping",),
    6: ("identityColumns",),
}
#: Reader and writer version that features need where none is named. Those that are not here are always named, and so
#: are the ones that Delta names itself, because the versions would ask for more.
VERSIONS = {"appendOnly": (1, 2), "invariants": (1, 2), "checkConstraints": (1, 3)} | {
    "changeDataFeed": (1, 4),
    "columnMapping": (2, 5),
}
#: Features that readers must know too.
FOR_READERS = frozenset({"columnMapping"})
#: Properties that ask for a feature in words of their own.
ENABLING = {"delta.enableTypeWidening": "typeWidening"}
#: Those that a user may ask for.
KNOWN = frozenset(name for names in IMPLIED.values() for name in names) | {DEFAULTS}


@dataclass(frozen=True)
class Protocol:
    """Versions of readers and writers, and the features that have names.

    Args:
        reader: The least version of readers.
        writer: The least version of writers.
        reader_features: What readers must know, from version 3 on.
        writer_features: What writers must know, from version 7 on.
    """

    reader: int = 1
    writer: int = 2
    reader_features: frozenset[str] = frozenset()
    writer_features: frozenset[str] = frozenset()

    @property
    def features(self) -> frozenset[str]:
        """All features, named or not."""
        implied = {name for version, names in IMPLIED.items() for name in names if version <= self.writer < NAMED}
        return self.writer_features | implied

    def supporting(self, feature: str) -> Protocol:
        """The least protocol that has a feature besides those of this one."""
        if feature in self.features:
            return self
        if self.writer < NAMED and feature in VERSIONS:
            reader, writer = VERSIONS[feature]
            return replace(self, reader=max(self.reader, reader), writer=max(self.writer, writer))
        named = replace(self, writer=NAMED, writer_features=self.features | {feature})
        if feature not in FOR_READERS:
            return named
        if self.reader >= NAMED_FOR_READERS:
            return replace(named, reader_features=self.reader_features | {feature})
        return replace(named, reader=max(self.reader, VERSIONS[feature][0]))

    def action(self) -> dict[str, Any]:
        """The protocol as an action of the log."""
        found: dict[str, Any] = {"minReaderVersion": self.reader, "minWriterVersion": self.writer}
        if self.reader >= NAMED_FOR_READERS:
            found["readerFeatures"] = sorted(self.reader_features)
        if self.writer >= NAMED:
            found["writerFeatures"] = sorted(self.writer_features)
        return {"protocol": found}


def features_in(properties: Mapping[str, str]) -> list[str]:
    """The features that a table's properties ask for.

    Raises:
        SparkError: UNSUPPORTED_BY_ENGINE, for those that other programs could not read or write.
    """
    names = [key.removeprefix(PREFIX) for key in properties if key.startswith(PREFIX)]
    names += [feature for key, feature in ENABLING.items() if properties.get(key, "").lower() == "true"]
    for name in names:
        if name not in KNOWN:
            raise unsupported(f"the table feature {name}", "Leave the property out.")
    return names


def need_defaults(protocol: Protocol, statement: str, *, needed: bool = True) -> None:
    """Refuse a default in a table without the feature.

    Raises:
        SparkError: WRONG_COLUMN_DEFAULTS_FOR_DELTA_FEATURE_NOT_ENABLED.
    """
    if needed and DEFAULTS not in protocol.features:
        text = (
            f"Failed to execute {statement} command because it assigned a column DEFAULT value, but the corresponding "
            "table feature was not enabled. Please retry the command again after executing ALTER TABLE tableName SET "
            f"TBLPROPERTIES('{PREFIX}{DEFAULTS}' = 'supported')."
        )
        raise SparkError("WRONG_COLUMN_DEFAULTS_FOR_DELTA_FEATURE_NOT_ENABLED", text, sql_state="0AKDE")
