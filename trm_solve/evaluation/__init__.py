"""How good a model is: figures, reports, many processes."""
