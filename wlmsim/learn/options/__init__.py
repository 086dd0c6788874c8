"""How an estimator holds its parameters: constraints declared as data, parts with options, scikit-learn's habits."""
