"""The tabs that look inside a model: confusion or fit, mistakes, classes or residuals."""
