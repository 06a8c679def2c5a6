"""JSON Schema of the answers that a model is asked for."""


def object_schema(**properties: object) -> dict[str, object]:
    """Describe a JSON object that has all of these members and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
