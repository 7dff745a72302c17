"""The tabs about a model's predictions: confusion or fit, mistakes, classes or residuals."""
