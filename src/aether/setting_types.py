"""Setting types: the valid values of settings, each with a description for error messages."""

from typing import Annotated, Literal, get_args

from msgspec import Meta

Count = Annotated[int, Meta(ge=1, description="a whole number, 1 or more")]
Seconds = Annotated[
    float, Meta(gt=0, le=10 * 365 * 86_400, description="a number of seconds, more than 0, at most ten years")
]
# A smaller context has no room for a text beside the prompts.
Context = Annotated[int, Meta(ge=2_048, description="a whole number, 2048 or more")]
Port = Annotated[int, Meta(ge=0, le=65_535, description="a whole number, 0 to 65535")]
Flag = Annotated[bool, Meta(description="true or false")]
ObjectStoreUrl = Annotated[
    str, Meta(pattern=r"^(file:///|s3://)[^/?#]", description="file:///folder or s3://bucket/folder")
]
HttpUrl = Annotated[
    str,
    Meta(pattern=r"^https?://[^/?#\s]+(/[^?#\s]*)?$", description="an address that begins with http:// or https://"),
]
_PORT = r"(:([1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5]))?"
ModelUrl = Annotated[
    str,
    Meta(
        pattern=r"^[Hh][Tt][Tt][Pp][Ss]?://([^/?#\s@]*@)?(\[[\w.:%]+\]|[^/?#\s:@\[\]]+)"
        + _PORT
        + r"(/[^?#\s]*)?(\?[^#\s]*)?$",
        description="an address that begins with http:// or https://",
    ),
]
HostList = Annotated[
    str,
    Meta(
        pattern=r"^[\w.:\[\]-]+(,[\w.:\[\]-]+)*$",
        description="names or addresses, each with or without a port, with commas and no spaces between them",
    ),
]
AddressList = Annotated[
    str,
    Meta(
        pattern=r"^[0-9A-Fa-f.:]+(/\d{1,3})?(,[0-9A-Fa-f.:]+(/\d{1,3})?)*$",
        description="addresses or networks, such as 10.0.0.0/8, with commas and no spaces between them",
    ),
]
_ORIGIN = r"https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:\d{1,5})?"
OriginList = Annotated[
    str,
    Meta(
        pattern=f"^{_ORIGIN}(,{_ORIGIN})*$",
        description="origins as browsers send them, such as https://app.example.com, in small letters, without a path, "
        "with commas and no spaces between them",
    ),
]
NameList = Annotated[str, Meta(pattern=r"^[^,]+(,[^,]+)*$", description="names with commas between them")]
RequestRate = Annotated[
    str,
    Meta(pattern=r"^[1-9][0-9]{0,8}/[1-9][0-9]{0,5}$", description="requests/seconds in whole numbers, such as 600/60"),
]
WaitList = Annotated[
    str,
    Meta(
        pattern=r"^\d{1,6}(\.\d+)?(,\d{1,6}(\.\d+)?){0,49}$",
        description="1 to 50 numbers of seconds, with commas and no spaces between them",
    ),
]
Algorithms = Annotated[
    str,
    Meta(
        pattern=r"^((RS|PS|ES)(256|384|512)|EdDSA)(,((RS|PS|ES)(256|384|512)|EdDSA))*$",
        description="some of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512 and EdDSA, "
        "with commas and no spaces between them",
    ),
]
ScopeList = Annotated[
    str,
    Meta(
        pattern=r"^(read|write|admin)(,(read|write|admin))*$",
        description="some of read, write and admin, with commas and no spaces between them",
    ),
]
Leeway = Annotated[float, Meta(ge=0, le=300, description="a number of seconds, 0 to 300")]
Durability = Annotated[Literal["memory", "local", "replica"], Meta(description="memory, local or replica")]
PromptStyleName = Annotated[Literal["auto", "full", "plain"], Meta(description="auto, full or plain")]
# The queue's name is a key in Redis, beside those of arq and of Aether.
KeyPrefix = Annotated[
    str,
    Meta(
        pattern=r"^([A-Za-z0-9:._-]*(\{[A-Za-z0-9:._-]+\})?[A-Za-z0-9:._-]*:)?\Z",
        max_length=64,
        description="nothing, or up to 64 letters, digits, colons, dots, hyphens and underscores, the last one a "
        "colon; a part of them may stand in braces, as in {aether}:",
    ),
]
QueueName = Annotated[
    str,
    Meta(
        pattern=r"^(?!arq:|aether$|aether:(?!queue))[A-Za-z0-9:._-]{1,64}\Z",
        description="1 to 64 letters, digits, colons, dots, hyphens and underscores; the name must not begin with "
        "arq:, as arq:queue belongs to all programs with arq, nor be aether or begin with aether:, except for "
        "aether:queue and longer names",
    ),
]
ChecksMode = Annotated[Literal["off", "report", "rewrite"], Meta(description="off, report or rewrite")]
LogLevel = Annotated[Literal["debug", "info", "warning", "error"], Meta(description="debug, info, warning or error")]
LogFormat = Annotated[Literal["auto", "console", "json"], Meta(description="auto, console or json")]


def find_description(setting_type: object) -> str | None:
    """Return the description of a type, or of the first member of a union that has one."""
    descriptions = (meta.description for meta in getattr(setting_type, "__metadata__", ()) if isinstance(meta, Meta))
    return next(filter(None, (*descriptions, *map(find_description, get_args(setting_type)))), None)
