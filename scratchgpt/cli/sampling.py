"""Options for sampling text from a model, for all verbs that generate it."""

from typing import Annotated

import typer

MaxNewTokens = Annotated[int, typer.Option(min=1, help="Maximum number of tokens to generate.")]
Temperature = Annotated[
    float, typer.Option(help="Lower is more deterministic, higher more random; 0 is greedy.")
]
TopK = Annotated[
    int | None,
    typer.Option(help="Sample from the k most probable tokens.", show_default="all tokens"),
]
TopP = Annotated[
    float,
    typer.Option(help="Sample from the smallest set of tokens whose probabilities sum to p."),
]
MinP = Annotated[
    float,
    typer.Option(help="Sample from tokens with at least p times the highest probability."),
]
RepetitionPenalty = Annotated[
    float, typer.Option(help="Values above 1 make tokens that already occurred less probable.")
]
Seed = Annotated[int, typer.Option(min=0, help="Random seed; the same seed gives the same text.")]
