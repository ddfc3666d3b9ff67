"""The messages by which a Spark Connect client asks for what only Delta tables have.

They stand in the `extension` of a relation or a command. Numbers and names are those of Delta Lake 4 (package
`delta.connect`); what is a message of Spark itself is kept as bytes here, which is the same on the wire.
"""

from __future__ import annotations

from functools import cache
from typing import Any

__all__ = ["COMMAND_URL", "RELATION_URL", "message"]

PACKAGE = "delta.connect"
RELATION_URL = f"type.googleapis.com/{PACKAGE}.DeltaRelation"
COMMAND_URL = f"type.googleapis.com/{PACKAGE}.DeltaCommand"
#: Message -> fields in the order of their numbers: name, kind; `*` repeats, `?` may be absent, `{}` is a map of texts.
MESSAGES: dict[str, str] = {
    "Path": "path:string hadoop_conf:{}",
    "DeltaTable": "path:Path? table_or_view_name:string?",
    "DeltaRelation": "scan:Of? describe_history:Of? describe_detail:Of? convert_to_delta:ConvertToDelta? "
    "restore_table:RestoreTable? is_delta_table:Path? delete_from_table:DeleteFromTable? update_table:UpdateTable? "
    "merge_into_table:MergeIntoTable? optimize_table:OptimizeTable?",
    "Of": "table:DeltaTable",
    "ConvertToDelta": "identifier:string partition_schema_string:string? partition_schema_struct:bytes?",
    "RestoreTable": "table:DeltaTable version:int64? timestamp:string?",
    "DeleteFromTable": "target:bytes condition:bytes?",
    "UpdateTable": "target:bytes condition:bytes? assignments:Assignment*",
    "MergeIntoTable": "target:bytes source:bytes condition:bytes? matched_actions:Action* not_matched_actions:Action* "
    "not_matched_by_source_actions:Action* with_schema_evolution:bool?",
    "Action": "condition:bytes? delete_action:Nothing? update_action:Assignments? update_star_action:Nothing? "
    "insert_action:Assignments? insert_star_action:Nothing?",
    "Nothing": "",
    "Assignments": "assignments:Assignment*",
    "Assignment": "field:bytes value:bytes",
    "OptimizeTable": "table:DeltaTable partition_filters:string* zorder_columns:string*",
    "DeltaCommand": "clone_table:CloneTable? vacuum_table:VacuumTable? upgrade_table_protocol:UpgradeTableProtocol? "
    "generate:Generate? create_delta_table:CreateDeltaTable? add_feature_support:Feature? "
    "drop_feature_support:Feature?",
    "CloneTable": "table:DeltaTable target:string version:int32? timestamp:string? is_shallow:bool replace:bool "
    "properties:{}",
    "VacuumTable": "table:DeltaTable retention_hours:double?",
    "UpgradeTableProtocol": "table:DeltaTable reader_version:int32 writer_version:int32",
    "Generate": "table:DeltaTable mode:string",
    "CreateDeltaTable": "mode:int32 table_name:string? location:string? comment:string? columns:Column* "
    "partitioning_columns:string* properties:{} clustering_columns:string*",
    "Column": "name:string data_type:bytes nullable:bool generated_always_as:string? comment:string? "
    "identity_info:Identity?",
    "Identity": "start:int64 step:int64 allow_explicit_insert:bool",
    "Feature": "table:DeltaTable feature_name:string truncate_history:bool?",
}


def message(name: str) -> Any:
    """The class of a message."""
    return _classes()[name]


@cache
def _classes() -> dict[str, Any]:
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="brickyard/delta_connect.proto", package=PACKAGE, syntax="proto3")
    for name, fields in MESSAGES.items():
        _define(file.message_type.add(name=name), fields.split())
    pool = descriptor_pool.DescriptorPool()  # of its own: the client's program may have the real ones
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}")) for name in MESSAGES}


def _define(defined: Any, fields: list[str]) -> None:
    from google.protobuf import descriptor_pb2

    kinds = descriptor_pb2.FieldDescriptorProto
    for number, text in enumerate(fields, 1):
        name, _, kind = text.partition(":")
        field = defined.field.add(name=name, number=number)
        field.label = kinds.LABEL_REPEATED if kind.endswith(("*", "{}")) else kinds.LABEL_OPTIONAL
        base = kind.rstrip("*?")
        if base == "{}":
            _define_map(defined, field)
        elif base in MESSAGES:
            field.type, field.type_name = kinds.TYPE_MESSAGE, f".{PACKAGE}.{base}"
        else:
            field.type = kinds.Type.Value(f"TYPE_{base.upper()}")
        if kind.endswith("?") and base not in MESSAGES:
            field.proto3_optional, field.oneof_index = True, len(defined.oneof_decl)
            defined.oneof_decl.add(name=f"_{name}")


def _define_map(defined: Any, field: Any) -> None:
    from google.protobuf import descriptor_pb2

    kinds = descriptor_pb2.FieldDescriptorProto
    name = "".join(word.capitalize() for word in field.name.split("_")) + "Entry"
    entry = defined.nested_type.add(name=name)
    entry.options.map_entry = True
    for number, part in enumerate(("key", "value"), 1):
        entry.field.add(name=part, number=number, label=kinds.LABEL_OPTIONAL, type=kinds.TYPE_STRING)
    field.type, field.type_name = kinds.TYPE_MESSAGE, f".{PACKAGE}.{defined.name}.{name}"
