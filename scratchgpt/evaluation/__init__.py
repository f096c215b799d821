"""How good a model is, from its predictions: perplexity, exact match, translation scores."""
