"""What learned mechanics predict: forecasts, and clouds between observed ones."""
