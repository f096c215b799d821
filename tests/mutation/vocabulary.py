"""What is mistaken for what: operators, comparisons and names with their likely confusions."""

import ast

SIGNS = {ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "/"), ast.Div: ("/", "*")}
OTHER_OPERATORS = {
    ast.Pow: ("**", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "//"),
    ast.BitOr: ("|", "&"),
    ast.BitAnd: ("&", "|"),
    ast.BitXor: ("^", "|"),
}
OPERATORS = {**SIGNS, **OTHER_OPERATORS}
COMPARISONS = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
}
# The twin of a name: what a tired author could have written in its place.
TWINS_OF_NUMPY = {
    "add": "subtract",
    "subtract": "add",
    "multiply": "divide",
    "divide": "multiply",
    "greater_equal": "greater",
    "right_shift": "left_shift",
    "sum": "mean",
    "mean": "sum",
    "max": "min",
    "min": "max",
}
TWINS = {
    "c_attn": "c_proj",
    "c_fc": "c_proj",
    "wte": "wpe",
    "wpe": "wte",
    "keys": "values",
    "values": "keys",
    "grad": "value",
}
TRANSPOSES = ("T", "mT", "real")
TRANSPOSING = ("swapaxes", "transpose")
COMMUTATIVE = ("add", "multiply", "max", "min", "residual_forward", "swapaxes")
BINARY = ("add", "subtract", "multiply", "divide")
UNARY = ("exp", "log", "sqrt", "tanh")
