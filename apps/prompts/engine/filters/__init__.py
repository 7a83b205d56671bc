"""The filters that a prompt may use. Those not here do not exist.

Each is called with the meter, the value and the arguments as written; its signature is what the
policy checks arguments against. `default` is missing here: it must see whether there is a value,
so the compiler knows it.
"""

from collections.abc import Callable

from apps.prompts.engine.filters import lists, numbers, rows, texts
from apps.prompts.engine.lookup import Missing
from apps.prompts.engine.values import JSONValue

Filter = Callable[..., JSONValue | Missing]

FILTERS: dict[str, Filter] = {
    "abs": numbers.absolute,
    "capitalize": texts.capitalize,
    "count": lists.length,
    "dictsort": rows.dictsort,
    "first": lists.first,
    "float": numbers.float_,
    "indent": texts.indent,
    "int": numbers.int_,
    "items": rows.items,
    "join": lists.join,
    "last": lists.last,
    "length": lists.length,
    "list": lists.list_,
    "lower": texts.lower,
    "map": lists.map_,
    "max": lists.max_,
    "min": lists.min_,
    "reject": rows.reject,
    "rejectattr": rows.rejectattr,
    "replace": texts.replace,
    "reverse": lists.reverse,
    "round": numbers.round_,
    "select": rows.select,
    "selectattr": rows.selectattr,
    "sort": lists.sort,
    "string": texts.string,
    "sum": lists.sum_,
    "title": texts.title,
    "tojson": texts.tojson,
    "trim": texts.trim,
    "truncate": texts.truncate,
    "unique": lists.unique,
    "upper": texts.upper,
    "wordcount": texts.wordcount,
}
