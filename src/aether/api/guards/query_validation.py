"""Query validation guard: rejects query parameters that are unknown, repeated or null.

Litestar would ignore unknown ones, take the last of several values, and treat `null` as None.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from itertools import islice
from typing import Any, NamedTuple

import msgspec
from litestar.datastructures import MultiDict
from litestar.di import Provide
from litestar.handlers import BaseRouteHandler
from litestar.params import QueryParameter
from litestar.typing import FieldDefinition

from aether.api.guards.authentication import CREDENTIAL_PARAMETER, is_public
from aether.api.guards.request_validation import Connection
from aether.api.http.nearest_name import unknown_rule
from aether.api.http.validation_errors import MAX_ERRORS, parameter_rule
from aether.errors import FieldError


class _Parameter(NamedTuple):
    """A declared parameter, and the type that msgspec converts its value to."""

    field: FieldDefinition
    type: Any  # of any form

    @property
    def rejects_null(self) -> bool:
        # For a string, "null" is an ordinary value.
        return self.field.is_optional and not self.field.has_inner_subclass_of(str)


async def check_query(connection: Connection, handler: BaseRouteHandler) -> None:
    """Check the names of all parameters, and how often each is given. Public handlers ignore what they do not know.

    Raises:
        FieldError: for all parameters that break a rule, also those that Litestar would reject for their values.
    """
    if not connection.scope["query_string"] or is_public(connection, handler):
        return
    query, declared = connection.query_params, _parameters(handler)
    errors = [*islice(_errors(query, declared), MAX_ERRORS)]
    if errors:
        rejected = {error.field for error in errors}
        of_values = (_value_error(name, query[name], each) for name, each in declared.items() if name in query)
        raise FieldError.of([*errors, *(each for each in of_values if each and each.field not in rejected)])


def _errors(query: MultiDict[str], declared: Mapping[str, _Parameter]) -> Iterator[FieldError]:
    for name in dict.fromkeys(query):
        values, parameter = query.getall(name), declared.get(name)
        if parameter is None:
            if name != CREDENTIAL_PARAMETER:
                yield FieldError(name, unknown_rule("parameter", name, declared))
        elif len(values) > 1:
            yield FieldError(name, "must be given only once")
        elif parameter.rejects_null and values[0].lower() == "null":
            yield FieldError(name, "must not be null")


def _value_error(name: str, value: str, parameter: _Parameter) -> FieldError | None:
    try:
        msgspec.convert(value, parameter.type, strict=False)
    except msgspec.ValidationError as error:
        return parameter_rule(name, str(error), parameter.field)
    return None


@cache
def _parameters(handler: BaseRouteHandler) -> Mapping[str, _Parameter]:
    """Return the query parameters that the handler and its dependencies declare, by name."""
    signature = handler.parsed_fn_signature
    dependencies = [each for name, each in handler.resolve_dependencies().items() if name in signature.parameters]
    declaring: tuple[BaseRouteHandler | Provide, ...] = (handler, *dependencies)
    return {
        name: _Parameter(field, each.signature_model.__annotations__[name])
        for each in declaring
        for name, field in each.parsed_fn_signature.parameters.items()
        if isinstance(field.kwarg_definition, QueryParameter)
    }
